/** Names that lead elsewhere: of mailboxes, of messages in the queue, of files in the maildrop; over IMAP, commands and sockets. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import type { Command } from '#src/main/cli/io.ts'
import { mailboxExport } from '#src/main/cli/mailbox-export.ts'
import { postcat } from '#src/main/cli/postcat.ts'
import { postqueue } from '#src/main/cli/postqueue.ts'
import { postsuper } from '#src/main/cli/postsuper.ts'
import { askControl } from '#src/main/server/control.ts'
import { dataPaths } from '#src/main/server/data-dir.ts'
import { publicPaths, type PublicPaths } from '#src/main/server/maildrop.ts'
import { tellDropped } from '#src/main/server/public-socket.ts'
import { type Dialogue, dialogue } from '../support/imap.ts'
import { messagesIn, submit } from '../support/mailbox.ts'
import { startServer } from '../support/server.ts'

/** Names that a file system, a shell or a decoder would read otherwise. */
const NAMES = [
  '..',
  '.',
  '../x',
  '../../../../tmp/x',
  'a/../../b',
  './a',
  '/etc/passwd',
  'a//b',
  'a/',
  '~',
  '~root/x',
  '.hidden',
  '.bashrc',
  'INBOX/../x',
  'inbox',
  '#news.a',
  '$(id)',
  '`id`',
  'a;id',
  '-rf',
  'CON',
  'x'.repeat(300),
  'x'.repeat(5000),
  'a/'.repeat(200).concat('b'),
  '%',
  '*',
  'a\\b',
  '"',
  // Modified UTF-7: NUL, LF, `/`, `..`, a lone surrogate, what is not the shortest form, what does not end.
  '&AAA-',
  '&AAo-',
  '&AC8-',
  '&AC4ALg-',
  '&2AA-',
  '&AGE-',
  '&AOk',
  '&',
  'a&-b',
  '&gfA-x',
  '\xe2\x81\x84',
  '\xef\xbc\x8f',
  '\xc0\xae\xc0\xae/',
  '\xff',
]

interface Ran {
  readonly code: number
  readonly out: string
}

async function run(command: Command, words: readonly string[], dir: string): Promise<Ran> {
  let out = ''
  const note = (text: string | Buffer): void => void (out += String(text))
  const io = { stdin: Readable.from([]), env: { MAIL_CONFIG: dir }, cwd: dir, tty: false, out: note, err: note }
  return { code: await command(words, io), out }
}

async function filled(ana: Dialogue): Promise<void> {
  for (const name of NAMES) {
    const literal = `{${name.length}+}\r\n${name}`
    const ask = (words: string): Promise<string> => ana.ask(Buffer.from(words, 'latin1'))
    assert.match(
      await ask(`CREATE ${literal}`),
      /^(?:\* [^\n]*\n)*t\d+ (?:OK|NO|BAD) [^\r\n]*\r\n$/,
      JSON.stringify(name),
    )
    await ask(`RENAME INBOX ${literal}`)
    await ask(`SUBSCRIBE ${literal}`)
    await ask(`APPEND ${literal} {14+}\r\nSubject: x\r\n\r\n`)
    assert.match(await ask(`SELECT ${literal}`), /t\d+ (?:OK|NO|BAD) /)
  }
}

test('no name of a mailbox leads out of its account, nor its export out of the directory', async (t) => {
  const server = await startServer(t, { accounts: ['ana', 'eva'] })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  await ana.append('INBOX', 'Subject: x\r\n\r\n')
  await filled(ana)
  const listed = await ana.ask('LIST "" *')
  assert.doesNotMatch(listed, /eva/)
  for (const name of ['Other Users/eva/INBOX', 'Other Users/../eva/INBOX', '../eva/INBOX', '/eva/INBOX'])
    assert.match(await ana.ask(`SELECT "${name}"`), /t\d+ NO /)
  const above = mkdtempSync(join(tmpdir(), 'postigo-names-'))
  t.after(() => rmSync(above, { recursive: true }))
  for (const format of ['maildir', 'mbox']) {
    const to = join(above, 'in', format)
    mkdirSync(to, { recursive: true })
    await run(mailboxExport, ['--all', '--as', format, to], server.dir)
    assert.deepEqual(readdirSync(above), ['in'])
    assert.deepEqual(readdirSync(to).toSorted(), ['ana', 'eva'])
    assert.ok(readdirSync(join(to, 'ana')).length > 3)
  }
})

const IDS = [
  '../../etc/passwd',
  '/etc/passwd',
  '..',
  '$(id)',
  '%',
  '_',
  "' OR 1=1 --",
  '*',
  '',
  'x'.repeat(10_000),
  '\0',
  'ALL ',
]

