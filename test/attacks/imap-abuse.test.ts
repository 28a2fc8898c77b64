/** What one who has logged in may say to IMAP, taken to its limits: each command has its answer, soon, and the next one too. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dialogue } from '../support/imap.ts'
import { startServer } from '../support/server.ts'

const SOON_MS = 30_000
const LETTER = 'Subject: x\r\nFrom: a@b.test\r\n\r\nhello\r\n'

/** Just under the bounds, so that they are carried out; and what they cost is not their product. */
const HEAVY: readonly string[] = [
  `FETCH ${'1:4294967295,'.repeat(4000)}1 (FLAGS)`,
  `UID FETCH ${'4294967295:1,'.repeat(4000)}* (UID)`,
  `FETCH ${'1,'.repeat(9000)}1 UID`,
  `STORE ${'1:*,'.repeat(9000)}1 +FLAGS.SILENT (x)`,
  `SEARCH ${'1:4294967295 '.repeat(4000)}`,
  `SEARCH ${'NOT SEEN '.repeat(4000)}ALL`,
  `SEARCH ${'OR SEEN '.repeat(40)}ALL`,
  `SEARCH ${'SUBJECT "aaaaaaaaaaaaaaaaaaaaab" '.repeat(1800)}`,
  `SEARCH ${'HEADER X "" '.repeat(4000)}`,
  `SEARCH RETURN (ALL COUNT MIN MAX) ${'1:*,'.repeat(9000)}*`,
  `SORT (${'SUBJECT '.repeat(8)}DATE) UTF-8 ${'ALL '.repeat(4000)}`,
  `FETCH 1:* (${'BODY.PEEK[HEADER.FIELDS (Subject)] '.repeat(100)}UID)`,
  `FETCH 1:* (${'BODY.PEEK[]<0.1> '.repeat(500)}UID)`,
  `FETCH 1 BODY.PEEK[${'1.'.repeat(9000)}1]`,
  `FETCH 1 BODY.PEEK[]<4294967295.4294967295>`,
  `FETCH 1 BODY.PEEK[]<0.99999999999>`,
  `LIST "" (${'"*%*%*%*%*%*%*%*%*%*%a" '.repeat(600)}"*")`,
  `LIST "" "${'*%'.repeat(8000)}"`,
  `STATUS INBOX (${'MESSAGES '.repeat(5000)}UIDNEXT)`,
  `STORE 1 +FLAGS (${Array.from({ length: 5000 }, (_, i) => `k${i}`).join(' ')})`,
  `APPEND INBOX (${'\\Seen '.repeat(5000)}) {1+}\r\nx`,
  `ID (${'"a" "b" '.repeat(2000)}"c" NIL)`,
  `ENABLE ${'CONDSTORE '.repeat(5000)}`,
  `GETMETADATA INBOX (${'/private/a '.repeat(5000)}/private/b)`,
  `CREATE ${'a/'.repeat(5000)}b`,
  `NOTIFY SET ${'(personal (MessageNew)) '.repeat(2000)}`.trimEnd(),
]

test('heavy commands are answered soon', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  for (let n = 0; n < 30; n++) await ana.append('INBOX', LETTER)
  await ana.ask('SELECT INBOX')
  for (const command of HEAVY) {
    const before = performance.now()
    const said = await ana.ask(command.trimEnd())
    const ms = performance.now() - before
    assert.match(said, /(?:^|\n)t\d+ (?:OK|NO|BAD) [^\r\n]*\r\n$/, command.slice(0, 60))
    assert.doesNotMatch(said, /SERVERBUG/, command.slice(0, 60))
    assert.ok(ms < SOON_MS, `${command.slice(0, 60)}: ${ms.toFixed()} ms`)
  }
  assert.match(await ana.ask('NOOP'), /OK/)
})

/** What is no command, before and after a log-in; `§` stands for a tag that must come back as it is. */
const ODD: readonly (readonly [said: string, answer: RegExp])[] = [
  ['\r\n', /^\* BAD /],
  [' NOOP\r\n', /^\* BAD /],
  ['+ NOOP\r\n', /^\* BAD /],
  ['* NOOP\r\n', /^\* BAD /],
  ['a\r\n', /^(?:a|\*) BAD /],
  ['a+b NOOP\r\n', /^a BAD /],
  ['"a" NOOP\r\n', /^\* BAD /],
  ['a NO\0OP\r\n', /^a BAD /],
  ['a\0 NOOP\r\n', /^\S+ BAD /],
  ['\xff NOOP\r\n', /^\* BAD /],
  ['a\rb NOOP\r\n', /^\S+ BAD /],
  ['a NOOP\rb NOOP\r\n', /^a BAD /],
  [`${'t'.repeat(8000)} NOOP\r\n`, /^t{8000} OK /],
  ['a NOOP x\r\n', /^a BAD /],
  ['a LIST "" {99999999999999999999}\r\n', /^\S+ (?:BAD|NO) /],
  ['a LIST "" {-1}\r\n', /^a BAD /],
  ['a LIST "" {+1}\r\n', /^a BAD /],
  ['a LIST "" {0x10}\r\n', /^a BAD /],
  ['a LIST "" "x\ny"\r\n', /^a BAD /],
  ['a AUTHENTICATE PLAIN !!!!\r\n', /^a (?:BAD|NO) /],
]

test('tags, NUL and bare line ends make one answer to one line', async (t) => {
  const server = await startServer(t, { accounts: ['ana'], mainCf: 'imapd_error_limit = 1000\n' })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  for (const [said, answer] of ODD) {
    ana.send(Buffer.from(said, 'latin1'))
    const heard = await ana.until(/\r\n/)
    assert.match(heard, answer, JSON.stringify(said.slice(0, 40)))
    assert.doesNotMatch(heard.slice(0, -2), /[\r\n\0]/)
    // A bare LF inside makes a second line, which is answered too.
    if (/(?<!\r)\n./s.test(said)) await ana.until(/\r\n/)
  }
  assert.match(await ana.ask('NOOP'), /^t\d+ OK /)
  // In IDLE nothing but DONE is a command.
  ana.send('i IDLE\r\n')
  await ana.until(/^\+ [^\n]*\n/m)
  ana.send('x LOGOUT\r\n')
  assert.match(await ana.until(/\r\n/), /^i BAD Expected DONE/)
})
