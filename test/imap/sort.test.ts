/** SORT and THREAD (RFC 5256, RFC 5267 §3, RFC 5957). */
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import fc from 'fast-check'
import { startServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

const append = (tag: string, header: string, body = ''): string => {
  const message = `${header}\n\n${body}\n`
  return `C: ${tag} APPEND INBOX {${message.length + message.split('\n').length - 1}+}\n${message
    .split('\n')
    .map((line) => `C: ${line}`)
    .join('\n')}\nS: ${tag} OK …`
}

/** 1 to 5: an answer before what it answers, encoded words, a group, one without anything. */
const MAILBOX = `
    S: * OK …
    C: a LOGIN ana secret
    S: a OK …
    ${append('b1', 'From: Zoe <bob@x.test>\nTo: C <c@x.test>\nSubject: Re: [l] budget\nDate: 2 Mar 2026 10:00:00 +0000\nMessage-ID: <2@x>\nReferences: <1@x>')}
    ${append('b2', 'From: =?utf-8?q?=C3=89va?= <zed@x.test>\nCc: k@x.test\nSubject: Budget\nDate: 2 Mar 2026 10:00:00 +0200\nMessage-ID: <"1"@x>', 'long')}
    ${append('b3', 'From: ann@x.test\nTo: list: q@x.test;\nSubject: apples (fwd)\nDate: 1 Jan 2026 10:00:00 +0000\nMessage-ID: <3@x>\nIn-Reply-To: your letter <9@x>')}
    ${append('b4', 'X: y')}
    ${append('b5', 'From: m@x.test\nSubject: =?utf-8?q?=C3=A9t=C3=A9?=\nDate: 1 Feb 2026 10:00:00 +0000\nMessage-ID: <5@x>\nIn-Reply-To: <9@x>')}
    C: c EXAMINE INBOX
    S: * FLAGS …
    S: * OK …
    S: * 5 EXISTS
    S: * 5 RECENT
    S: * OK …
    S: * OK …
    S: * OK …
    S: * OK …
    S: * OK [MAILBOXID …
    S: c OK …`

test('SORT orders by each criterion, reversed ones too, and in both forms', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  await transcript(
    server.port('imap'),
    `${MAILBOX}
    C: d1 SORT (DATE) UTF-8 ALL
    S: * SORT 3 5 2 1 4
    S: d1 OK Sort completed
    C: d2 SORT (REVERSE DATE) UTF-8 1:3
    S: * SORT 1 2 3
    S: d2 OK …
    C: d3 SORT (SUBJECT REVERSE SIZE) UTF-8 ALL
    S: * SORT 4 3 1 2 5
    S: d3 OK …
    C: d4 SORT (SUBJECT DATE) UTF-8 ALL
    S: * SORT 4 3 2 1 5
    S: d4 OK …
    C: d5 SORT (FROM) US-ASCII ALL
    S: * SORT 4 3 1 5 2
    S: d5 OK …
    C: d6 SORT (DISPLAYFROM) UTF-8 ALL
    S: * SORT 4 3 2 5 1
    S: d6 OK …
    C: d7 SORT (TO) UTF-8 ALL
    S: * SORT 2 4 5 1 3
    S: d7 OK …
    C: d8 SORT (DISPLAYTO REVERSE CC) UTF-8 ALL
    S: * SORT 2 4 5 1 3
    S: d8 OK …
    C: d9 UID SORT (SIZE) UTF-8 NOT 3
    S: * SORT 4 5 2 1
    S: d9 OK …
    C: e1 SORT RETURN (MIN MAX COUNT ALL) (REVERSE SUBJECT) UTF-8 ALL
    S: * ESEARCH (TAG "e1") MIN 5 MAX 4 ALL 5,1:4 COUNT 5
    S: e1 OK …
    C: e2 UID SORT RETURN () (REVERSE DATE) UTF-8 SUBJECT budget
    S: * ESEARCH (TAG "e2") UID ALL 1:2
    S: e2 OK …
    C: e3 SORT (DATE) UTF-8 TEXT nowhere
    S: * SORT
    S: e3 OK …
    C: e4 SORT (DATE) UTF-8 5 MODSEQ 1
    S: * SORT 5 (MODSEQ …)
    S: e4 OK …
    C: f1 SORT () UTF-8 ALL
    S: f1 BAD …
    C: f2 SORT (COLOUR) UTF-8 ALL
    S: f2 BAD …
    C: f3 SORT (REVERSE) UTF-8 ALL
    S: f3 BAD …
    C: f4 SORT (DATE) NO-SUCH ALL
    S: f4 NO [BADCHARSET (UTF-8 US-ASCII)] …
    C: f5 SORT (DATE) UTF-8
    S: f5 BAD …
  `,
  )
})

test('THREAD by subject and by references', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  await transcript(
    server.port('imap'),
    `${MAILBOX}
    C: d1 THREAD REFERENCES UTF-8 ALL
    S: * THREAD ((3)(5))(2 1)(4)
    S: d1 OK Thread completed
    C: d2 UID THREAD REFERENCES UTF-8 1,3
    S: * THREAD (3)(1)
    S: d2 OK …
    C: d3 THREAD ORDEREDSUBJECT UTF-8 ALL
    S: * THREAD (3)(5)(2 1)(4)
    S: d3 OK …
    C: d4 THREAD REFERENCES UTF-8 TEXT nowhere
    S: * THREAD
    S: d4 OK …
    C: d5 THREAD REFS UTF-8 ALL
    S: * THREAD …
    S: d5 OK …
    C: f1 THREAD JWZ UTF-8 ALL
    S: f1 BAD …
    C: f2 THREAD REFERENCES UTF-8
    S: f2 BAD …
  `,
  )
})

test('any SORT or THREAD gets an answer', async (t) => {
  const server = await startServer(t, { accounts: ['ana'], mainCf: 'imapd_error_limit = 1000\n' })
  const word = fc.constantFrom('(', ')', ' ', 'DATE', 'REVERSE', 'RETURN (', 'UTF-8', 'ALL', '"', '{1+}\r\nx', '1', '$')
  const programs = fc.sample(fc.array(word, { maxLength: 12 }), 200)
  const socket = connect(server.port('imap'), '127.0.0.1')
  let said = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => (said += chunk))
  socket.write('l LOGIN ana secret\r\ns SELECT INBOX\r\n')
  for (const [i, words] of programs.entries())
    socket.write(`t${i} ${i % 2 === 0 ? 'SORT' : 'THREAD REFERENCES'} ${words.join('')}\r\n`)
  socket.end('z LOGOUT\r\n')
  await new Promise((resolve) => socket.once('close', resolve))
  assert.doesNotMatch(said, /SERVERBUG/)
  assert.match(said, /\nz OK /)
})
