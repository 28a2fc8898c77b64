/** Clients that were set up for UW-IMAP: imapd_uw_prefix. */
import { test } from 'node:test'
import { startServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

const LOGIN = 'S: * OK …\nC: a LOGIN ana secret\nS: a OK …\n'

test('mail/Sent is Sent for who says so, and names are told so', async (t) => {
  const server = await startServer(t, { accounts: ['ana'], mainCf: 'imapd_uw_prefix = mail/\n' })
  await transcript(
    server.port('imap'),
    `${LOGIN}
    C: b LIST "" "%t"
    S: * LIST (\\HasNoChildren \\Sent) "/" "Sent"
    S: b OK …
    C: c LIST "mail/" "%t"
    S: * LIST (\\HasNoChildren \\Sent) "/" "mail/Sent"
    S: c OK …
    C: d CREATE mail/Work
    S: d OK …
    C: e STATUS mail/Work (MESSAGES)
    S: * STATUS "mail/Work" (MESSAGES 0)
    S: e OK …
    C: f SUBSCRIBE mail/Work
    S: f OK …
    C: g LSUB "" "mail/W*"
    S: * LSUB () "/" "mail/Work"
    S: g OK …
    C: h LIST "" "mail/I*"
    S: h OK …
    C: i STATUS INBOX (MESSAGES)
    S: * STATUS "INBOX" (MESSAGES 0)
    S: i OK …
    C: j STATUS Work (MESSAGES)
    S: * STATUS "mail/Work" (MESSAGES 0)
    S: j OK …
    C: k CREATE "mail/Shared plans"
    S: k OK …
    C: l LIST "" "mail/Sh*"
    S: * LIST (\\HasNoChildren) "/" "mail/Shared plans"
    S: l OK …
  `,
  )
})

test('without it mail/Sent is a mailbox of that name', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  await transcript(
    server.port('imap'),
    `${LOGIN}
    C: b LIST "" "mail/%"
    S: b OK …
    C: c CREATE mail/Sent
    S: c OK …
    C: d LIST "" "mail/%"
    S: * LIST (\\HasNoChildren) "/" "mail/Sent"
    S: d OK …
  `,
  )
})
