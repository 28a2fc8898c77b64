import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseSaslConf, readSaslConf, saslSearchPath, type SaslConf } from './smtpd-conf.ts'
import { temporaryDirectory } from './test-accounts.ts'

const DEFAULTS = { sources: ['accounts'], saslauthdPath: '/var/run/saslauthd/mux', mechList: undefined }

/** Columns: what the file says, what follows, findings as `severity line: part of the text`. */
const files: readonly (readonly [text: string, expected: Partial<SaslConf>, findings: readonly string[]])[] = [
  ['', {}, []],
  ['pwcheck_method: sasldb\n', {}, ['note 1: word of Cyrus SASL 1']],
  ['pwcheck_method: auxprop\r\nauxprop_plugin: sasldb\r\n', {}, []],
  ['# a comment\n\n  PWCHECK_METHOD:saslauthd\n', { sources: ['saslauthd'] }, []],
  ['pwcheck_method: auxprop saslauthd', { sources: ['accounts', 'saslauthd'] }, []],
  ['saslauthd_path: /run/x/mux', { saslauthdPath: '/run/x/mux' }, []],
  ['mech_list: plain LOGIN', { mechList: ['PLAIN', 'LOGIN'] }, []],
  ['mech_list: PLAIN NTLM', { mechList: ['PLAIN', 'NTLM'] }, ['warning 1: NTLM is not spoken']],
  ['pwcheck_method: pwcheck', { sources: [] }, ['error 1: "pwcheck" is no way']],
  ['pwcheck_method: alwaystrue', { sources: [] }, ['error 1: "alwaystrue" is no way']],
  ['\npwcheck_method sasldb', {}, ['error 2: is not "name: value"']],
  ['mech_list:', {}, ['error 1: is not "name: value"']],
  ['auxprop_plugin: sql', {}, ['error 1: cannot be read from "sql"']],
  ['sasldb_path: /etc/sasldb2', {}, ['warning 1: account store']],
  ['log_level: 7', {}, ['warning 1: no effect']],
  ['mech_list: PLAIN\nmech_list: LOGIN', { mechList: ['PLAIN'] }, ['warning 2: line 1 counts']],
]
for (const [text, expected, findings] of files)
  test(`smtpd.conf ${JSON.stringify(text)}`, () => {
    const { file, findings: found, ...conf } = parseSaslConf('/x/smtpd.conf', text)
    assert.deepEqual(conf, { ...DEFAULTS, ...expected })
    assert.equal(file, '/x/smtpd.conf')
    assert.equal(found.length, findings.length, JSON.stringify(found))
    for (const [i, wanted] of findings.entries()) {
      const [head = '', words = ''] = wanted.split(': ')
      assert.equal(`${found[i]?.severity} ${found[i]?.line}`, head)
      assert.ok(found[i]?.text.includes(words), wanted)
    }
  })

test('the first directory that has the file counts', (t) => {
  const directory = temporaryDirectory(t)
  const path = ['a', 'b', 'c'].map((name) => join(directory, name))
  for (const name of ['b', 'c']) mkdirSync(join(directory, name))
  assert.deepEqual({ ...readSaslConf('smtpd', path), findings: [] }, { ...DEFAULTS, file: undefined, findings: [] })
  writeFileSync(join(directory, 'c', 'smtpd.conf'), 'mech_list: LOGIN')
  assert.deepEqual(readSaslConf('smtpd', path).mechList, ['LOGIN'])
  writeFileSync(join(directory, 'b', 'smtpd.conf'), 'mech_list: PLAIN')
  assert.deepEqual(readSaslConf('smtpd', path).mechList, ['PLAIN'])
  assert.equal(readSaslConf('smtpd', path).file, join(directory, 'b', 'smtpd.conf'))
})

test('a file that cannot be read stops the start', (t) => {
  const directory = temporaryDirectory(t)
  mkdirSync(join(directory, 'smtpd.conf'))
  assert.deepEqual(
    readSaslConf('smtpd', [directory]).findings.map(({ severity }) => severity),
    ['error'],
  )
})

test('cyrus_sasl_config_path takes the place of the usual directories', () => {
  assert.deepEqual(saslSearchPath('/etc/postfix', '/etc/here:/etc/there'), ['/etc/here', '/etc/there'])
})

test('saslSearchPath() begins with the configuration directory', () => {
  assert.deepEqual(saslSearchPath('/etc/postfix'), [
    '/etc/postfix/sasl',
    '/etc/sasl2',
    '/usr/lib/sasl2',
    '/usr/lib/sasl',
  ])
})
