import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ProxyHeaderError, readProxyHeader } from './mod.ts'

const binary = (command: number, family: number, body: string): Buffer => {
  const octets = Buffer.from(body, 'hex')
  const head = Buffer.from(`0d0a0d0a000d0a515549540a2${command}${family.toString(16).padStart(2, '0')}0000`, 'hex')
  head.writeUInt16BE(octets.length, 14)
  return Buffer.concat([head, octets])
}
const V4 = 'c0000207' + 'c6336401' + '0457' + '0019'
const V6 = '20010db8000000000000000000000007' + '20010db8000000000000000000000001' + '0457' + '0019'

test('version 1, version 2, and what follows them', () => {
  const from = (remote: string, local: string): object => ({
    remote: { address: remote, port: 1111 },
    local: { address: local, port: 25 },
  })
  const table: readonly (readonly [string | Buffer, object | undefined])[] = [
    ['PROXY TCP4 192.0.2.7 198.51.100.1 1111 25\r\n', from('192.0.2.7', '198.51.100.1')],
    ['PROXY TCP6 2001:db8::7 2001:db8::1 1111 25\r\n', from('2001:db8::7', '2001:db8::1')],
    ['PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.1 1111 25\r\n', from('192.0.2.7', '198.51.100.1')],
    ['PROXY UNKNOWN\r\n', undefined],
    ['PROXY UNKNOWN ffff:f...f:ffff\r\n', undefined],
    [binary(1, 0x11, V4), from('192.0.2.7', '198.51.100.1')],
    [binary(1, 0x11, `${V4}0400017a`), from('192.0.2.7', '198.51.100.1')],
    [binary(1, 0x21, V6), from('2001:db8::7', '2001:db8::1')],
    [binary(0, 0x00, ''), undefined],
    [binary(1, 0x31, '00'), undefined],
  ]
  for (const [text, ends] of table) {
    const header = Buffer.from(text)
    const whole = Buffer.concat([header, Buffer.from('EHLO x\r\n')])
    assert.deepEqual(readProxyHeader(whole), { ends, octets: header.length })
    for (let n = 0; n < header.length; n++) assert.equal(readProxyHeader(header.subarray(0, n)), undefined, `${n}`)
  }
})

test('what is none is refused', () => {
  const table: readonly (string | Buffer)[] = [
    'EHLO x\r\n',
    'PROXY TCP4 192.0.2.7 198.51.100.1 1111\r\n',
    'PROXY TCP4 192.0.2.777 198.51.100.1 1111 25\r\n',
    'PROXY TCP4 2001:db8::7 198.51.100.1 1111 25\r\n',
    'PROXY TCP4 192.0.2.7 198.51.100.1 1111 99999\r\n',
    'PROXY TCP4 192.0.2.7 198.51.100.1 1111 25 x\r\n',
    'PROXY UDP4 192.0.2.7 198.51.100.1 1111 25\r\n',
    `PROXY ${'x'.repeat(200)}`,
    binary(2, 0x11, V4),
    binary(1, 0x11, 'c0000207'),
    binary(1, 0x11, '00'.repeat(600)),
  ]
  for (const text of table) assert.throws(() => readProxyHeader(Buffer.from(text)), ProxyHeaderError, String(text))
})

test('any octets give a header, a wish for more, or a refusal', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 700 }), fc.boolean(), (octets, signed) => {
      const buffer = Buffer.concat([signed ? binary(1, 0x11, '').subarray(0, 12) : Buffer.from('PROXY '), octets])
      try {
        const header = readProxyHeader(buffer)
        if (header === undefined) assert.ok(buffer.length < 536)
        else assert.ok(header.octets <= buffer.length)
      } catch (error) {
        assert.ok(error instanceof ProxyHeaderError)
      }
    }),
  )
})
