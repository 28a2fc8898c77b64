import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AccountError } from './errors.ts'
import { verifierFamilies } from './open.ts'
import { checkPassword, makeVerifiers, matches, type Family } from './verifiers.ts'
import { parseVerifiers, printVerifiers } from './verifiers-text.ts'

const names = [{ username: 'begoña', realm: 'mail.example' }]

const sets: readonly (readonly Family[])[] = [
  ['scram-sha-256', 'scram-sha-1', 'digest-md5', 'cram-md5'],
  ['scram-sha-1'],
  ['scram-sha-256', 'argon2id'],
  ['argon2id'],
]
for (const families of sets)
  test(`verifiers of ${families.join(', ')} survive printing and match their password only`, async () => {
    const made = await makeVerifiers('contraseña', families, names)
    const kept = parseVerifiers(printVerifiers(made))
    assert.deepEqual(kept, made)
    assert.equal(await matches('contraseña', kept), true)
    // RFC 4616 §2: prepared before it is compared.
    assert.equal(await matches('contrasen\u0303a', kept), true)
    for (const wrong of ['contraseñA', 'contraseña ', '', '\u0007', 'x'.repeat(2000)])
      assert.equal(await matches(wrong, kept), false, JSON.stringify(wrong.slice(0, 12)))
    assert.deepEqual(Object.keys(made.scram).length, families.filter((f) => f.startsWith('scram')).length)
    assert.equal(made.digest.length, families.includes('digest-md5') ? 1 : 0)
    assert.equal(made.cram.length, families.includes('cram-md5') ? 2 : 0)
  })

test('nothing of the password is in its verifiers', async () => {
  const text = printVerifiers(await makeVerifiers('secretísimo', ['scram-sha-256', 'digest-md5', 'cram-md5'], names))
  assert.ok(!text.includes('secret'))
  assert.ok(!text.includes(Buffer.from('secretísimo').toString('base64').slice(0, 10)))
})

test('verifiers of a later version are not misread', () => {
  assert.throws(() => parseVerifiers('{"version":2,"scram":{},"digest":[],"cram":[]}'), /version 2/)
})

for (const bad of ['', '\n', 'a\0b', '\u0007', 'x'.repeat(1025), '\u00ad'])
  test(`${JSON.stringify(bad.slice(0, 10))} can be no password`, () =>
    assert.throws(
      () => checkPassword(bad),
      (thrown) => thrown instanceof AccountError && thrown.fault === 'bad-password',
    ))

test('verifierFamilies() reads password_verifiers', () => {
  assert.deepEqual(verifierFamilies(['CRAM-MD5', 'scram-sha-256']), ['scram-sha-256', 'cram-md5'])
  assert.throws(() => verifierFamilies(['scram-sha-512']), RangeError)
  assert.throws(() => verifierFamilies(['digest-md5', 'cram-md5']), RangeError)
  assert.throws(() => verifierFamilies([]), RangeError)
})
