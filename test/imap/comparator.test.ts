/** COMPARATOR, I18NLEVEL=1 and I18NLEVEL=2 (RFC 5255, RFC 4790, RFC 5051). */
import { test } from 'node:test'
import { startServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

const append = (tag: string, subject: string): string => `C: ${tag} APPEND INBOX {${13 + subject.length}+}
    C: Subject: ${subject}
    C: 
    C: 
    S: ${tag} OK …`

const MAILBOX = `
    S: * OK …
    C: a LOGIN ana secret
    S: a OK …
    ${append('b1', '=?utf-8?q?=C3=89t=C3=A9?=')}
    ${append('b2', 'etude')}
    ${append('b3', 'Zebra')}
    ${append('b4', '=?utf-8?q?=C7=84ungla?=')}
    ${append('b5', 'ABC')}
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

test('SEARCH, SORT and THREAD compare as the session has chosen', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  await transcript(
    server.port('imap'),
    `${MAILBOX}
    C: d1 COMPARATOR
    S: * COMPARATOR i;unicode-casemap
    S: d1 OK …
    C: d2 SEARCH CHARSET UTF-8 SUBJECT {5+}
    C: éTÉ
    S: * SEARCH 1
    S: d2 OK …
    C: d3 SEARCH SUBJECT ete
    S: * SEARCH
    S: d3 OK …
    C: d4 SEARCH CHARSET UTF-8 SUBJECT {6+}
    C: ǆungl
    S: * SEARCH 4
    S: d4 OK …
    C: d5 SORT (SUBJECT) UTF-8 ALL
    S: * SORT 5 4 2 1 3
    S: d5 OK …
    C: e1 COMPARATOR "cz;*" i;octet
    S: * COMPARATOR i;octet
    S: e1 OK …
    C: e2 SEARCH SUBJECT zebra
    S: * SEARCH
    S: e2 OK …
    C: e3 SEARCH FUZZY SUBJECT zebra
    S: * SEARCH 3
    S: e3 OK …
    C: e4 SORT (SUBJECT) UTF-8 ALL
    S: * SORT 5 3 2 1 4
    S: e4 OK …
    C: e5 COMPARATOR "-i;octet"
    S: * COMPARATOR -i;octet
    S: e5 OK …
    C: e6 SORT (SUBJECT) UTF-8 ALL
    S: * SORT 4 1 2 3 5
    S: e6 OK …
    C: f1 COMPARATOR i;ascii-casemap
    S: * COMPARATOR i;ascii-casemap
    S: f1 OK …
    C: f2 SEARCH CHARSET UTF-8 SUBJECT {5+}
    C: éTÉ
    S: * SEARCH
    S: f2 OK …
    C: f3 SEARCH SUBJECT zebra
    S: * SEARCH 3
    S: f3 OK …
    C: g1 COMPARATOR "i;*-casemap"
    S: * COMPARATOR i;unicode-casemap (i;unicode-casemap i;ascii-casemap)
    S: g1 OK …
    C: g2 COMPARATOR i;octet
    S: …
    S: g2 OK …
    C: g3 COMPARATOR nothing default
    S: * COMPARATOR i;unicode-casemap
    S: g3 OK …
    C: h1 COMPARATOR i;basic "*;x=1*"
    S: h1 NO [BADCOMPARATOR] …
    C: h2 COMPARATOR "i;**"
    S: h2 BAD …
    C: h3 COMPARATOR
    S: * COMPARATOR i;unicode-casemap
    S: h3 OK …
    C: h4 COMPARATOR i;octet
    S: …
    S: h4 OK …
    C: h5 UNAUTHENTICATE
    S: h5 OK …
    C: h6 COMPARATOR
    S: h6 BAD …
    C: h7 LOGIN ana secret
    S: h7 OK …
    C: h8 COMPARATOR
    S: * COMPARATOR i;unicode-casemap
    S: h8 OK …
  `,
  )
})

test('the administrator chooses the default, and may leave no choice', async (t) => {
  for (const [name, level] of [
    ['i;unicode-casemap', 'I18NLEVEL=1 I18NLEVEL=2 '],
    ['i;octet', 'I18NLEVEL=2 '],
  ]) {
    const server = await startServer(t, { accounts: ['ana'], mainCf: `imapd_default_comparator = ${name}\n` })
    await transcript(
      server.port('imap'),
      `${MAILBOX}
    C: d CAPABILITY
    S: * CAPABILITY … UNAUTHENTICATE ${level}APPENDLIMIT…
    S: d OK …
    C: e COMPARATOR default
    S: * COMPARATOR ${name}
    S: e OK …
  `,
    )
  }
  const server = await startServer(t, { accounts: ['ana'], mainCf: 'imapd_default_comparator = unmarked\n' })
  await transcript(
    server.port('imap'),
    `${MAILBOX}
    C: d CAPABILITY
    S: * CAPABILITY … UNAUTHENTICATE APPENDLIMIT…
    S: d OK …
    C: e SEARCH SUBJECT ete
    S: * SEARCH 1
    S: e OK …
    C: f COMPARATOR
    S: f BAD …
  `,
  )
})
