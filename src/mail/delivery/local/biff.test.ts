import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { test } from 'node:test'
import { notifyBiff } from './biff.ts'

test('one datagram, ended as a C string is', async (t) => {
  const comsat = createSocket('udp4')
  t.after(() => comsat.close())
  comsat.bind(0, '127.0.0.1')
  await once(comsat, 'listening')
  const heard = once(comsat, 'message')
  notifyBiff('ana@389', comsat.address().port)
  const [octets] = (await heard) as [Buffer]
  assert.equal(octets.toString(), 'ana@389\0')
})
