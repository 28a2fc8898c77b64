/** The lines of Postfix 3.7.11 for the same sessions. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listen } from '../../base/mod.ts'
import type { PolicyEvent } from './contract.ts'
import { type Asked, facts, testPolicy } from './fixture.test.ts'

const MAIN_CF = `
mynetworks = 192.0.2.0/24
mydestination = mail.example.com
local_recipient_maps =
smtpd_client_restrictions = permit_mynetworks
smtpd_helo_restrictions = check_helo_access inline:{ good.test=OK, 123.test=12345 }
smtpd_sender_restrictions = check_sender_access inline:{ { txt@x.test=ok some text }, list@x.test=permit, no@x.test=DUNNO }
smtpd_relay_restrictions = permit_auth_destination, reject
smtpd_recipient_restrictions = permit
`
const SENDERS = 'inline:{ { txt@x.test=ok some text }, list@x.test=permit, no@x.test=DUNNO }'

async function permits(mainCf: string, asked: Asked): Promise<string[]> {
  const said: string[] = []
  const stop = listen((event) => {
    const { event: name, what, text } = event as PolicyEvent // others have other names
    if (name === 'policy.action' && what === 'permit') said.push(text)
  })
  await testPolicy(MAIN_CF + mainCf).rcpt(facts({ recipient: 'c d@mail.example.com', ...asked }))
  stop()
  return said
}

test('each action that lets somebody in is logged where it is asked for', async () => {
  const all = 'smtpd_log_access_permit_actions = static:all\n'
  const tail = [
    'action=permit_auth_destination for Recipient address=c d@mail.example.com ',
    'action=permit for Recipient address=c d@mail.example.com ',
  ]
  const client = 'action=permit_mynetworks for Client host=client.good.test[192.0.2.50] '
  assert.deepEqual(await permits(all, { helo: 'good.test', sender: 'txt@x.test' }), [
    client,
    'action=OK for Helo command=good.test from inline:{ good.test=OK, 123.test=12345 }',
    `action=ok for Sender address=txt@x.test from ${SENDERS}`,
    ...tail,
  ])
  assert.deepEqual(await permits(all, { helo: '123.test', sender: 'list@x.test' }), [
    client,
    'action=12345 for Helo command=123.test from inline:{ good.test=OK, 123.test=12345 }',
    'action=permit for Sender address=list@x.test ',
    ...tail,
  ])
  assert.deepEqual(await permits(all, { address: '198.51.100.1', helo: 'x.test', sender: 'no@x.test' }), tail)
})

test('only the actions that are named are logged', async () => {
  const asked = { helo: 'good.test' }
  assert.deepEqual(await permits('', asked), [])
  assert.deepEqual(await permits('smtpd_log_access_permit_actions = !permit, PERMIT_mynetworks', asked), [
    'action=permit_mynetworks for Client host=client.good.test[192.0.2.50] ',
  ])
})
