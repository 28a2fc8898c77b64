/** postscreen_access_list. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTables } from '../../../io/tables/mod.ts'
import { accessList } from './access-list.ts'

test('the first word that fires decides; a table’s dunno goes on behind the table', async () => {
  const told: string[] = []
  const of = (text: string, address: string): Promise<string> =>
    accessList(text, { tables: createTables(), mynetworks: '192.0.2.0/24', warn: (said) => told.push(said) })(address)
  const tables =
    'inline:{ {198.51.100.1=permit}, {198.51.100.2=dunno}, {198.51.100.3={dunno, permit}}, {198.51.100.4=permit_mynetworks REJECT} }'
  const table: [text: string, address: string, access: string][] = [
    ['permit_mynetworks', '192.0.2.7', 'permit'],
    ['permit_mynetworks', '198.51.100.1', 'dunno'],
    ['PERMIT', '198.51.100.1', 'permit'],
    ['dunno, reject', '198.51.100.1', 'dunno'],
    [`${tables}, reject`, '198.51.100.1', 'permit'],
    [`${tables}, reject`, '198.51.100.2', 'reject'],
    [`${tables}, reject`, '198.51.100.4', 'reject'],
    [`${tables}, reject`, '198.51.100.9', 'reject'],
    ['', '198.51.100.1', 'dunno'],
  ]
  for (const [text, address, access] of table) assert.equal(await of(text, address), access, `${text} ${address}`)
  assert.deepEqual(told, [])
  assert.equal(await of('permit_all, reject', '198.51.100.1'), 'dunno')
  assert.equal(await of('fail:x, reject', '198.51.100.1'), 'dunno')
  assert.equal(await of('inline:{ {198.51.100.1=inline:{x=y}} }, reject', '198.51.100.1'), 'reject')
  assert.equal(told.length, 3)
})
