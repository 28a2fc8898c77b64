/** IMAP as clients speak it: what is said, in which order, and what two clients on one mailbox see of each other. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { startServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

const MULTIPART = [
  'From: Ana <ana@x.test>',
  'To: eva@x.test',
  'Subject: parts',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=b',
  '',
  '--b',
  'Content-Type: text/plain',
  '',
  'hello',
  '--b',
  'Content-Type: application/octet-stream',
  'Content-Transfer-Encoding: base64',
  '',
  'AAEC',
  '--b--',
  '',
].join('\r\n')

const LOGIN = 'S: * OK …\nC: a LOGIN ana secret\nS: a OK …'

/** APPEND with a non-synchronising literal. */
const append = (tag: string, message: string, options = ''): string =>
  `C: ${tag} APPEND INBOX ${options}{${message.length}+}\n${message
    .split('\r\n')
    .map((line) => `C: ${line}`)
    .join('\n')}`

test('log-in: capabilities before and after, wrong passwords, SASL-IR and cancelling', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  await transcript(
    server.port('imap'),
    `
    S: * OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ ID ENABLE IDLE SASL-IR STARTTLS AUTH=PLAIN …] mail.example.test Postigo ready
    C: a1 SELECT INBOX
    S: a1 BAD Log in first
    C: a2 LOGIN ana wrong
    S: a2 NO [AUTHENTICATIONFAILED] Authentication failed
    C: a3 AUTHENTICATE PLAIN
    S: + …
    C: *
    S: a3 BAD Authentication cancelled
    C: a4 AUTHENTICATE PLAIN ${Buffer.from('\0ana\0secret').toString('base64')}
    S: * CAPABILITY IMAP4rev1 IMAP4rev2 …
    S: a4 OK Logged in
    C: a5 LOGIN ana secret
    S: a5 BAD Already logged in
    C: a6 ID ("name" "test")
    S: * ID ("name" "Postigo" …)
    S: a6 OK …
    C: a7 FROB
    S: a7 BAD Unknown command FROB
    C: a8 LOGOUT
    S: * BYE Logging out
    S: a8 OK …
  `,
  )
})

test('a literal is read, a name too long or a mailbox that is not there is refused', async (t) => {
  const server = await startServer(t, { accounts: ['ana'], mainCf: 'imapd_append_limit = 1000\n' })
  await transcript(
    server.port('imap'),
    `
    S: * OK …
    C: a LOGIN {3}
    S: + OK
    C: ana {6+}
    C: secret
    S: a OK …
    C: b APPEND nowhere {10}
    S: b NO [TRYCREATE] No such mailbox
    C: c APPEND INBOX {1001}
    S: c NO [TOOBIG] Message is too large
    C: d APPEND INBOX {4+}
    C: ab
    C: trailing
    S: d BAD …
    C: e STATUS INBOX (MESSAGES UIDNEXT)
    S: * STATUS "INBOX" (MESSAGES 0 UIDNEXT 1)
    S: e OK …
  `,
  )
})

