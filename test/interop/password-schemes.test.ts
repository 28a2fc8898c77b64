/** Passwords that Dovecot's doveadm hashes now, scheme by scheme, and ours knows them. */
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { matchesForeign, readForeign } from '../../src/mail/accounts/foreign/schemes.ts'

const run = promisify(execFile)

const missing = spawnSync('doveadm', ['pw', '-l']).error ? 'dovecot-core is not installed (npm run setup:test)' : false

/** Schemes that keep a password as it is, and those that are given up: one-time passwords, and MD4. */
const PLAIN = new Set(['PLAIN', 'CLEAR', 'CLEARTEXT', 'PLAIN-TRUNC'])
const UNKNOWN = new Set(['OTP', 'PLAIN-MD4'])

test('every scheme of doveadm pw is known, but OTP and PLAIN-MD4', { skip: missing }, async () => {
  const [name, password] = ['ana@example.test', 'clave «x»']
  const { stdout } = await run('doveadm', ['-c', '/dev/null', 'pw', '-l'])
  const schemes = stdout.trim().split(/\s+/)
  assert.ok(schemes.length > 20)
  const one = async (scheme: string): Promise<void> => {
    const made = await run('doveadm', ['-c', '/dev/null', 'pw', '-s', scheme, '-p', password, '-u', name])
    const read = readForeign(made.stdout.trim(), 'CRYPT')
    if (PLAIN.has(scheme)) return assert.deepEqual(read, { kind: 'plain', password }, scheme)
    if (UNKNOWN.has(scheme)) return assert.equal(read.kind, 'unknown', scheme)
    assert.ok(read.kind === 'hash', `${scheme}: ${made.stdout}`)
    assert.equal(await matchesForeign({ text: read.text, name }, password), true, scheme)
    assert.equal(await matchesForeign({ text: read.text, name }, `x${password}`), false, scheme)
  }
  await Promise.all(schemes.map(one))
})
