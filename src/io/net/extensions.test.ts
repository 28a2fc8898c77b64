import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { standsOn } from './chain.ts'
import { extensionsOf, pathLength } from './extensions.ts'
import { selfSigned } from './self-signed.ts'

const { raw } = new X509Certificate(selfSigned(['mail.example'], Date.now()).cert)

test('extensions of a certificate: which, how critical, how deep', () => {
  const found = extensionsOf(raw)
  assert.deepEqual(
    found.map(({ oid, critical }) => `${oid}${critical ? '!' : ''}`),
    ['551d0e', '551d13!', '551d11', '551d25'],
  )
  const [, constraints] = found
  assert.ok(constraints !== undefined)
  assert.equal(pathLength(constraints), undefined)
  const value = Buffer.from('30060101ff020102', 'hex') // CA:TRUE, pathlen:2
  assert.equal(pathLength({ oid: '551d13', critical: true, value }), 2)
})

test('any octets have extensions or a RangeError, and no chain of them stands', () => {
  const read = (octets: Buffer): void => {
    try {
      for (const extension of extensionsOf(octets)) pathLength(extension)
    } catch (error) {
      assert.ok(error instanceof RangeError, String(error))
    }
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (octets) => read(Buffer.from(octets))))
  fc.assert(
    fc.property(fc.nat(raw.length - 1), fc.nat(255), (at, value) => {
      const broken = Buffer.from(raw)
      broken[at] = value
      read(broken)
      let leaf: X509Certificate
      try {
        leaf = new X509Certificate(broken)
      } catch {
        return // OpenSSL does not take it for one
      }
      const anchor = { of: 'certificate', digest: 'sha256', data: Buffer.alloc(32) } as const
      assert.equal(standsOn([leaf, leaf], [anchor], Date.now()), false)
    }),
  )
})