test('FETCH: items, sections, partials, BINARY; \\Seen is set and told', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  await transcript(
    server.port('imap'),
    `
    ${LOGIN}
    ${append('b', MULTIPART, '(\\Flagged) "24-Nov-2026 10:00:00 +0000" ')}
    S: b OK [APPENDUID … 1] Append completed
    C: c SELECT INBOX
    S: * FLAGS (…)
    S: * OK [PERMANENTFLAGS (… \\*)] …
    S: * 1 EXISTS
    S: * 1 RECENT
    S: * OK [UNSEEN 1] …
    S: * OK [UIDVALIDITY …] …
    S: * OK [UIDNEXT 2] …
    S: * OK [HIGHESTMODSEQ …] …
    S: * OK [MAILBOXID …
    S: c OK [READ-WRITE] Select completed
    C: d FETCH 1 (UID FLAGS RFC822.SIZE INTERNALDATE)
    S: * 1 FETCH (UID 1 FLAGS (\\Flagged \\Recent) RFC822.SIZE ${MULTIPART.length} INTERNALDATE "24-Nov-2026 …")
    S: d OK …
    C: e FETCH 1 BODY.PEEK[1]
    S: * 1 FETCH (BODY[1] {5}
    S: hello)
    S: e OK …
    C: f FETCH 1 (BODY.PEEK[2.MIME]<8.4> BINARY.SIZE[2])
    S: * 1 FETCH (BODY[2.MIME]<8> {4}
    S: Type BINARY.SIZE[2] 3)
    S: f OK …
    C: g FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT)]
    S: * 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {18}
    S: Subject: parts
    S:
    S: )
    S: g OK …
    C: h FETCH 1 BODY.PEEK[9]
    S: * 1 FETCH (BODY[9] NIL)
    S: h OK …
    C: i FETCH 1 BODYSTRUCTURE
    S: * 1 FETCH (BODYSTRUCTURE (("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 5 0 NIL NIL NIL NIL)("application" "octet-stream" NIL NIL NIL "base64" 4 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL))
    S: i OK …
    C: j UID FETCH 1 BODY[1]<0.2>
    S: * 1 FETCH (UID 1 BODY[1]<0> {2}
    S: he FLAGS (\\Seen \\Flagged \\Recent))
    S: j OK …
    C: k FETCH 2 FLAGS
    S: k BAD …
    C: l FETCH 1 BODY[1
    S: l BAD …
  `,
  )
})

test('two clients: new mail, flags and expunges are told where they may be', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const selected = (id: string): string => `
    ${id}S: * OK …
    ${id}C: a LOGIN ana secret
    ${id}S: a OK …
    ${id}C: s EXAMINE Sent
    ${id}S: * FLAGS …
    ${id}S: * OK …
    ${id}S: * 0 EXISTS
    ${id}S: * 0 RECENT
    ${id}S: * OK [UIDVALIDITY …
    ${id}S: * OK [UIDNEXT 1] …
    ${id}S: * OK …
    ${id}S: * OK [MAILBOXID …
    ${id}S: s OK [READ-ONLY] …`
  await transcript(
    server.port('imap'),
    `
    ${selected('1')}
    ${selected('2')}
    1C: b IDLE
    1S: + idling
    2C: c APPEND Sent {1+}
    2C: x
    2S: * 1 EXISTS
    2S: * 1 RECENT
    2S: c OK [APPENDUID … 1] …
    1S: * 1 EXISTS
    1S: * 1 RECENT
    1C: DONE
    1S: b OK …
    2C: d SELECT Sent
    2S: * OK [CLOSED] …
    2S: * FLAGS …
    2S: * OK …
    2S: * 1 EXISTS
    2S: * …
    2S: * OK [UNSEEN 1] …
    2S: * OK …
    2S: * OK …
    2S: * OK …
    2S: * OK [MAILBOXID …
    2S: d OK [READ-WRITE] …
    2C: e STORE 1 +FLAGS (\\Deleted kw)
    2S: * 1 FETCH (FLAGS (\\Deleted …kw))
    2S: e OK …
    1C: f NOOP
    1S: * 1 FETCH (FLAGS (\\Deleted …))
    1S: f OK …
    2C: g EXPUNGE
    2S: * 1 EXPUNGE
    2S: g OK …
    1C: h FETCH 1 FLAGS
    1S: * 1 FETCH (FLAGS (…))
    1S: h OK …
    1C: i NOOP
    1S: * 1 EXPUNGE
    1S: i OK …
  `,
  )
})

