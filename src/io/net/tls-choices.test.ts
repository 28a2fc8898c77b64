import assert from 'node:assert/strict'
import { constants, getCurves } from 'node:crypto'
import { test } from 'node:test'
import { createSecureContext } from 'node:tls'
import { cipherChoice, groupChoice, protocolChoice, TlsSettingError } from './mod.ts'

test('protocols as TLS_README writes them', () => {
  const no11 = constants.SSL_OP_NO_TLSv1_1
  const table: readonly (readonly [string, string, string, number])[] = [
    ['', 'TLSv1', 'TLSv1.3', 0],
    ['>=TLSv1.2', 'TLSv1.2', 'TLSv1.3', 0],
    ['>=0x0303', 'TLSv1.2', 'TLSv1.3', 0],
    ['>=TLSv1.1 <=TLSv1.2', 'TLSv1.1', 'TLSv1.2', 0],
    ['!SSLv2 !SSLv3', 'TLSv1', 'TLSv1.3', 0],
    ['!SSLv2 !SSLv3 !TLSv1 !TLSv1.1', 'TLSv1.2', 'TLSv1.3', 0],
    ['!tlsv1.1', 'TLSv1', 'TLSv1.3', no11],
    ['TLSv1 TLSv1.2', 'TLSv1', 'TLSv1.2', no11],
    ['TLSv1.3', 'TLSv1.3', 'TLSv1.3', 0],
  ]
  for (const [words, minVersion, maxVersion, secureOptions] of table) {
    const list = words.split(' ').filter((word) => word !== '')
    assert.deepEqual(protocolChoice(list), { minVersion, maxVersion, secureOptions }, words)
  }
  for (const words of [['TLSv1.4'], ['>=TLS'], ['SSLv3'], ['>=TLSv1.3', '!TLSv1.3'], ['=TLSv1.2']])
    assert.throws(() => protocolChoice(words), TlsSettingError, words.join(' '))
})

test('cipher grades without the excluded, and always the suites of TLS 1.3', () => {
  const lists = { tls_high_cipherlist: 'HIGH:@STRENGTH', tls_medium_cipherlist: 'aNULL:-aNULL:HIGH:MEDIUM' }
  const suites = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256'
  assert.equal(cipherChoice('high', [], lists), `${suites}:HIGH:@STRENGTH`)
  assert.equal(
    cipherChoice('Medium', ['aNULL', 'RC4:3DES'], lists),
    `${suites}:aNULL:-aNULL:HIGH:MEDIUM:!aNULL:!RC4:!3DES`,
  )
  assert.equal(cipherChoice('export', [], lists), cipherChoice('medium', [], lists))
  assert.throws(() => cipherChoice('strong', [], lists), TlsSettingError)
  createSecureContext({ ciphers: cipherChoice('medium', ['MD5', 'SRP', 'PSK', 'aDSS'], lists) })
})

test('groups that OpenSSL does not know are passed over', () => {
  const groups = groupChoice(['X25519', 'prime256v1', 'nosuch', 'ffdhe2048'], getCurves())
  assert.equal(groups, 'X25519:prime256v1:ffdhe2048')
  createSecureContext({ ecdhCurve: groups })
})
