import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ALL_COLUMNS, messageBatch } from './message-batch.ts'
import { ACCOUNT, openTestStore } from './testing.ts'

test('columns come back to the octet, in the order asked for, whether they were wanted or not', async (t) => {
  const { store, db } = await openTestStore(t)
  await store.provision(ACCOUNT)
  const all = Buffer.from(Array.from({ length: 256 }, (_, octet) => octet))
  const row = (id: number): readonly [number, ...Buffer[]] => [
    id,
    Buffer.alloc(16, id), // record_id
    id % 2 === 0 ? Buffer.alloc(0) : all.subarray(id), // prefix
    Buffer.concat([all, all.subarray(0, id)]), // envelope
    Buffer.alloc(0), // body_structure
    all.toReversed() as Buffer, // toReversed() of a Buffer is one of its octets
    Buffer.from([0, id, 0]), // parts
  ]
  const ids = [3, 4, 5, 7]
  await db.write((tx) => {
    for (const id of ids) {
      tx.sql(
        `INSERT INTO message (account, mailbox, uid, segment, offset, length, sent, message_id, thread, id, record_id, prefix,
          envelope, body_structure, listed_fields, parts) VALUES (?, 1, 1, 1, ?, 10, ?, '', ?, ?, ?, ?, ?, ?, ?, ?)`,
      ).run(ACCOUNT, 2 ** 40 + id, id === 4 ? null : 1.6e12 + id, id === 5 ? all.subarray(0, 16) : null, ...row(id))
    }
  })
  for (const asked of [ids, [3, 4, 5], [7, 3, 6, 5, 3], [], [6]]) {
    for (const columns of [undefined, [], ['envelope'], ALL_COLUMNS.toReversed()] as const) {
      const messages = messageBatch(db.read, ACCOUNT, asked, columns)
      assert.equal(messages.length, asked.length)
      for (const [i, message] of messages.entries()) {
        const id = asked[i] ?? 0
        assert.equal(message === undefined, id === 6)
        if (message === undefined) continue
        const [, recordId, prefix, envelope, bodyStructure, listedFields, parts] = row(id)
        assert.deepEqual(
          [message.recordId, message.prefix, message.envelope, message.bodyStructure, message.parts].map((octets) => [
            ...octets,
          ]),
          [recordId, prefix, envelope, bodyStructure, parts].map((octets) => [...(octets ?? [])]),
        )
        assert.deepEqual([...message.listedFields], [...(listedFields ?? [])])
        assert.deepEqual([...message.threadRecordId], [...(id === 5 ? all.subarray(0, 16) : (recordId ?? []))])
        assert.deepEqual(message.at, { segment: 1, offset: 2 ** 40 + id, length: 10 })
        assert.equal(message.sizeOctets, 10 + (prefix?.length ?? 0))
        assert.equal(message.sentMs, id === 4 ? Number.NaN : 1.6e12 + id)
      }
    }
  }
  assert.deepEqual(messageBatch(db.read, ACCOUNT + 1, ids), [undefined, undefined, undefined, undefined])
})

test('a message that goes away before a column of it is read is gone, not empty', async (t) => {
  const { deposit, db } = await openTestStore(t)
  await deposit()
  await deposit()
  const [first, second] = messageBatch(db.read, ACCOUNT, [1, 2], ['content'])
  await db.write((tx) => tx.sql('DELETE FROM message WHERE id = 1').run())
  assert.throws(() => first?.envelope, /gone/)
  assert.equal(second?.envelope.length, 0)
})
