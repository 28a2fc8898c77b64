/** The server under test, in a process of its own: counts fsyncs, and prints its ports when it listens. */
import * as fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

let syncs = 0
const mutable: Record<string, unknown> = (await import('node:fs')).default as unknown as Record<string, unknown> // to put counters in its place
for (const name of ['fdatasync', 'fsync', 'fdatasyncSync', 'fsyncSync'] as const) {
  const original = fs[name] as (...args: unknown[]) => unknown
  mutable[name] = (...args: unknown[]): unknown => {
    syncs++
    return original(...args)
  }
}
syncBuiltinESMExports()

const { Server } = await import('../src/main/server/server.ts')
const [directory = '', threads = 'single'] = process.argv.slice(2)
const { server } = await Server.start({
  directory,
  portOffset: 0,
  freePorts: threads === 'single',
  singleThread: threads === 'single',
})
const { accounts, store } = server.rooms.current
for (const name of ['bench1', 'bench2']) {
  if (accounts.byLogin(name) !== undefined) continue
  const account = await accounts.add(name, '', 'secret')
  await store.provision(account.id)
}
process.send?.({ ports: Object.fromEntries(server.services.map((service) => [service.name, service.port])) })
process.on('message', (message) => {
  if (message === 'syncs') process.send?.({ syncs })
  else if (message === 'memory') {
    globalThis.gc?.()
    process.send?.({ memory: process.memoryUsage() })
  } else if (message === 'forget') {
    // As if nobody had looked at a mailbox for long: a new store has no views, and the database's pages are read anew.
    void server.reload().then((problem) => {
      server.rooms.db.read.sql('PRAGMA shrink_memory').all()
      process.send?.({ problem })
    })
  } else void server.stop().then(() => process.disconnect?.())
})
