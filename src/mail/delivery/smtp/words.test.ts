import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DeliveryJob } from '../../queue/mod.ts'
import { mailCommand, rcptCommand } from './words.ts'

const ALL = new Map([['DSN', []]])

test('an address stays in its command, whatever it holds', () => {
  const address = 'a\r\nRSET\0b@c.test'
  // What MAIL says of a job.
  const job = { smtpUtf8: false } as DeliveryJob
  const recipient = { address, original: '' } as DeliveryJob['recipients'][number]
  for (const quoted of [true, false]) {
    const mark = quoted ? '"' : ''
    const mail = mailCommand(job, ALL, { sender: address, quoted, isSizeKnown: false })
    assert.equal(mail, `MAIL FROM:<${mark}a??RSET?b${mark}@c.test>`)
    const rcpt = rcptCommand(recipient, address, ALL, { quoted, smtpUtf8: false })
    assert.match(rcpt, /^RCPT TO:<"?a\?\?RSET\?b"?@c\.test> ORCPT=rfc822;"a\+0D\+0ARSET\+00b"@c\.test$/)
  }
})
