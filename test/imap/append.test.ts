import { test } from 'node:test'
import { startServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

test('APPEND to a mailbox that is there and to one that is not', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  await transcript(
    server.port('imap'),
    `
    1S: * OK …
    1C: a LOGIN ana secret
    1S: a OK …
    1C: b APPEND Nowhere {12+}
    1C: Subject: x
    1C:
    1S: b NO [TRYCREATE] …
    1C: c APPEND INBOX (\\Flagged) {14}
    1S: + …
    1C: Subject: x
    1C:
    1C:
    1S: c OK [APPENDUID …
    1C: d STATUS INBOX (MESSAGES)
    1S: * STATUS "INBOX" (MESSAGES 1)
    1S: d OK …
  `,
  )
})
