/** Content that cannot be read: an answer of its own, never one amid a line or a literal that was begun. RFC 5530. */
import assert from 'node:assert/strict'
import { readdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { dialogue } from '../support/imap.ts'
import { startServer } from '../support/server.ts'

test('content that is missing: CORRUPTION, and the connection ends where some of a literal has left', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  await ana.append('INBOX', 'Subject: first\r\n\r\nwhole\r\n')
  const log = join(server.dir, 'data', 'postigo', 'log')
  const octets = (): [string, number][] =>
    readdirSync(log)
      .filter((name) => name.endsWith('.log'))
      .map((name) => [join(log, name), statSync(join(log, name)).size])
  const before = new Map(octets())
  await ana.append('INBOX', `Subject: large\r\n\r\n${'x'.repeat(3_000_000)}\r\n`)
  await ana.append('INBOX', 'Subject: last\r\n\r\nmissing\r\n')
  await ana.ask('SELECT INBOX')
  // What the large message and the last one hold is cut off, but for the beginning of the large one.
  for (const [path, size] of octets()) {
    const old = before.get(path) ?? 0
    if (size > old) truncateSync(path, Math.min(size, old + 2_000_000))
  }
  assert.match(await ana.ask('FETCH 1 BODY.PEEK[TEXT]'), /whole\r\n\)\r\nt\d+ OK/)
  assert.match(await ana.ask('FETCH 3 (UID BODY.PEEK[])'), /^t\d+ NO \[CORRUPTION\] /)
  const rump = 'imap://ana@mail.example.test/INBOX/;UID=3;URLAUTH=anonymous'
  const [, full] = /GENURLAUTH "([^"]+)"/.exec(await ana.ask(`GENURLAUTH "${rump}" INTERNAL`)) ?? []
  assert.match(await ana.ask(`URLFETCH "${full}"`), /^\* URLFETCH "[^"]+" NIL\r\nt\d+ OK/)
  const large = await ana.ask('FETCH 2 (UID BODY.PEEK[])')
  assert.match(large, /^\* 2 FETCH \(UID 2 BODY\[\] \{3000020\}\r\nSubject: large\r\n\r\nx+\* BYE /)
  assert.equal(large.match(/t\d+ /), null)
  await server.logged(/internal error: .*content of a message is missing[^]*internal error: .*ends before octet/)
})

test('EXPUNGEISSUED: during commands that name numbers, messages are known to be gone and not told yet', async (t) => {
  const server = await startServer(t, { accounts: ['ana'], mainCf: 'imapd_message_limit = 2\n' })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  const other = await dialogue(t, server.port('imap'), 'ana')
  for (const subject of 'abcd') await ana.append('INBOX', `Subject: ${subject}\r\n\r\n`)
  await ana.ask('SELECT INBOX')
  await other.ask('SELECT INBOX')
  assert.match(await ana.ask('FETCH 1 UID'), /^\* 1 FETCH \(UID 1\)\r\nt\d+ OK Fetch/)
  await other.ask('STORE 1 +FLAGS.SILENT (\\Deleted)')
  await other.ask('EXPUNGE')
  assert.match(await ana.ask('FETCH 2 UID'), /^\* 2 FETCH \(UID 2\)\r\nt\d+ OK \[EXPUNGEISSUED\] Fetch/)
  assert.match(await ana.ask('SEARCH 2:3'), /\r\nt\d+ OK \[EXPUNGEISSUED\] Search/)
  assert.match(await ana.ask('STORE 2 +FLAGS (\\Seen)'), /\r\nt\d+ OK \[EXPUNGEISSUED\] Store/)
  assert.match(
    await ana.ask('FETCH 2:4 UID'),
    /\r\n\* NO \[MESSAGELIMIT 2 3\] .*\r\nt\d+ OK \[EXPUNGEISSUED\] Fetch completed/,
  )
  assert.match(await ana.ask('NOOP'), /^\* 1 EXPUNGE\r\nt\d+ OK/)
  assert.match(await ana.ask('FETCH 1 UID'), /^\* 1 FETCH \(UID 2\)\r\nt\d+ OK Fetch/)
})