test('mailboxes: names, children, subscriptions, special uses', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  await transcript(
    server.port('imap'),
    `
    ${LOGIN}
    C: b CREATE "Entw&APw-rfe/Alt"
    S: b OK …
    C: c LIST "" "Entw*"
    S: * LIST (\\HasChildren) "/" "Entw&APw-rfe"
    S: * LIST (\\HasNoChildren) "/" "Entw&APw-rfe/Alt"
    S: c OK …
    C: d CREATE INBOX
    S: d NO [ALREADYEXISTS] …
    C: e CREATE "a&b"
    S: e NO [CANNOT] …
    C: f LIST (SPECIAL-USE) "" "*"
    S: * LIST (\\HasNoChildren \\Archive) "/" "Archive"
    S: * LIST (\\HasNoChildren \\Drafts) "/" "Drafts"
    S: * LIST (\\HasNoChildren \\Junk) "/" "Junk"
    S: * LIST (\\HasNoChildren \\Sent) "/" "Sent"
    S: * LIST (\\HasNoChildren \\Trash) "/" "Trash"
    S: f OK …
    C: g RENAME "Entw&APw-rfe" Plans
    S: g OK …
    C: h LIST "" "Plans/%" RETURN (STATUS (MESSAGES))
    S: * LIST (\\HasNoChildren) "/" "Plans/Alt"
    S: * STATUS "Plans/Alt" (MESSAGES 0)
    S: h OK …
    C: i DELETE Plans/Alt
    S: i OK …
    C: j DELETE Nothing
    S: j NO [NONEXISTENT] …
    C: k LIST "" ""
    S: * LIST (\\Noselect) "/" ""
    S: k OK …
    C: l NAMESPACE
    S: * NAMESPACE (("" "/")) (("Other Users/" "/")) (("Shared/" "/"))
    S: l OK …
  `,
  )
})

test('SEARCH in both forms, saved results, COPY and MOVE with COPYUID', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  await transcript(
    server.port('imap'),
    `
    ${LOGIN}
    ${append('b', 'Subject: one\r\n\r\nred fish\r\n')}
    S: b OK …
    ${append('c', 'Subject: two\r\n\r\nblue fish\r\n', '(\\Seen) ')}
    S: c OK …
    C: d SELECT INBOX
    S: * FLAGS …
    S: * OK …
    S: * 2 EXISTS
    S: * 2 RECENT
    S: * OK …
    S: * OK …
    S: * OK …
    S: * OK …
    S: * OK [MAILBOXID …
    S: d OK …
    C: e SEARCH BODY "fish" UNSEEN
    S: * SEARCH 1
    S: e OK …
    C: f UID SEARCH RETURN (MIN MAX COUNT ALL) OR SUBJECT one SUBJECT TWO
    S: * ESEARCH (TAG "f") UID MIN 1 MAX 2 ALL 1:2 COUNT 2
    S: f OK …
    C: g SEARCH RETURN (SAVE) TEXT blue
    S: g OK …
    C: h UID COPY $ Archive
    S: h OK [COPYUID … 2 1] Copy completed
    C: i MOVE 1 Archive
    S: * OK [COPYUID … 1 2] Moved
    S: * 1 EXPUNGE
    S: i OK Move completed
    C: j SEARCH CHARSET NO-SUCH TEXT x
    S: j NO [BADCHARSET (UTF-8 US-ASCII)] …
    C: k COPY 1 Nowhere
    S: k NO [TRYCREATE] …
    C: l SEARCH FROB
    S: l BAD …
  `,
  )
})

test('any octets get an answer to their own tag, or the end; another session never notices', async (t) => {
  const server = await startServer(t, { accounts: ['ana'], mainCf: 'imapd_error_limit = 1000\n' })
  const port = server.port('imap')
  const word = fc.constantFrom(
    'a1 ',
    'LOGIN ',
    'ana ',
    'secret',
    '\r\n',
    '{5}',
    '{5+}\r\n',
    '"',
    '(',
    ')',
    '\\',
    '*',
    'UID ',
    'FETCH ',
    'SELECT INBOX',
    '\0',
    '\xff',
    'APPEND INBOX {3+}\r\nabc',
    'SEARCH ',
    '1:* ',
    'BODY[',
    ']',
  )
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 25 }), async (words) => {
      const socket = connect(port, '127.0.0.1')
      let said = ''
      socket.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')))
      socket.on('error', () => {})
      socket.end(Buffer.from(`${words.join('')}\r\n`, 'latin1'))
      await new Promise((resolve) => socket.once('close', resolve))
      for (const line of said.split('\r\n').filter((one) => /^\S+ (OK|NO|BAD) /.test(one))) {
        assert.match(line, /^(\*|\+|[^\s(){%*"\\+]+) /)
      }
      assert.ok(!said.includes('SERVERBUG'), JSON.stringify(words.join('')))
    }),
    { numRuns: 150 },
  )
  await transcript(port, `${LOGIN}\nC: z NOOP\nS: z OK …`)
})
