import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../io/config/mod.ts'
import { allParams } from '../registry.ts'
import { loginFindings } from './login-findings.ts'

const cases: readonly (readonly [mainCf: string, found: readonly string[]])[] = [
  ['', []],
  [
    'oauth_issuer = https://id.example\n',
    ['error 1 oauth_audience names nobody whom tokens are meant for; no token logs in'],
  ],
  ['oauth_issuer = https://id.example\noauth_audience = mail\n', []],
  ['login_clientcerts = hash:/x\n', ['warning 1 no client is asked for its certificate']],
  [
    'ldap_passwords = /nosuch.cf\n',
    ['error 1 ldap_passwords: ldap:/nosuch.cf: open /nosuch.cf: No such file or directory; its users cannot log in'],
  ],
  ['login_clientcert_addresses = yes\nsmtpd_tls_ask_ccert = yes\n', []],
]
for (const [mainCf, found] of cases)
  test(`of ${JSON.stringify(mainCf)} is said: ${found.join('; ') || 'nothing'}`, () => {
    const config = parseConfig(mainCf, allParams())
    assert.deepEqual(
      loginFindings(config).map(({ severity, line, text }) => `${severity} ${line} ${text}`),
      found,
    )
  })
