import assert from 'node:assert/strict'
import { test } from 'node:test'
import { facts, said, testPolicy } from './fixture.test.ts'

const ZONE = {
  'known.test': { MX: ['mail.known.test'], A: ['192.0.2.1'] },
  '66.2.0.192.rbl.test': { A: ['127.0.0.2'] },
}

async function reply(mainCf: string): Promise<string> {
  return said(await testPolicy(mainCf, { zone: ZONE }).connect(facts({ address: '192.0.2.66' })))
}

test('smtpd_dns_reply_filter: what it drops, restrictions do not see', async () => {
  const list = 'smtpd_client_restrictions = reject_rbl_client rbl.test\nsmtpd_delay_reject = no\n'
  assert.match(await reply(list), /^554 5\.7\.1 /)
  assert.equal(await reply(`${list}smtpd_dns_reply_filter = regexp:{{/ IN A 127/ IGNORE}}\n`), 'OK')
  assert.match(await reply(`${list}smtpd_dns_reply_filter = regexp:{{/ IN A 128/ IGNORE}}\n`), /^554 /)
})
