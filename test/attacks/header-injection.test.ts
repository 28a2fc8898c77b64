/**
 * Octets that would end a header field, a log line or a word of the protocol, or speak to a terminal, in everything that a client
 * names itself, its sender and its recipients by; looked for in what is stored, reported, logged and printed.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import type { Command } from '#src/main/cli/io.ts'
import { postcat } from '#src/main/cli/postcat.ts'
import { postqueue } from '#src/main/cli/postqueue.ts'
import { why } from '#src/main/cli/why.ts'
import { dialogue } from '../support/imap.ts'
import { messagesIn, until } from '../support/mailbox.ts'
import { startServer } from '../support/server.ts'
import { startSink } from '../support/sink.ts'
import { converse } from './converse.ts'

/** A field that an attacker would add, behind what may end the one before it. */
const INJECTED = 'X-Injected: yes'
const ENDS = {
  CRLF: '\r\n',
  LF: '\n',
  CR: '\r',
  NUL: '\0',
  NEL: '\xc2\x85',
  'line separator': '\xe2\x80\xa8',
  'paragraph separator': '\xe2\x80\xa9',
  VT: '\v',
  FF: '\f',
  'terminal escape': '\x1b[2J\x1b]0;x\x07',
  'C1 escape': '\xc2\x9b2J',
  backspace: '\b\b\b\b',
}
const hex = (text: string): string =>
  [...Buffer.from(text, 'latin1')].map((octet) => `+${octet.toString(16).toUpperCase().padStart(2, '0')}`).join('')

/** Commands with an end in them, in front of a message that goes out and is refused there. */
function commandsWith(end: string): string[] {
  const coded = hex(`${end}${INJECTED}`)
  const evil = `${end}${INJECTED}`
  return [
    ...['NAME', 'HELO', 'LOGIN', 'REVERSE_NAME', 'ADDR'].map((name) => `XCLIENT ${name}=x${coded}`),
    'EHLO c.test',
    ...['NAME', 'HELO', 'IDENT', 'SOURCE', 'PROTO'].map((name) => `XFORWARD ${name}=x${coded}`),
    `EHLO evil${evil}`,
    'EHLO c.test',
    `MAIL FROM:<"evil${evil}"@known.test>`,
    'RSET',
    `MAIL FROM:<a@known.test> ENVID=e${coded}`,
    'RSET',
    `MAIL FROM:<a@known.test> AUTH=a${coded}`,
    `RCPT TO:<"evil${evil}"@far.test>`,
    `RCPT TO:<"evil\\${end}x"@far.test>`,
    `RCPT TO:<ana@mail.example.test> ORCPT=rfc822;o${coded}`,
    `RCPT TO:<evil+${coded}@far.test>`,
    'RCPT TO:<ana@mail.example.test> NOTIFY=SUCCESS',
    `VRFY evil${evil}`,
    `ETRN evil${evil}`,
    `NOOP ${evil}`,
    `AUTH PLAIN ${Buffer.from(`\0ana${evil}\0x${evil}`, 'latin1').toString('base64')}`,
  ]
}

/** What no line of a log, a report or a command may hold. */
const FORBIDDEN = /(?![\t\n])[\p{Cc}\u2028\u2029]/u

