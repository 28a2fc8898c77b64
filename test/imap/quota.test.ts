/** QUOTA (RFC 9208): what an account may store, and how much of it is used. */
import { test } from 'node:test'
import { startServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

test('the quota is told, counts what is stored, and is held', async (t) => {
  const server = await startServer(t, { accounts: ['ana'], mainCf: 'account_quota_limit = 10k\n' })
  await transcript(
    server.port('imap'),
    `
    S: * OK …
    C: a LOGIN ana secret
    S: a OK …
    C: b GETQUOTAROOT INBOX
    S: * QUOTAROOT "INBOX" ""
    S: * QUOTA "" (STORAGE 0 10)
    S: b OK …
    C: c APPEND INBOX (\\Deleted) {3000+}
    C: ${'x'.repeat(3000)}
    S: c OK …
    C: d APPEND INBOX {100+}
    C: ${'x'.repeat(100)}
    S: d OK …
    C: e GETQUOTA ""
    S: * QUOTA "" (STORAGE 4 10)
    S: e OK …
    C: f STATUS INBOX (DELETED DELETED-STORAGE MESSAGES)
    S: * STATUS "INBOX" (DELETED 1 DELETED-STORAGE 3000 MESSAGES 2)
    S: f OK …
    C: g APPEND INBOX {8000}
    S: g NO [OVERQUOTA] …
    C: h GETQUOTAROOT Plans
    S: * QUOTAROOT "Plans" ""
    S: * QUOTA "" (STORAGE 4 10)
    S: h OK …
    C: i GETQUOTA other
    S: i NO [NONEXISTENT] …
    C: j GETQUOTA
    S: j BAD …
    C: k GETQUOTAROOT (
    S: k BAD …
    C: l STATUS Sent (DELETED-STORAGE)
    S: * STATUS "Sent" (DELETED-STORAGE 0)
    S: l OK …
  `,
  )
})

test('without a limit there is no quota root', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  await transcript(
    server.port('imap'),
    `
    S: * OK …
    C: a LOGIN ana secret
    S: a OK …
    C: b GETQUOTAROOT INBOX
    S: * QUOTAROOT "INBOX"
    S: b OK …
    C: c GETQUOTA ""
    S: c NO [NONEXISTENT] …
  `,
  )
})
