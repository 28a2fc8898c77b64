import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connectionParams } from './connection-params.ts'
import { clientSettingsOf } from './fixture.test.ts'

/** A value that is no default. */
function another(name: string, kind: string): string {
  if (name === 'smtp_address_verify_target') return 'data'
  const byKind: Readonly<Record<string, string>> = { bool: 'yes', time: '77s', int: '77', list: 'x.test' }
  return byKind[kind] ?? 'x'
}

test('every setting of connections has its twin for LMTP, and is not the other’s', () => {
  const names = Object.entries(connectionParams).filter(([name]) => name.startsWith('smtp_'))
  assert.ok(names.length > 20)
  for (const [name, { kind }] of names) {
    const usual: unknown = Reflect.get(clientSettingsOf({}, 'lmtp'), name)
    const value = kind === 'bool' && usual === true ? 'no' : another(name, kind)
    const set = { [name.replace('smtp_', 'lmtp_')]: value }
    assert.notDeepEqual(Reflect.get(clientSettingsOf(set, 'lmtp'), name), usual, name)
    assert.deepEqual(Reflect.get(clientSettingsOf(set), name), Reflect.get(clientSettingsOf({}), name), name)
  }
})

test('where LMTP’s defaults are its own', () => {
  const [smtp, lmtp] = [clientSettingsOf({}), clientSettingsOf({}, 'lmtp')]
  assert.deepEqual([smtp.smtp_skip_quit_response, lmtp.smtp_skip_quit_response], [true, false])
  const old = { smtp_per_record_deadline: 'yes', lmtp_per_record_deadline: 'no' }
  assert.equal(clientSettingsOf(old).smtp_per_request_deadline, true)
  assert.equal(clientSettingsOf(old, 'lmtp').smtp_per_request_deadline, false)
})
