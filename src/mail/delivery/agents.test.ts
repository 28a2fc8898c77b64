import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTables } from '../../io/tables/mod.ts'
import type { Agent, DeliveryJob, RecipientResult } from '../queue/mod.ts'
import { type AllAgents, createAgents } from './agents.ts'

test('mail that one transport gives to another passes the status filter of the one that delivers, once', async (t) => {
  const tables = createTables({ directory: '/' })
  t.after(() => tables.close())
  const maps = tables.maps('regexp:{{/^(2\\.0\\.0) (.*)$/ $1 filtered($2)}}')
  const local: Agent = {
    async deliver({ recipients }, report) {
      for (const { id } of recipients) report(id, { status: 'sent', dsn: '2.0.0', text: 'saved' }, 'local')
    },
  }
  const smtp: Agent = { deliver: (job, report, signal) => agents.pass({ ...job, transport: 'local' }, report, signal) }
  const agents: AllAgents = createAgents({
    smtp,
    local,
    pipe: local,
    isSmtp: (transport) => transport === 'smtp',
    isLocal: (transport) => transport === 'local',
    isPipe: () => false,
    statusFilter: (transport) => ({ program: transport === 'smtp' ? 'smtp' : 'local', maps }),
  })
  for (const transport of ['smtp', 'local']) {
    const told: RecipientResult[] = []
    const job = { transport, nexthop: '', recipients: [{ id: 1 }] } as unknown as DeliveryJob // nothing else is looked at
    await agents.deliver(job, (_, result) => told.push(result), new AbortController().signal)
    assert.deepEqual(
      told.map(({ text }) => text),
      ['filtered(saved)'],
      transport,
    )
  }
})
