/** Chains of certificates on anchors: what holds, and what does not. RFC 5280 §6.1, RFC 7671 §5. */
import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { type Anchor, standsOn } from '#src/io/net/mod.ts'
import { type Certified, certificateMaker } from '../support/authority.ts'

const x509 = ({ cert }: Certified): X509Certificate => new X509Certificate(cert)
const spki = (one: Certified): Buffer => x509(one).publicKey.export({ type: 'spki', format: 'der' })
const whole = (one: Certified): Anchor => ({ of: 'certificate', digest: undefined, data: x509(one).raw })
const sha = (octets: Buffer, digest: string): Buffer => createHash(digest).update(octets).digest()

test('a chain holds only where each link and the anchor do', (t) => {
  const { make } = certificateMaker(t)
  const root = make('Root')
  const middle = make('Middle', { by: root })
  const leaf = make('leaf', { by: middle, names: ['a.test'] })
  const stranger = make('Stranger')
  const shallow = make('Shallow', { by: root, extensions: [] })
  const limited = make('Limited', { extensions: ['nameConstraints=permitted;DNS:b.test'] })
  const underLimited = make('x', { by: make('Sub', { by: limited }), names: ['a.test'] })
  const flat = make('Flat', { pathLength: 0 })
  const sub = make('Sub', { by: flat })
  const notAuthority = make('not', { by: root, names: ['n.test'] })
  const forged = make('forged', { by: notAuthority, names: ['a.test'] })
  const forMail = make('mail', { by: root, names: ['a.test'], extensions: ['extendedKeyUsage=emailProtection'] })
  const forServers = make('server', { by: root, names: ['a.test'], extensions: ['extendedKeyUsage=serverAuth'] })
  const odd = make('odd', { by: root, names: ['a.test'], extensions: ['1.2.3.4=critical,ASN1:NULL'] })
  const now = Date.now() + 60_000 // behind the making of the last one
  const later = now + 40 * 86_400_000
  const key = (one: Certified): Anchor => ({ of: 'key', digest: undefined, data: spki(one) })
  const certificateHash = (one: Certified, digest: string): Anchor => ({
    of: 'certificate',
    digest,
    data: sha(x509(one).raw, digest),
  })
  const keyHash = (one: Certified, digest: string): Anchor => ({ of: 'key', digest, data: sha(spki(one), digest) })

  const table: [string, Certified[], Anchor[], number, boolean][] = [
    ['the root, which the server does not show', [leaf, middle], [whole(root)], now, true],
    ['the root by its hash, shown', [leaf, middle, root], [certificateHash(root, 'sha256')], now, true],
    ['the root by its hash, not shown', [leaf, middle], [certificateHash(root, 'sha256')], now, false],
    ['one in the middle', [leaf, middle], [certificateHash(middle, 'sha512')], now, true],
    ['a key by its hash', [leaf, middle], [keyHash(middle, 'sha256')], now, true],
    ['a key by the wrong hash', [leaf, middle], [keyHash(root, 'sha256')], now, false],
    ['a bare key of one that is not shown', [leaf, middle], [key(root)], now, true],
    ['a bare key of somebody else', [leaf, middle], [key(stranger)], now, false],
    ['somebody else', [leaf, middle], [whole(stranger)], now, false],
    ['the order does not matter', [leaf, root, middle], [certificateHash(root, 'sha256')], now, true],
    ['a link that is missing', [leaf], [whole(root)], now, false],
    ['a leaf by its hash is not an anchor', [leaf], [certificateHash(leaf, 'sha256')], now, false],
    ['a leaf named whole', [leaf], [whole(leaf)], now, true],
    ['no certificate', [], [whole(root)], now, false],
    ['nobody vouches', [leaf, middle], [], now, false],
    ['a leaf whose time is over', [leaf, middle], [whole(middle)], later, false],
    ['one who is no authority', [forged, notAuthority], [whole(root)], now, false],
    ['names that are not permitted', [underLimited, limited], [whole(limited)], now, false],
    ['a path too long', [make('deep', { by: sub, names: ['a.test'] }), sub], [whole(flat)], now, false],
    ['a path as long as it may be', [make('near', { by: flat, names: ['a.test'] })], [whole(flat)], now, true],
    ['for mail, not for servers', [forMail], [whole(root)], now, false],
    ['for servers', [forServers], [whole(root)], now, true],
    ['a critical extension that nobody knows', [odd], [whole(root)], now, false],
    ['an authority without a leaf', [shallow], [whole(root)], now, true],
    [
      'octets that are no certificate',
      [leaf, middle],
      [{ of: 'certificate', digest: undefined, data: Buffer.from('x') }],
      now,
      false,
    ],
  ]
  for (const [name, chain, anchors, at, expected] of table)
    assert.equal(standsOn(chain.map(x509), anchors, at), expected, name)
})

test('authorities that vouch for each other are climbed once, and not for ever', (t) => {
  const { make } = certificateMaker(t)
  const root = make('A')
  const [ab, ba] = [make('A', { by: make('B', { keyOf: root }), keyOf: root }), make('B', { by: root, keyOf: root })]
  const leaf = make('leaf', { by: root, names: ['a.test'] })
  const stranger: Anchor = { of: 'certificate', digest: 'sha256', data: Buffer.alloc(32) }
  const verify = t.mock.method(X509Certificate.prototype, 'verify')
  for (const [pairs, most] of [
    [4, 36], // the leaf by 4, each of 8 by 4
    [100, 100],
  ] as const) {
    const chain = [leaf, ...Array.from({ length: pairs }, () => [ab, ba]).flat()]
    verify.mock.resetCalls()
    assert.equal(standsOn(chain.map(x509), [stranger], Date.now() + 60_000), false)
    assert.ok(verify.mock.callCount() <= most, `${verify.mock.callCount()} signatures`)
  }
})

test('of two ways to an authority the short one counts', (t) => {
  const { make } = certificateMaker(t)
  const root = make('Root', { pathLength: 2 })
  const high = make('High', { by: root })
  const far = make('Far', { by: high })
  const [near, detour] = [make('Near', { by: high }), make('Near', { by: far })]
  const again = make('Near', { by: high, keyOf: detour })
  const leaf = make('leaf', { by: detour, names: ['a.test'] })
  const now = Date.now() + 60_000
  const stands = (chain: readonly Certified[]): boolean => standsOn(chain.map(x509), [whole(root)], now)
  assert.equal(stands([leaf, detour, far, high]), false)
  assert.equal(stands([leaf, near, far, high]), false)
  assert.equal(stands([leaf, detour, far, high, again]), true)
})
