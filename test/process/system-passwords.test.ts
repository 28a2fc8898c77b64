/** The system's passwords, with every kind of hash that a shadow file may hold. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { checkPassword } from '../../src/main/launcher/system.ts'
import { makeSystemUser, withoutRoot } from '../support/system-user.ts'

const SKIP = { skip: withoutRoot ?? false }
const PASSWORD = 'pá$s: word'

const crypt = (setting: string): string =>
  execFileSync('perl', ['-e', 'print crypt($ARGV[0], $ARGV[1])', PASSWORD, setting], { encoding: 'utf8' })

test('a system password is checked by whatever method its hash has', SKIP, async (t) => {
  const { name } = makeSystemUser(t)
  const methods = [
    '$1$saltsalt$',
    '$5$saltsalt$',
    '$6$rounds=5000$saltsalt$',
    '$2b$05$abcdefghijklmnopqrstuu',
    '$y$j9T$saltsaltsalt$',
  ]
  for (const method of methods) {
    execFileSync('usermod', ['-p', crypt(method), name])
    assert.equal(await checkPassword(name, PASSWORD, Date.now()), true, method)
    assert.equal(await checkPassword(name, `${PASSWORD}x`, Date.now()), false, method)
  }
  assert.equal(await checkPassword(name, `${PASSWORD}\n`, Date.now()), false)
})

test('locked, expired and empty passwords, root and strangers are refused', SKIP, async (t) => {
  const { name } = makeSystemUser(t)
  assert.equal(await checkPassword(name, '', Date.now()), false, 'an account without a password')
  execFileSync('usermod', ['-p', crypt('$5$saltsalt$'), name])
  assert.equal(await checkPassword(name, PASSWORD, Date.now()), true)
  execFileSync('usermod', ['-e', '2020-01-01', name])
  assert.equal(await checkPassword(name, PASSWORD, Date.now()), false, 'expired')
  execFileSync('usermod', ['-e', '', '-L', name])
  assert.equal(await checkPassword(name, PASSWORD, Date.now()), false, 'locked')
  for (const other of ['root', 'no-such-user', '0', '-x', '', 'a b', '../etc'])
    assert.equal(await checkPassword(other, PASSWORD, Date.now()), false, other)
})
