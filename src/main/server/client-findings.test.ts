import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../io/config/mod.ts'
import { allParams } from '../registry.ts'
import { clientFindings } from './client-findings.ts'

test('a client for SASL that there is not', () => {
  const table: [mainCf: string, expected: string[]][] = [
    ['', []],
    ['smtp_sasl_type = cyrus\n', []],
    ['smtp_sasl_type = dovecot\n', ['warning 1 there is no client for SASL of type dovecot']],
    [
      'smtp_sasl_auth_enable = yes\nsmtp_sasl_type = dovecot\n',
      ['error 2 there is no client for SASL of type dovecot: mail for other servers waits in the queue'],
    ],
    ['lmtp_sasl_type = x\n', ['warning 1 there is no client for SASL of type x']],
  ]
  for (const [mainCf, expected] of table)
    assert.deepEqual(
      clientFindings(parseConfig(mainCf, allParams())).map(({ severity, line, text }) => `${severity} ${line} ${text}`),
      expected,
    )
})
