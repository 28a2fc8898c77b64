/** Words of every command in any order, after a log-in: each gets an answer to its own tag, or the end. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { startServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

const COMMANDS = [
  'SELECT INBOX',
  'FETCH 1 ',
  'UID FETCH 1:* ',
  'SEARCH ',
  'UID SEARCH ',
  'STATUS INBOX ',
  'LIST "" * ',
  'CREATE x ',
  'COMPRESS ',
  'APPEND INBOX ',
  'REPLACE 1 INBOX ',
  'UID REPLACE 1 INBOX ',
  'ESEARCH IN (',
  'ESEARCH ',
  'CANCELUPDATE ',
  'UIDBATCHES 500 ',
  'ENABLE UIDONLY',
  'NOTIFY SET ',
  'SETQUOTA "" ',
  'GENURLAUTH ',
  'URLFETCH ',
  'RESETKEY ',
  'SETACL INBOX ',
  'DELETEACL INBOX ',
  'LISTRIGHTS INBOX ',
  'LIST "" % RETURN (MYRIGHTS ',
  'NOTIFY SET (selected (MessageNew (UID) MessageExpunge)) ',
  'UID SORT RETURN (UPDATE) (DATE) UTF-8 ',
]

const WORDS = [
  '\r\n',
  ' ',
  '(',
  ')',
  '"',
  '{3}\r\n',
  '{3+}\r\nabc',
  '~{2+}\r\n\0\0',
  '\0',
  '\xff',
  '*',
  '1:*',
  '$',
  '1,2:3',
  'ALL',
  'NOT ',
  'OR ',
  'EMAILID M1',
  'UIDAFTER 1',
  'THREADID ',
  'SAVEDATE',
  'SAVEDON 1-Jan-2026',
  'PREVIEW (LAZY)',
  'MAILBOXID',
  'DEFLATE',
  'RETURN (',
  'anyone ',
  '+lrs',
  '-ana ',
  '(\\Seen) ',
  '{3+}\r\nxyz ',
  'CATENATE (',
  'TEXT {3+}\r\nxyz',
  'URL "/INBOX/;UID=1"',
  'URL {3+}\r\nxyz',
  'UTF8 (~{3+}\r\nxyz)',
  'PARTIAL 1:2',
  'PARTIAL -1:-2',
  'UPDATE',
  'COUNT',
  'RELEVANCY',
  'FUZZY ',
  'SUBJECT x',
  'subtree INBOX',
  'personal',
  'selected',
  '(personal (MailboxName))',
  '(selected (MessageNew (BODY[]) MessageExpunge FlagChange))',
  'STATUS ',
  'STORAGE 5',
  '"imap://ana@h/INBOX/;UID=1;URLAUTH=anonymous"',
  ' INTERNAL',
]

test('words of every command in any order get an answer to their own tag, or the end', async (t) => {
  const server = await startServer(t, { accounts: ['ana'], mainCf: 'imapd_error_limit = 1000\n' })
  const port = server.port('imap')
  const command = fc.tuple(fc.constantFrom(...COMMANDS), fc.array(fc.constantFrom(...WORDS), { maxLength: 8 }))
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 6 }), async (commands) => {
      const socket = connect(port, '127.0.0.1')
      let said = ''
      socket.on('data', (chunk: Buffer) => (said += chunk.toString('latin1'))).on('error', () => {})
      const lines = commands.map(([name, words], i) => `t${i} ${name}${words.join('')}\r\n`)
      socket.end(Buffer.from(`l LOGIN ana secret\r\ns SELECT INBOX\r\n${lines.join('')}`, 'latin1'))
      await new Promise((resolve) => socket.once('close', resolve))
      assert.match(said, /^s OK /m)
      assert.doesNotMatch(said, /SERVERBUG/)
      const deflated = said.indexOf('OK DEFLATE active')
      for (const line of (deflated < 0 ? said : said.slice(0, deflated)).split('\r\n')) {
        if (!/^\S+ (OK|NO|BAD) /.test(line) || /^[*l s]/.test(line)) continue
        assert.match(line, /^[^\s(){%*"\\+]+ /)
      }
    }),
    { numRuns: 300 },
  )
  assert.doesNotMatch(server.log(), /defect/)
  await transcript(port, 'S: * OK …\nC: a LOGIN ana secret\nS: a OK …')
})
