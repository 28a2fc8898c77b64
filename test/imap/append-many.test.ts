/** MULTIAPPEND, REPLACE and CATENATE: all of a command or nothing of it. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { dialogue, type Dialogue } from '../support/imap.ts'
import { messagesIn } from '../support/mailbox.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

const literal = (text: string): string => `{${text.length}+}\r\n${text}`

async function loggedIn(t: TestContext, mainCf = ''): Promise<{ server: TestServer; ana: Dialogue }> {
  const server = await startServer(t, { accounts: ['ana'], mainCf })
  return { server, ana: await dialogue(t, server.port('imap'), 'ana') }
}

test('MULTIAPPEND: each message with its flags and date, UIDs in order', async (t) => {
  const { server, ana } = await loggedIn(t)
  assert.match(ana.greeting, / MULTIAPPEND REPLACE CATENATE /)
  const said = await ana.ask(
    `APPEND INBOX (\\Seen) "01-Jan-2001 10:00:00 +0000" ${literal('Subject: one\r\n\r\n1')} ${literal('Subject: two\r\n\r\n2')} (\\Flagged) ${literal('Subject: three\r\n\r\n3')}`,
  )
  assert.match(said, /^t2 OK \[APPENDUID \d+ 1:3\]/)
  await ana.ask('SELECT INBOX')
  const fetched = await ana.ask('FETCH 1:3 (FLAGS INTERNALDATE BODY.PEEK[] EMAILID)')
  assert.match(fetched, /1 FETCH \(FLAGS \(\\Seen \\Recent\) INTERNALDATE " 1-Jan-2001/)
  assert.match(fetched, /3 FETCH \(FLAGS \(\\Flagged \\Recent\)/)
  assert.equal(new Set(fetched.match(/EMAILID \(\S+\)/g)).size, 3)
  await server.restart()
  assert.deepEqual(await messagesIn(server, 'ana'), [
    'Subject: one\r\n\r\n1',
    'Subject: two\r\n\r\n2',
    'Subject: three\r\n\r\n3',
  ])
})

test('MULTIAPPEND: what is wrong with one message keeps out all, and the next command is understood', async (t) => {
  const { server, ana } = await loggedIn(t, 'imapd_append_limit = 100\nmessage_size_limit = 100\n')
  const good = literal('Subject: good\r\n\r\nx')
  const wrong: readonly (readonly [string, RegExp])[] = [
    [`APPEND INBOX ${good} {0+}\r\n`, /^t\d+ NO /],
    [`APPEND INBOX ${good} ${literal('x'.repeat(101))} ${good}`, /^t\d+ NO \[TOOBIG\]/],
    [`APPEND INBOX ${good} (\\Seen ${good}`, /^t\d+ BAD /],
    [`APPEND INBOX ${good} "no date" ${good} ${good}`, /^t\d+ BAD /],
    [`APPEND INBOX ${good} nonsense`, /^t\d+ BAD /],
    [`APPEND INBOX ${good}${good}`, /^t\d+ BAD /],
    [`APPEND Nowhere ${good} ${good}`, /^t\d+ NO \[TRYCREATE\]/],
    ['APPEND INBOX', /^t\d+ BAD /],
    ['APPEND INBOX (\\Seen)', /^t\d+ BAD /],
  ]
  for (const [command, answer] of wrong) assert.match(await ana.ask(command), answer, command)
  assert.match(await ana.ask('STATUS INBOX (MESSAGES UIDNEXT)'), /MESSAGES 0 UIDNEXT 1\)/)
  await transcript(
    server.port('imap'),
    `
    S: * OK …
    C: a LOGIN ana secret
    S: a OK …
    C: b APPEND INBOX {14}
    S: + …
    C: Subject: x
    C:
    C:  {1000}
    S: b NO [TOOBIG] …
    C: c APPEND INBOX {14}
    S: + …
    C: Subject: x
    C:
    C:  (\\Seen) {14}
    S: + …
    C: Subject: y
    C:
    C:
    S: c OK [APPENDUID … 1:2] …
  `,
  )
})

test('MULTIAPPEND: a quota that the second message passes keeps out the first', async (t) => {
  const { ana } = await loggedIn(t, 'account_quota_limit = 1000\n')
  const half = literal(`Subject: x\r\n\r\n${'x'.repeat(600)}`)
  assert.match(await ana.ask(`APPEND INBOX ${half} ${half}`), /^t\d+ NO \[OVERQUOTA\]/)
  assert.match(await ana.ask('STATUS INBOX (MESSAGES)'), /MESSAGES 0\)/)
  assert.match(await ana.ask(`APPEND INBOX ${half}`), /^t\d+ OK/)
})

test('REPLACE: the new message comes before the old one goes, for the quota too', async (t) => {
  const { server, ana } = await loggedIn(t, 'account_quota_limit = 1000\n')
  const text = (subject: string): string => `Subject: ${subject}\r\n\r\n${'x'.repeat(600)}`
  await ana.append('Drafts', text('first'))
  await ana.ask('SELECT Drafts')
  const replaced = await ana.ask(`REPLACE 1 Drafts (\\Draft) ${literal(text('second'))}`)
  assert.match(
    replaced,
    /^\* OK \[APPENDUID \d+ 2\] [^*]*\* 1 EXPUNGE\r\n\* 1 EXISTS\r\n|\* OK \[APPENDUID \d+ 2\] [^*]*\* /,
  )
  assert.ok(
    replaced.indexOf('APPENDUID') < replaced.indexOf('EXPUNGE') && /t\d+ OK Replace completed\r\n$/.test(replaced),
  )
  assert.match(await ana.ask('FETCH 1:* (UID FLAGS)'), /^\* 1 FETCH \(UID 2 FLAGS \(\\Draft/)
  assert.match(await ana.ask(`UID REPLACE 2 Sent ${literal(text('sent'))}`), /APPENDUID \d+ 1\][^]*\* 1 EXPUNGE/)
  assert.match(await ana.ask('STATUS Sent (MESSAGES)'), /MESSAGES 1\)/)
  assert.match(await ana.ask(`UID REPLACE 2 Sent ${literal(text('gone'))}`), /^t\d+ NO \[NONEXISTENT\]/)
  assert.match(await ana.ask(`REPLACE 1 Sent ${literal('x')}`), /^t\d+ BAD /)
  await ana.append('Drafts', 'Subject: a\r\n\r\n')
  await ana.ask('NOOP')
  assert.match(await ana.ask(`REPLACE 1 Nowhere ${literal('x')}`), /^t\d+ NO \[TRYCREATE\]/)
  assert.match(await ana.ask(`REPLACE 1 Drafts ${literal('x')} ${literal('y')}`), /^t\d+ BAD /)
  await ana.ask('EXAMINE Drafts')
  assert.match(await ana.ask(`REPLACE 1 Drafts ${literal('x')}`), /^t\d+ NO \[READ-ONLY\]/)
  assert.equal((await messagesIn(server, 'ana', 'Drafts')).length, 1)
  await ana.ask('SELECT Drafts')
  const other = await dialogue(t, server.port('imap'), 'ana')
  await other.ask('SELECT Drafts')
  await other.ask('STORE 1 +FLAGS.SILENT (\\Deleted)')
  await other.ask('EXPUNGE')
  assert.match(await ana.ask(`REPLACE 1 Drafts ${literal('x')}`), /t\d+ NO \[NONEXISTENT\]/)
  assert.equal((await messagesIn(server, 'ana', 'Drafts')).length, 0)
})

const PARTS =
  'Subject: parts\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nfirst\r\n--b\r\n\r\nsecond\r\n--b--\r\n'

test('CATENATE: literals and parts of other messages, in their order', async (t) => {
  const { server, ana } = await loggedIn(t)
  await ana.append('INBOX', PARTS)
  const validity = /UIDVALIDITY (\d+)/.exec(await ana.ask('STATUS INBOX (UIDVALIDITY)'))?.[1]
  const made = await ana.ask(
    `APPEND Drafts (\\Draft) CATENATE (URL "/INBOX;UIDVALIDITY=${validity}/;UID=1/;section=HEADER.FIELDS%20(Subject)" TEXT ${literal('<')} URL "/INBOX/;UID=1/;SECTION=1" TEXT ${literal('|')} URL {28+}\r\n/INBOX/;UID=1/;SECTION=2.MIME TEXT ${literal('>')})`.replace(
      '{28+}',
      '{29+}',
    ),
  )
  assert.match(made, /^t\d+ OK \[APPENDUID \d+ 1\]/)
  const [text] = await messagesIn(server, 'ana', 'Drafts')
  assert.equal(text, 'Subject: parts\r\n\r\n<first|\r\n>')
  await ana.ask('SELECT INBOX')
  assert.match(
    await ana.ask('APPEND Sent CATENATE (URL ";UID=1/;SECTION=1/;PARTIAL=1.3" URL "/;UID=1/;PARTIAL=0.7")'),
    /OK/,
  )
  assert.equal((await messagesIn(server, 'ana', 'Sent'))[0], 'irsSubject')
  assert.match(
    await ana.ask('APPEND INBOX CATENATE (URL "/INBOX/;UID=1") CATENATE (URL "/INBOX/;UID=1")'),
    /\* 3 EXISTS[^]*APPENDUID \d+ 2:3\]/,
  )
  assert.match(await ana.ask('UID REPLACE 3 INBOX CATENATE (URL "/INBOX/;UID=3/;SECTION=TEXT")'), /APPENDUID \d+ 4\]/)
  assert.match(await ana.ask('FETCH 1 FLAGS'), /FLAGS \(\\Recent\)/)
})

test('CATENATE: a URL that names nothing is told, and nothing is stored', async (t) => {
  const { ana } = await loggedIn(t, 'imapd_append_limit = 300\nmessage_size_limit = 300\n')
  await ana.append('INBOX', PARTS)
  for (const url of [
    '/INBOX/;UID=2',
    '/Nowhere/;UID=1',
    '/INBOX;UIDVALIDITY=1/;UID=1',
    '/INBOX/;UID=1/;SECTION=7',
    '/INBOX/;UID=1/;SECTION=FROB',
    '/INBOX',
    '/INBOX/;UID=1%',
    'imap://other/INBOX/;UID=1',
    ';UID=1',
    '/INBOX/;UID=0',
  ]) {
    const said = await ana.ask(
      `APPEND INBOX CATENATE (TEXT ${literal('Subject: x\r\n\r\n')} URL "${url}" TEXT ${literal('rest')})`,
    )
    assert.ok(said.includes(` NO [BADURL ${url}] `), said)
  }
  const part = 'URL "/INBOX/;UID=1" '
  assert.match(await ana.ask(`APPEND INBOX CATENATE (${part.repeat(3).trim()})`), /NO \[TOOBIG\]/)
  assert.match(await ana.ask('APPEND INBOX CATENATE (FROB "x")'), / BAD /)
  assert.match(await ana.ask('APPEND INBOX CATENATE ()'), / BAD /)
  assert.match(await ana.ask('APPEND INBOX CATENATE (TEXT "x")'), / BAD /)
  assert.match(await ana.ask('STATUS INBOX (MESSAGES)'), /MESSAGES 1\)/)
})

test('BINARY: NUL in a literal8 is kept, comes back by BINARY[], and BODY[] never carries it', async (t) => {
  const { ana } = await loggedIn(t)
  const binary = Buffer.from(
    'Subject: x\r\nContent-Type: image/x\r\nContent-Transfer-Encoding: binary\r\n\r\n\0\x01\xff\0',
    'latin1',
  )
  const literal8 = (octets: Buffer): Buffer => Buffer.concat([Buffer.from(`~{${octets.length}+}\r\n`), octets])
  const append = (octets: Buffer): Promise<string> =>
    ana.ask(Buffer.concat([Buffer.from('APPEND INBOX '), literal8(octets)]))
  assert.match(await append(binary), /^t\d+ OK/)
  await ana.ask('SELECT INBOX')
  const body = await ana.ask('FETCH 1 (BODY.PEEK[] BODYSTRUCTURE)')
  assert.ok(body.includes('\r\n\r\nAAH/AA==') && !body.includes('\0'))
  assert.match(body, /"image" "x" NIL NIL NIL "base64" 8 /)
  assert.ok(
    (await ana.ask('FETCH 1 (BINARY.PEEK[1] BINARY.SIZE[1])')).includes(
      'BINARY[1] ~{4}\r\n\0\x01\xff\0 BINARY.SIZE[1] 4)',
    ),
  )
  assert.match(await append(Buffer.from('Subject: \0\r\n\r\n')), /^t\d+ NO \[UNKNOWN-CTE\]/)
  assert.match(await append(Buffer.from('Subject: fine\r\n\r\nas it is')), /OK/)
  assert.ok((await ana.ask('FETCH 2 BODY.PEEK[]')).includes('Subject: fine\r\n\r\nas it is'))
  // RFC 3516 §4.3: the command fails, and no line is left half said.
  await ana.append('INBOX', 'Content-Transfer-Encoding: x-strange\r\n\r\nbody\r\n')
  for (const item of ['(UID BINARY.PEEK[1])', 'BINARY.SIZE[1]'])
    assert.match(await ana.ask(`UID FETCH * ${item}`), /^t\d+ NO \[UNKNOWN-CTE\]/)
})
