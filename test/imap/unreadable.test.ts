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

test('STORE of messages that are gone changes nothing, and says so', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  const other = await dialogue(t, server.port('imap'), 'ana')
  for (const subject of 'abcdefgh') await ana.append('INBOX', `Subject: ${subject}\r\n\r\n`)
  const opened = await ana.ask('SELECT INBOX (CONDSTORE)')
  const since = /HIGHESTMODSEQ (\d+)/.exec(opened)?.[1]
  await other.ask('SELECT INBOX')
  const expunge = async (set: string): Promise<void> => {
    await other.ask(`UID STORE ${set} +FLAGS.SILENT (\\Deleted)`)
    await other.ask(`UID EXPUNGE ${set}`)
  }
  await expunge('2')
  const refused = /^t\d+ NO \[EXPUNGEISSUED\] [^\r]*\r\n$/
  assert.match(await ana.ask('STORE 2 +FLAGS (\\Flagged)'), refused) // RFC 2180 §4.2.2
  assert.match(
    await ana.ask('STORE 1:3 +FLAGS (\\Flagged)'),
    /^\* 1 FETCH \(FLAGS \([^)]*\\Flagged[^)]*\) MODSEQ \(\d+\)\)\r\n\* 3 FETCH [^\r]*\r\nt\d+ NO \[EXPUNGEISSUED\] [^\r]*\r\n$/,
  ) // §4.2.3
  assert.match(
    await ana.ask('STORE 1:2 -FLAGS.SILENT (\\Flagged)'),
    /^\* 1 FETCH \(MODSEQ \(\d+\)\)\r\nt\d+ OK \[EXPUNGEISSUED\] /,
  ) // §4.2.1
  // RFC 7162, example 11: what failed otherwise is named.
  assert.match(
    await ana.ask(`STORE 2:4 (UNCHANGEDSINCE ${since}) +FLAGS (\\Answered)`),
    /^\* 4 FETCH \(FLAGS [^\r]*\r\nt\d+ NO \[MODIFIED 3\] /,
  )
  // Its number was not given away meanwhile; by UID nothing is amiss, for EXPUNGE is told first.
  await expunge('5')
  const byUid = await ana.ask('UID STORE 5:6 +FLAGS (\\Flagged)')
  assert.match(byUid, /\r\nt\d+ OK Store completed\r\n$/)
  assert.deepEqual(byUid.match(/UID \d+|\d+ EXPUNGE/g), ['2 EXPUNGE', '4 EXPUNGE', 'UID 6'])
  assert.match(await ana.ask('UID FETCH 1:* FLAGS'), /^\* 1 FETCH \(UID 1 [^]*\* 4 FETCH \(UID 6 FLAGS \([^)]*Flagged/)
  // The newest two of the rest, one of which is gone.
  const limited = await startServer(t, { accounts: ['ana'], mainCf: 'imapd_message_limit = 2\n' })
  const bounded = await dialogue(t, limited.port('imap'), 'ana')
  const beside = await dialogue(t, limited.port('imap'), 'ana')
  for (const subject of 'abc') await bounded.append('INBOX', `Subject: ${subject}\r\n\r\n`)
  for (const client of [bounded, beside]) await client.ask('SELECT INBOX')
  await beside.ask('STORE 3 +FLAGS.SILENT (\\Deleted)')
  await beside.ask('EXPUNGE')
  assert.match(
    await bounded.ask('STORE 1:3 +FLAGS (\\Flagged)'),
    /^\* 2 FETCH [^\r]*\r\n\* NO \[MESSAGELIMIT 2 2\] [^\r]*\r\nt\d+ NO \[EXPUNGEISSUED\] /,
  )
})
