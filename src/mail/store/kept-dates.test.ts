import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ACCOUNT, openTestStore } from './testing.ts'

test('SORT DATE is right after mail came, went and came back from elsewhere', async (t) => {
  const { store, select } = await openTestStore(t)
  const append = async (mailbox: string, day: string): Promise<void> => {
    const text = Buffer.from(`${day === '' ? '' : `Date: ${day} Nov 2020 10:00:00 +0000\r\n`}Subject: x\r\n\r\n`)
    const dateMs = Date.UTC(2020, 10, 15, 12)
    await store.append(ACCOUNT, mailbox, [text], { sizeOctets: text.length, flags: [], internalDateMs: dateMs })
  }
  const days = ['20', '3', '', '28', '1']
  for (const day of days) await append('INBOX', day)
  await append('Sent', '2')
  const selected = await select()
  const all = (): number[] => Array.from({ length: selected.count }, (_, i) => i + 1)
  const sorted = (reverse = false): Promise<readonly number[]> => selected.sort(all(), [{ key: 'DATE', reverse }])
  assert.deepEqual(await sorted(), [5, 2, 3, 1, 4])
  assert.deepEqual(await sorted(true), [4, 1, 3, 2, 5])
  await selected.storeFlags([2, 3], 'add', ['\\Deleted'])
  await selected.expunge()
  await append('INBOX', '2')
  await selected.refresh({ expunges: true })
  assert.deepEqual(await sorted(), [3, 4, 1, 2]) // 1 Nov, 2 Nov, 20 Nov, 28 Nov
  const sent = await select('Sent')
  await sent.copy([1], 'INBOX') // an older message behind newer ones
  await selected.storeFlags([1], 'add', ['\\Deleted'])
  await selected.expunge()
  await selected.refresh({ expunges: true })
  assert.deepEqual(await sorted(), [2, 3, 4, 1])
  assert.deepEqual(await selected.sort([4, 1], [{ key: 'DATE', reverse: false }]), [4, 1])
})
