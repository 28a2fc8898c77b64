/** The client's settings, from a main.cf in the test, and a dialogue with a server of the test's. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { makeRegistry, parseConfig } from '../../../io/config/mod.ts'
import { connect } from '../../../io/net/mod.ts'
import { Dialogue, type DialogueLimits } from './dialogue.ts'
import { type ClientSettings, clientSettings, deliveryParams, lmtpParams } from './params.ts'

export function clientSettingsOf(
  set: Readonly<Record<string, string>>,
  protocol: 'smtp' | 'lmtp' = 'smtp',
): ClientSettings {
  const lines = Object.entries({ compatibility_level: '3.6', myhostname: 'self.test', ...set })
  const mainCf = lines.map(([name, value]) => `${name} = ${value}\n`).join('')
  return clientSettings(parseConfig(mainCf, makeRegistry(deliveryParams, lmtpParams)), protocol)
}

export async function meet(t: TestContext, limits: DialogueLimits, serve: (socket: Socket) => void): Promise<Dialogue> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    t.after(() => socket.destroy())
    serve(socket)
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const at = server.address()
  assert.ok(typeof at === 'object' && at !== null)
  const connection = await connect({ to: { address: '127.0.0.1', port: at.port }, timeoutMs: 5000 })
  t.after(() => connection.destroy())
  return new Dialogue(connection, limits)
}
