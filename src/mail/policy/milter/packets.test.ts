import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DataCursor, packet, PACKET_LIMIT, PacketError, PacketReader } from './packets.ts'

const part = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', '')),
  fc.nat({ max: 0xffff_ffff }),
)

test('a stream of packets cut anywhere gives the packets', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(part, { maxLength: 4 }), { maxLength: 5 }),
      fc.integer({ min: 1, max: 9 }),
      (all, step) => {
        const stream = Buffer.concat(all.map((parts, i) => packet('CHMRT'[i] ?? 'C', ...parts)))
        const reader = new PacketReader()
        const read: [string, unknown[]][] = []
        for (let at = 0; at < stream.length; at += step) {
          reader.push(stream.subarray(at, at + step))
          for (let one = reader.take(); one !== undefined; one = reader.take()) {
            const cursor = new DataCursor(one.data)
            const kinds = all[read.length] ?? []
            const values = kinds.map((kind) =>
              typeof kind === 'number' ? cursor.takeLong() : cursor.takeString().toString('utf8'),
            )
            cursor.end()
            read.push([one.letter, values])
          }
        }
        assert.deepEqual(
          read,
          all.map((parts, i) => [
            'CHMRT'[i] ?? 'C',
            parts.map((p) => (typeof p === 'string' ? Buffer.from(p).toString() : p)),
          ]),
        )
        assert.equal(reader.waiting, 0)
      },
    ),
  )
})

test('a length that no packet has is refused at once', () => {
  for (const [octets, text] of [
    ['00000000', 'bad packet length: 0'],
    [
      (PACKET_LIMIT + 1).toString(16).padStart(8, '0'),
      `unreasonable packet length: ${PACKET_LIMIT + 1} > ${PACKET_LIMIT}`,
    ],
    ['48545450', 'unreasonable packet length: 1213486160 > 16777216'],
  ] as const) {
    const reader = new PacketReader()
    reader.push(Buffer.from(octets, 'hex'))
    assert.throws(() => reader.take(), new PacketError(text))
  }
})

test('data that is too short, or too long, is no data', () => {
  assert.throws(() => new DataCursor(Buffer.from('abc')).takeLong(), /too short for network long/)
  assert.throws(() => new DataCursor(Buffer.alloc(0)).takeString(), /too short for string/)
  assert.throws(() => new DataCursor(Buffer.from('abc')).takeString(), /missing string null/)
  assert.throws(() => new DataCursor(Buffer.from('abc')).end(), /left-over data 3 bytes/)
})