test('a queue id names a message of the queue, or nothing', async (t) => {
  const server = await startServer(t, { accounts: ['ana'], mainCf: 'defer_transports = smtp\n' })
  assert.equal(await submit(server, 'ana@mail.example.test', ['b@far.test'], 'Subject: kept\n\nx\n'), 250)
  const { rooms } = server.server
  const control = join(dataPaths(rooms.current.config).dir, 'control')
  for (const id of IDS) {
    const { out } = await run(postcat, ['-q', id], server.dir)
    assert.doesNotMatch(out, /root:|kept/, id)
    for (const flag of ['-d', '-h', '-r', '-e'])
      assert.doesNotMatch((await run(postsuper, [flag, id], server.dir)).out, /: 1 message/)
    await run(postqueue, ['-i', id], server.dir)
    for (const command of ['queue-operate', 'queue-requeue', 'queue-message', 'postfix-queue-give', 'why'])
      await askControl(control, {
        command,
        queueIds: [id],
        queueId: id,
        operation: 'delete',
        queues: ['deferred'],
      }).catch(() => {})
  }
  const taken = await askControl(control, { command: 'postfix-queue-take', paths: ['/etc/passwd', '../main.cf'] })
  assert.deepEqual(taken, { ok: true, taken: [] })
  assert.match((await run(postqueue, ['-p'], server.dir)).out, /in 1 Request/)
})

/** Files as another user could leave them, by what is wrong with each. */
function plant({ maildrop }: PublicPaths, secret: string): string[] {
  const name = (letter: string): string => join(maildrop, letter.repeat(32))
  const drop = `${JSON.stringify({ sender: 'a@b.test', recipients: [{ address: 'ana@mail.example.test' }] })}\nSubject: no\r\n\r\nx\r\n`
  symlinkSync(secret, name('a'))
  linkSync(secret, name('b'))
  execFileSync('mkfifo', ['-m', '744', name('c')])
  mkdirSync(name('d'), { mode: 0o744 })
  for (const [letter, text] of [
    ['e', 'no envelope at all'],
    ['f', '{"recipients":[{"address":"a\\nb@c"},{"address":"x\\u001b@y"},{"address":7},null]}\nSubject: no\r\n\r\n'],
    ['0', `{"deliver":{"account":"ana","folder":"../../x"},"recipients":[]}\nSubject: no\r\n\r\n`],
    ['1', `{"deliver":{"account":"eva"}}\nSubject: no\r\n\r\n`],
    ['2', `${'{"x":'.repeat(20_000)}\n`],
    ['3', '{"__proto__":{"deliver":{}},"recipients":{"length":1e9}}\n\n'],
  ] as const) {
    writeFileSync(name(letter), text)
    chmodSync(name(letter), 0o744)
  }
  writeFileSync(name('4'), drop) // not finished
  writeFileSync(join(maildrop, '..evil'), drop, { mode: 0o744 })
  return [drop]
}

test('what others leave in the maildrop is a message of theirs, or nothing', async (t) => {
  const server = await startServer(t, { accounts: ['ana', 'eva'] })
  const paths = publicPaths(server.server.rooms.current.config)
  const secret = join(server.dir, 'secret')
  writeFileSync(
    secret,
    `${JSON.stringify({ recipients: [{ address: 'ana@mail.example.test' }] })}\nSubject: secret\r\n\r\n`,
  )
  chmodSync(secret, 0o744)
  plant(paths, secret)
  await tellDropped(paths)
  // Answered behind the pickup's run: a message that is one.
  const drop = `${JSON.stringify({ recipients: [{ address: 'ana@mail.example.test' }] })}\nSubject: yes\r\n\r\n`
  writeFileSync(join(paths.maildrop, 'f'.repeat(31).concat('0')), drop)
  chmodSync(join(paths.maildrop, 'f'.repeat(31).concat('0')), 0o744)
  await tellDropped(paths)
  await server.logged(/to=<ana@mail\.example\.test>.*status=sent/)
  assert.doesNotMatch((await messagesIn(server, 'ana')).join(), /secret|Subject: no/)
  assert.match(server.log(), /maildrop\/b{32}: it has another name; it is removed/)
  assert.ok(statSync(secret).isFile())
})

test('who has no right to ask is not answered, and closed places are closed', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const { config } = server.server.rooms.current
  const { dir } = dataPaths(config)
  const paths = publicPaths(config)
  assert.equal(statSync(dir).mode & 0o777, 0o700)
  assert.equal(statSync(paths.maildrop).mode & 0o7777, 0o1733)
  for (const name of readdirSync(dir)) {
    const { mode } = statSync(join(dir, name))
    if (name.endsWith('.key') || name.endsWith('.pem')) assert.equal(mode & 0o077, 0, name)
  }
  for (const command of [
    'status',
    'stop',
    'reload',
    'queue-operate',
    'account-add',
    'mailbox-export',
    'constructor',
    '__proto__',
  ])
    assert.deepEqual(await askControl(paths.socket, { command }), {
      ok: false,
      error: 'use of this command is reserved for the superuser',
    })
  for (const proof of ['../secret', '..', '', 'x'.repeat(32), 'a'.repeat(32), '/etc/passwd', null, {}])
    assert.deepEqual(await askControl(paths.socket, { command: 'queue-list', proof }), {
      ok: false,
      error: 'who asks is not known',
    })
  // As a browser would be made to ask.
  const socket = connect(paths.socket)
  socket.end('POST / HTTP/1.1\r\nHost: x\r\n\r\n{"command":"stop"}\n')
  let said = ''
  for await (const chunk of socket) said += String(chunk)
  assert.match(said, /^\{"ok":false,/)
})
