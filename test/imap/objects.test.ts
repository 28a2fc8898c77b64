/** What a client may ask of mailboxes and messages beyond RFC 9051: ids, when they were saved, a preview. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dialogue } from '../support/imap.ts'
import { startServer } from '../support/server.ts'

const letter = (id: string, subject: string, references = ''): string =>
  `From: ana@x.test\r\nSubject: ${subject}\r\nMessage-ID: <${id}@x.test>\r\n${references}\r\nhello\r\n`

/** The ids in FETCH answers, in their order. */
const idsIn = (text: string, word: string): string[] =>
  [...text.matchAll(new RegExp(`${word} \\(([A-Za-z0-9_-]+)\\)`, 'g'))].map(([, id = '']) => id)

test('OBJECTID: a mailbox keeps its id through a rename, and no other gets it', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  assert.match(ana.greeting, / OBJECTID /)
  const [one] = idsIn(await ana.ask('CREATE Work'), 'MAILBOXID')
  assert.ok(one)
  assert.match(await ana.ask('STATUS Work (MAILBOXID)'), new RegExp(`STATUS "Work" \\(MAILBOXID \\(${one}\\)\\)`))
  await ana.ask('RENAME Work Play')
  assert.deepEqual(idsIn(await ana.ask('SELECT Play'), 'OK \\[MAILBOXID'), [one])
  const [other] = idsIn(await ana.ask('CREATE Work'), 'MAILBOXID')
  assert.notEqual(other, one)
  await ana.ask('DELETE Play')
  const [third] = idsIn(await ana.ask('CREATE Play'), 'MAILBOXID')
  assert.ok(third !== one && third !== other)
  const all = idsIn(await ana.ask('LIST "" * RETURN (STATUS (MAILBOXID))'), 'MAILBOXID')
  assert.equal(new Set(all).size, 8)
})

test('OBJECTID: EMAILID goes with a copy, THREADID joins what answers, across mailboxes and a restart', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  await ana.append('INBOX', letter('a', 'Plan'))
  await ana.append('INBOX', letter('b', 'Re: Plan', 'References: <a@x.test>\r\n'))
  await ana.append('INBOX', letter('c', 'Another matter', 'References: <a@x.test>\r\n'))
  await ana.append('Archive', letter('d', 'AW: Plan', 'In-Reply-To: <b@x.test>\r\n'))
  await ana.append('INBOX', 'Subject: no id\r\n\r\nx\r\n')
  await ana.ask('SELECT INBOX')
  const fetched = await ana.ask('FETCH 1:* (EMAILID THREADID)')
  const emails = idsIn(fetched, 'EMAILID')
  const threads = idsIn(fetched, 'THREADID')
  assert.equal(new Set(emails).size, 4)
  assert.equal(threads[0], threads[1])
  assert.equal(new Set(threads).size, 3)
  assert.ok(emails.every((id) => id.startsWith('M')) && threads.every((id) => id.startsWith('T')))
  await ana.ask('COPY 2 Archive')
  await ana.ask('MOVE 1 Archive')
  await ana.ask('SELECT Archive')
  const archived = await ana.ask('FETCH 1:3 (EMAILID THREADID)')
  assert.deepEqual(idsIn(archived, 'THREADID'), [threads[0], threads[0], threads[0]])
  assert.deepEqual(idsIn(archived, 'EMAILID').slice(1), [emails[1], emails[0]])
  assert.match(await ana.ask(`SEARCH EMAILID ${emails[1]}`), /^\* SEARCH 2\r\n/)
  assert.match(await ana.ask(`SEARCH THREADID ${threads[0]} NOT EMAILID ${emails[1]}`), /^\* SEARCH 1 3\r\n/)
  assert.match(await ana.ask('SEARCH THREADID Tnothing'), /^\* SEARCH\r\n/)
  assert.match(await ana.ask('SEARCH EMAILID "x"'), /^\S+ BAD /)
  await server.restart()
  const again = await dialogue(t, server.port('imap'), 'ana')
  await again.append('Archive', letter('e', 'Plan', 'References: <gone@x.test> <a@x.test>\r\n'))
  await again.ask('SELECT Archive')
  assert.deepEqual(new Set(idsIn(await again.ask('FETCH 1:* (THREADID)'), 'THREADID')), new Set([threads[0]]))
})

