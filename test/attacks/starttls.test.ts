/**
 * STARTTLS and STLS: what somebody on the way puts in front of the handshake is heard by nobody, on either side, and what was
 * said in plain is forgotten. CVE-2011-0411 and CVE-2021-33515 and their kin.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { submit } from '../support/mailbox.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { codes, Ear } from './converse.ts'

const PLAIN = `${Buffer.from('\0ana\0secret').toString('base64')}`

interface Upgrade {
  readonly port: number
  /** In front of it, each with its answer. */
  readonly before?: readonly string[]
  /** The command with what is injected behind it, in one piece. */
  readonly injected: string
  readonly answer: RegExp
  /** Said under TLS; the last one ends the session. */
  readonly after: readonly string[]
}

/** What is said under TLS; `refused: …` where the server did not come to it. */
async function upgraded(t: TestContext, { port, before = [], injected, answer, after }: Upgrade): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  t.after(() => socket.destroy())
  const plain = new Ear(socket)
  await plain.until(answer)
  for (const line of before) {
    socket.write(line)
    await plain.until(answer)
  }
  socket.write(injected)
  const said = await plain.until(answer)
  if (!/^(?:220|\+OK|\w+ OK)/.test(said)) return `refused: ${said}`
  const tls = connectTls({ socket, rejectUnauthorized: false })
  await once(tls, 'secureConnect')
  const ear = new Ear(tls)
  for (const [i, line] of after.entries()) {
    tls.write(line)
    await ear.until(i === after.length - 1 ? undefined : answer)
  }
  return ear.said
}

const REPLY = /^\d{3} [^\n]*\r\n/m

test('SMTP: commands behind STARTTLS are dropped, and the session begins anew', async (t) => {
  const inject = 'STARTTLS\r\nEHLO evil.test\r\nMAIL FROM:<evil@evil.test>\r\nRCPT TO:<ana@mail.example.test>\r\n'
  const server = await startServer(t, { accounts: ['ana'] })
  const said = await upgraded(t, {
    port: server.port('smtp'),
    before: ['EHLO c.test\r\n', `AUTH PLAIN ${PLAIN}\r\n`, 'MAIL FROM:<a@known.test>\r\n'],
    injected: inject,
    answer: REPLY,
    // Neither what was injected nor EHLO, log-in and sender of the plain session hold.
    after: ['RCPT TO:<ana@mail.example.test>\r\n', `AUTH PLAIN ${PLAIN}\r\n`, 'EHLO c.test\r\n', 'QUIT\r\n'],
  })
  // AUTH would be refused to one who has logged in.
  assert.equal(codes(said), '503 235 250 221')
  assert.doesNotMatch(said, /STARTTLS/, 'it is not offered again')
})

test('POP3: commands behind STLS are dropped, and a name that was said in plain is forgotten', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const said = await upgraded(t, {
    port: server.port('pop3'),
    before: ['USER ana\r\n'],
    injected: 'STLS\r\nUSER ana\r\nPASS secret\r\nSTAT\r\n',
    answer: /^(?:\+OK|-ERR)[^\n]*\r\n/m,
    after: ['PASS secret\r\n', 'STAT\r\n', 'QUIT\r\n'],
  })
  assert.match(said, /^-ERR [^\n]*\r\n-ERR Log in first\.\r\n\+OK/)
})

test('IMAP: commands behind STARTTLS are dropped', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const said = await upgraded(t, {
    port: server.port('imap'),
    injected: 'a STARTTLS\r\nb LOGIN ana secret\r\nc SELECT INBOX\r\n',
    answer: /^(?:\w+ (?:OK|NO|BAD)|\* OK)[^\n]*\r\n/m,
    after: ['d SELECT INBOX\r\n', 'e CAPABILITY\r\n', 'f LOGOUT\r\n'],
  })
  assert.match(said, /^d BAD Log in first\r\n/)
  assert.doesNotMatch(said, /^[bc] /m)
  assert.doesNotMatch(said, /STARTTLS/)
})

/** A server that somebody stands in front of: behind its go-ahead come replies in plain. */
async function injector(t: TestContext, heard: string[]): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).setEncoding('latin1')
    socket.write('220 sink.test ESMTP\r\n')
    socket.on('data', (chunk: string) => {
      const line = chunk.split('\r\n')[0] ?? ''
      heard.push(line)
      if (line.startsWith('EHLO')) socket.write('250-sink.test\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n')
      else if (line === 'STARTTLS')
        socket.write(
          '220 2.0.0 go\r\n250-sink.test\r\n250 AUTH PLAIN\r\n235 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n',
        )
      else socket.write('250 ok\r\n')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const at = server.address()
  return typeof at === 'object' && at !== null ? at.port : 0
}

async function sentBy(t: TestContext, level: string): Promise<{ heard: string[]; server: TestServer }> {
  const heard: string[] = []
  const port = await injector(t, heard)
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf: `relayhost = [127.0.0.1]:${port}\nsmtp_tls_security_level = ${level}\nsmtp_sasl_auth_enable = yes
smtp_sasl_password_maps = static:user:password\nsmtp_sasl_security_options =\nsmtp_sasl_tls_security_options =\n`,
  })
  assert.equal(await submit(server, 'ana@mail.example.test', ['b@far.test'], 'Subject: x\n\ny\n'), 250)
  await server.logged(/to=<b@far\.test>.*status=deferred/)
  return { heard, server }
}

test('SMTP client: replies behind the go-ahead are not believed, and no password follows', async (t) => {
  for (const level of ['encrypt', 'may']) {
    const { heard } = await sentBy(t, level)
    assert.ok(heard.includes('STARTTLS'), level)
    assert.ok(!heard.some((line) => /^(?:AUTH|MAIL|RCPT|DATA)/.test(line)), `${level}: ${heard.join(' | ')}`)
  }
})
