import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CatMessage, ContentRecords, envelopeRecords } from './postcat-records.ts'

/** What `postcat -do` of Postfix 3.7.11 printed of such a message, but for what it alone has. */
const MESSAGE: CatMessage = {
  queue: 'deferred',
  queueId: 'CB8C82148A6',
  sender: 's@bench.example',
  arrivalMs: 1_795_534_379_123,
  sizeOctets: 3301,
  saslUsername: '',
  recipients: [{ address: 'x@d.example', original: 'x@d.example', orcpt: 'rfc822;x@d.example', notify: ['SUCCESS'] }],
}

test('records of the envelope, with the offsets of a queue file', () => {
  let at = 0
  const lines = envelopeRecords(MESSAGE).map(({ type, name, shown, length }) => {
    const line = `${at} ${type} ${name}: ${String(shown).trim().replaceAll(/ +/g, ' ')}`
    at += length
    return line
  })
  assert.deepEqual(
    lines.filter((line) => !line.includes('_time')),
    [
      '0 C message_size: 3301 235 1 0 3301 0',
      '140 S sender: s@bench.example',
      '157 A named_attribute: notify_flags=2',
      '173 A named_attribute: dsn_orig_rcpt=rfc822;x@d.example',
      '207 O original_recipient: x@d.example',
      '220 R recipient: x@d.example',
    ],
  )
  assert.equal(at, 233)
})

test('content: octets stay, header and body are told apart in any cuts, long lines stand in several records', () => {
  const octets = Buffer.from(`Subject: caf\xe9\r\n\tmore\r\n\r\nse\xf1or\r\n${'y'.repeat(3000)}\r\nno end`, 'latin1')
  for (const size of [1, 7, octets.length]) {
    const records = new ContentRecords()
    const found: string[] = []
    for (let at = 0; at < octets.length; at += size)
      for (const { type, part, shown, length } of records.push(octets.subarray(at, at + size)))
        found.push(`${type} ${part} ${length} ${Buffer.from(shown).toString('latin1').slice(0, 14)}`)
    for (const { type, part, length } of records.end()) found.push(`${type} ${part} ${length}`)
    assert.deepEqual(found, [
      'N header 15 Subject: caf\xe9',
      'N header 7 \tmore',
      'N body 2 ',
      'N body 7 se\xf1or',
      `L body 2051 ${'y'.repeat(14)}`,
      `N body 955 ${'y'.repeat(14)}`,
      'N body 8',
    ])
  }
})