test('SAVEDATE: when a message came into this mailbox, whatever its internal date', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  await ana.append('INBOX', letter('a', 'Old'), '"01-Jan-2001 10:00:00 +0000" ')
  await ana.ask('SELECT INBOX')
  const today = new Date().toUTCString().replace(/^\S+ (\d+) (\S+) (\d+) .*$/, '$1-$2-$3')
  const [, saved = ''] = /SAVEDATE "([^"]+)"/.exec(await ana.ask('FETCH 1 (INTERNALDATE SAVEDATE)')) ?? []
  assert.ok(
    Math.abs(Date.now() - Date.parse(saved.replaceAll('-', ' ').replace(/ (\d{4})$/, '-$1'))) < 86_400_000,
    saved,
  )
  assert.match(await ana.ask('SEARCH SAVEDON 1-Jan-2001'), /^\* SEARCH\r\n/)
  assert.match(await ana.ask('SEARCH SAVEDSINCE 2-Jan-2001 SAVEDATESUPPORTED ON 1-Jan-2001'), /^\* SEARCH 1\r\n/)
  assert.match(await ana.ask('SEARCH NOT SAVEDBEFORE 2-Jan-2001'), /^\* SEARCH 1\r\n/)
  await ana.ask('COPY 1 Archive')
  await ana.ask('SELECT Archive')
  assert.match(await ana.ask(`SEARCH OR SAVEDON ${today} SAVEDSINCE ${today}`), /^\* SEARCH 1\r\n/)
  await ana.ask('COPY 1 Archive')
  assert.match(await ana.ask('FETCH 1:2 SAVEDATE'), /1 FETCH \(SAVEDATE "[^"]+"\)\r\n\* 2 FETCH \(SAVEDATE "/)
})

test('PREVIEW: plain text before HTML, without markup, quotes and blanks, at most 200 characters', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  const html = '<style>p {}</style><p>caf&eacute;&nbsp;&zwnj; &zwnj;</p><p>two</p>'
  await ana.append('INBOX', 'Subject: a\r\n\r\n> quoted\r\n\r\nHello \t there\r\n\r\nfriend\r\n')
  await ana.append('INBOX', `Content-Type: text/html\r\n\r\n${html}\r\n`)
  await ana.append(
    'INBOX',
    `Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n${html}\r\n--b\r\n\r\nthe plain one\r\n--b--\r\n`,
  )
  const cjk = Buffer.from('日本語'.repeat(200)).toString('base64')
  await ana.append(
    'INBOX',
    `Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n${cjk.replace(/.{76}/g, '$&\r\n')}\r\n`,
  )
  await ana.append('INBOX', 'Content-Type: application/pdf\r\n\r\n%PDF\r\n')
  await ana.append(
    'INBOX',
    'Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=D1and=FA\r\n',
  )
  await ana.ask('SELECT INBOX')
  const said = await ana.ask('FETCH 1:* (PREVIEW)')
  const utf8 = Buffer.from(said, 'latin1').toString()
  const previews = [...utf8.matchAll(/PREVIEW (?:"(.*?)"|\{\d+\}\r\n([^)]*))\)/g)].map(([, a, b]) => a ?? b)
  assert.deepEqual(previews, [
    'Hello there friend',
    'café two',
    'the plain one',
    '日本語'.repeat(200).slice(0, 200),
    '',
    'Ñandú',
  ])
  assert.match(await ana.ask('FETCH 1 (UID PREVIEW (LAZY) FLAGS)'), /PREVIEW "Hello there friend" FLAGS/)
  assert.match(await ana.ask('FETCH 1 PREVIEW (LAZY)'), /PREVIEW "Hello/)
  assert.match(await ana.ask('FETCH 1 PREVIEW (EAGER)'), /^\S+ BAD /)
})
