import assert from 'node:assert/strict'
import { test } from 'node:test'
import { xforwardCommands } from './xforward.ts'

const client = {
  address: '192.0.2.1',
  name: 'client.test',
  port: 4711,
  helo: 'he+lo',
  protocol: 'ESMTP',
  saslMethod: '',
  saslSender: '',
}
const { port: _port, ...unknown } = { ...client, name: 'unknown' }
const all = ['NAME', 'ADDR', 'PORT', 'PROTO', 'HELO', 'IDENT', 'SOURCE']

test('what is said by XFORWARD: what is known, and offered', () => {
  const table: [Parameters<typeof xforwardCommands>[0]['client'], readonly string[], string][] = [
    [
      client,
      all,
      'XFORWARD NAME=client.test ADDR=192.0.2.1 PORT=4711; XFORWARD PROTO=ESMTP HELO=he+2Blo IDENT=Q1 SOURCE=REMOTE',
    ],
    [client, ['name', 'HELO'], 'XFORWARD NAME=client.test; XFORWARD HELO=he+2Blo'],
    [client, [], ''],
    [
      { ...unknown, address: '2001:db8::1', helo: '', ident: 'THEIRS', local: true },
      all,
      'XFORWARD ADDR=IPv6:2001:db8::1; XFORWARD PROTO=ESMTP IDENT=THEIRS SOURCE=LOCAL',
    ],
    [undefined, all, 'XFORWARD SOURCE=LOCAL'],
  ]
  for (const [who, offered, expected] of table) {
    const commands = xforwardCommands({ client: who, queueId: 'Q1' }, new Map([['XFORWARD', offered]]))
    assert.equal(commands.map(({ line }) => line).join('; '), expected)
  }
})