test('no octet of the envelope ends a field, a log line or an answer', async (t) => {
  const sink = await startSink(t, {
    answer: (command) => (command.startsWith('RCPT') ? '550 5.1.1 no \x1b[2J\x9b' : undefined),
  })
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf: `relayhost = [127.0.0.1]:${sink.port}\nsmtpd_authorized_xclient_hosts = 127.0.0.1\nsmtpd_authorized_xforward_hosts = 127.0.0.1
mynetworks = 127.0.0.1 192.0.2.9\nsmtpd_hard_error_limit = 1000\nlocal_recipient_maps =\nsmtpd_forbid_unauth_pipelining = no
notify_classes = bounce, policy, protocol, resource, software, delay\nsmtpd_client_auth_rate_limit = 0\n`,
  })
  const said: string[] = []
  for (const end of Object.values(ENDS)) {
    // All at once: where an end makes two commands of one, there are more answers.
    const content = `DATA\r\nSubject: s\r\n\r\nx\r\n.\r\n`
    said.push(await converse(server.port('smtp'), [`${commandsWith(end).join('\r\n')}\r\n${content}QUIT\r\n`]))
    const mail = `MAIL FROM:<ana@mail.example.test>\r\nRCPT TO:<"e${end}"@far.test>\r\nRCPT TO:<f@far.test>\r\n`
    said.push(await converse(server.port('smtp'), [`EHLO "x${end}\r\n${mail}${content}QUIT\r\n`]))
  }
  for (const answer of said)
    for (const line of answer.split('\r\n')) {
      assert.match(line, /^(?:\d{3}(?:[ -].*)?)?$/s, JSON.stringify(line))
      assert.doesNotMatch(Buffer.from(line, 'latin1').toString(), FORBIDDEN, JSON.stringify(line))
    }
  // What ends a line is a command by itself, and one that no client of SMTP says: the session is over then.
  const whole = Object.values(ENDS).filter((end) => !end.includes('\n')).length
  await until('all reports came', async () => (await messagesIn(server, 'ana')).length >= 2 * whole)
  for (const message of await messagesIn(server, 'ana')) {
    const [head = ''] = message.split('\r\n\r\n', 1)
    assert.doesNotMatch(message.replaceAll('\r\n', '\n'), FORBIDDEN)
    assert.doesNotMatch(message, /^X-Injected/m)
    for (const line of head.split('\r\n')) assert.match(line, /^(?:[\x21-\x39\x3b-\x7e]+:|[ \t])/, JSON.stringify(line))
  }
  const log = readFileSync(join(server.dir, 'mail.log'), 'utf8')
  assert.doesNotMatch(log, FORBIDDEN)
  for (const line of log.trimEnd().split('\n'))
    assert.match(line, /^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ postfix\//, line)
  assert.match(log, /X-Injected/, 'it was tried')
  await printed(server.dir, server.log())
})

/** Nothing that a command prints of the queue and its history speaks to a terminal. */
async function printed(dir: string, log: string): Promise<void> {
  const run = async (command: Command, words: readonly string[]): Promise<string> => {
    let out = ''
    const io = { stdin: Readable.from([]), env: { MAIL_CONFIG: dir }, cwd: dir, tty: true }
    await command(words, { ...io, out: (text) => (out += String(text)), err: (text) => (out += text) })
    return out
  }
  const ids = [...new Set([...log.matchAll(/ ([0-9A-Za-z]{6,}): /g)].map(([, id = '']) => id))]
  const all = [
    await run(postqueue, ['-p']),
    await run(postqueue, ['-j']),
    await run(why, ['ana@mail.example.test']),
    ...(await Promise.all(ids.slice(-10).flatMap((id) => [run(postcat, ['-q', id]), run(why, [id])]))),
  ]
  for (const text of all) assert.doesNotMatch(text, FORBIDDEN, JSON.stringify(text))
}

test('IMAP: names and values that hold line ends come back whole, and names with control octets are none', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  for (const name of ['a\rb', 'a\nb', 'a\r\n* BYE x', 'a\x1bb', 'a\x7fb', 'a\xc2\x85b', 'a\xe2\x80\xa8b']) {
    const literal = `{${name.length}+}\r\n${name}`
    const asked = Buffer.from(`CREATE ${literal}`, 'latin1')
    assert.match(await ana.ask(asked), /^t\d+ (?:NO|BAD) [^\r\n]*\r\n$/, JSON.stringify(name))
    assert.match(await ana.ask(Buffer.from(`SETACL INBOX ${literal} l`, 'latin1')), /^t\d+ (?:NO|BAD) [^\r\n]*\r\n$/)
    const value = Buffer.from(`SETMETADATA INBOX (/private/comment ${literal})`, 'latin1')
    assert.match(await ana.ask(value), /^t\d+ OK /)
    const told = await ana.ask('GETMETADATA INBOX /private/comment')
    assert.ok(told.includes(`{${name.length}}\r\n${name})`) || !/[\r\n]/.test(name), told)
  }
})
