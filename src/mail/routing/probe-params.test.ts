/** Where probes go, if not where mail goes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testRouter } from './fixture.test.ts'

const MAIN_CF = `
mydestination = here.example
local_transport = lmtp:unix:/mail
virtual_mailbox_domains = box.example
virtual_transport = lmtp:unix:/box
relay_domains = relay.example
relayhost = [out.example]
transport_maps = inline:{ t.example=smtp:[mail.example] }
sender_dependent_relayhost_maps = inline:{ probe@example.com=[mine.example] }
`

test('probes take the ways of mail until address_verify_* says otherwise', async () => {
  const router = testRouter(MAIN_CF)
  assert.equal(router.forProbes(), router)
})

test('each address_verify_* changes the ways of probes alone', async () => {
  const table: [setting: string, address: string, mail: string, probe: string][] = [
    ['address_verify_local_transport = smtp:[mx.example]', 'a@here.example', 'lmtp unix:/mail', 'smtp [mx.example]'],
    ['address_verify_virtual_transport = lmtp:[v.example]', 'a@box.example', 'lmtp unix:/box', 'lmtp [v.example]'],
    ['address_verify_relay_transport = slow', 'a@relay.example', 'relay [out.example]', 'slow [out.example]'],
    ['address_verify_default_transport = direct', 'a@far.example', 'smtp [out.example]', 'direct [out.example]'],
    ['address_verify_relayhost =', 'a@far.example', 'smtp [out.example]', 'smtp far.example'],
    ['address_verify_transport_maps =', 'a@t.example', 'smtp [mail.example]', 'smtp [out.example]'],
    [
      'address_verify_transport_maps = inline:{ far.example=direct: }',
      'a@far.example',
      'smtp [out.example]',
      'direct far.example',
    ],
  ]
  for (const [setting, address, mail, probe] of table) {
    const router = testRouter(`${MAIN_CF}${setting}\n`)
    const ways = [await router.resolve(address), await router.forProbes().resolve(address)]
    assert.deepEqual(
      ways.map(({ transport, nexthop }) => `${transport} ${nexthop}`),
      [mail, probe],
      setting,
    )
  }
})

test('the sender of probes has ways of its own', async () => {
  const relayhost = testRouter(`${MAIN_CF}address_verify_sender_dependent_relayhost_maps =\n`)
  const sender = 'probe@example.com'
  assert.equal((await relayhost.resolve('a@far.example', sender)).nexthop, '[mine.example]')
  assert.equal((await relayhost.forProbes().resolve('a@far.example', sender)).nexthop, '[out.example]')
  const transport = testRouter(
    `${MAIN_CF}address_verify_sender_dependent_default_transport_maps = inline:{ ${sender}=slow: }\n`,
  )
  assert.equal((await transport.resolve('a@far.example', sender)).transport, 'smtp')
  assert.equal((await transport.forProbes().resolve('a@far.example', sender)).transport, 'slow')
})
