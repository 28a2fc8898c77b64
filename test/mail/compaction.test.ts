/** What was deleted gives its room on disk back, and what is left reads as before. */
import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Upkeep } from '#src/main/server/upkeep.ts'
import { upkeepParts } from '#src/main/server/upkeep-parts.ts'
import { messagesIn, submit } from '../support/mailbox.ts'
import { startServer } from '../support/server.ts'

test('a segment of which little is left is written anew and goes; mail in mailbox and queue stays', async (t) => {
  const server = await startServer(t, {
    mainCf: 'expunged_retention = 0\ndefer_transports = smtp, relay\nrelay_domains = far.test\n',
    accounts: ['ana', 'eva'],
  })
  const text = (n: number): string => `Subject: message ${n}\n\n${'x'.repeat(70)}\n`.concat(`${n}\n`.repeat(2000))
  for (let n = 0; n < 40; n++) assert.equal(await submit(server, '', ['ana@mail.example.test'], text(n)), 250)
  assert.equal(await submit(server, 'ana@mail.example.test', ['x@far.test'], text(100)), 250)
  await server.restart() // seals the segment

  const { accounts, store } = server.server.rooms.current
  const selected = await store.select(accounts.find('ana')?.id ?? 0, 'INBOX', { readOnly: false })
  assert.ok(!('refused' in selected))
  const gone = Array.from({ length: 38 }, (_, i) => i + 2)
  await selected.storeFlags(gone, 'add', ['\\Deleted'])
  await selected.expunge()
  selected.close()
  const before = await messagesIn(server, 'ana')
  assert.equal(before.length, 2)

  const dir = join(server.dir, 'data', 'postigo', 'log')
  const octets = (): number =>
    readdirSync(dir)
      .filter((name) => name.endsWith('.log'))
      .reduce((sum, name) => sum + statSync(join(dir, name)).size, 0)
  const full = octets()
  const upkeep = new Upkeep(upkeepParts(server.server.rooms))
  await upkeep.tidy()
  await upkeep.tidy()
  await upkeep.stop()
  assert.ok(octets() < full / 4, `${octets()} of ${full} octets are left`)
  assert.deepEqual(await messagesIn(server, 'ana'), before)
  assert.equal(await submit(server, '', ['eva@mail.example.test'], text(7)), 250)
  await server.restart()
  assert.deepEqual(await messagesIn(server, 'ana'), before)
  const row = server.server.rooms.db.read.sql('SELECT segment, offset, length FROM queue_message').get()
  const [segment = 0, offset = 0, length = 0] = (row ?? []).map(Number)
  const queued = server.server.rooms.log.read({ segment, offset, length }, 0, length).toString()
  assert.match(queued, /Subject: message 100\r\n/)
})
