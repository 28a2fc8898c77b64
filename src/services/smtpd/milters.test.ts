import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeRegistry, parseConfig } from '../../io/config/mod.ts'
import { milterParams, Milters } from '../../mail/policy/mod.ts'
import { dialogue, startSmtpd } from './fixture.test.ts'
import type { LmtpDeps } from './mod.ts'

const nobody = (): never => {
  throw new Error('no message comes so far')
}
const LMTP: LmtpDeps = {
  intake: { open: nobody, queueId: nobody, noRoom: nobody, trace: nobody, draft: nobody },
  mayConnect: async () => true,
  mailbox: nobody,
  hasRoom: nobody,
}

test('the log names the protocol in which a milter was heard', async (t) => {
  const cf = parseConfig('mail_name = x\nmyhostname = here.test\n', makeRegistry(milterParams)).bind(milterParams)
  const options = { cf, queueDirectory: '/', macros: () => undefined }
  const milters = async (): Promise<Milters> => new Milters('{ inet:127.0.0.1:1, default_action=reject }', options)
  for (const [more, hello, protocol] of [
    [{ milters }, 'EHLO', 'ESMTP'],
    [{ milters, lmtp: LMTP }, 'LHLO', 'LMTP'],
  ] as const) {
    const smtpd = await startSmtpd(t, '', { more })
    await dialogue(smtpd.port, `S: 554 …\nC: ${hello} client.example\nX:\nC: MAIL FROM:<s@else.test>\nS: 550 5.5.0 …`)
    const last = smtpd.events.findLast((event) => event.event === 'smtpd.milter')
    assert.equal(last?.protocol, protocol)
  }
})
