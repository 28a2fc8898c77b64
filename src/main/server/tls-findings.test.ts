import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseConfig } from '#src/io/config/mod.ts'
import { selfSigned } from '../../io/net/mod.ts'
import { allParams } from '../registry.ts'
import { tlsFindings } from './tls-findings.ts'

const findings = (mainCf: string): string[] =>
  tlsFindings(parseConfig(mainCf, allParams(), { machine: { hostname: 'x.test', interfaces: [] }, masterCf: '' })).map(
    ({ line, severity, text, proposal }) =>
      `${line} ${severity}: ${text}${proposal === undefined ? '' : ` => ${proposal}`}`,
  )

test('what is to be said of TLS', () => {
  const here = import.meta.filename // a file that can be read
  const table: readonly (readonly [string, readonly string[]])[] = [
    ['', []],
    [
      'smtpd_tls_security_level = may\nsmtpd_tls_cert_file = /nowhere/cert.pem',
      ['2 error: smtpd_tls_cert_file: /nowhere/cert.pem: No such file or directory; the server does not start so'],
    ],
    [`smtpd_tls_security_level = may\nsmtpd_tls_cert_file = ${here}\nsmtpd_tls_key_file = $smtpd_tls_cert_file`, []],
    [
      `smtpd_tls_cert_file = ${here}`,
      [
        '1 warning: there is a certificate, and STARTTLS is not offered: smtpd_tls_security_level is not set => smtpd_tls_security_level = may',
      ],
    ],
    [`smtpd_use_tls = yes\nsmtpd_tls_cert_file = ${here}`, []],
    ['smtpd_tls_dh1024_param_file = auto\nsmtpd_tls_CAfile =', []],
    [
      'smtpd_sasl_auth_enable = yes',
      ['1 warning: passwords are taken without TLS, and can be read on the way => smtpd_tls_auth_only = yes'],
    ],
    ['smtpd_sasl_auth_enable = yes\nsmtpd_tls_auth_only = yes', []],
    ['smtpd_sasl_auth_enable = yes\nsmtpd_tls_security_level = encrypt', []],
    ['smtpd_sasl_auth_enable = yes\nsmtpd_enforce_tls = yes', []],
    [
      'smtp_tls_protocols = !SSLv2, !SSLv3',
      [
        '1 note: smtp_tls_protocols: TLSv1 is spoken with those who know no better; it has been broken (RFC 8996) => smtp_tls_protocols = >=TLSv1.2',
      ],
    ],
    ['smtpd_tls_protocols = >=TLSv1.2\nsmtpd_tls_mandatory_protocols = !TLSv1, !TLSv1.1', []],
    [
      'smtpd_tls_mandatory_protocols = TLSv9',
      ['1 error: smtpd_tls_mandatory_protocols: invalid TLS protocol: "TLSv9"; the server does not start so'],
    ],
  ]
  for (const [mainCf, expected] of table) assert.deepEqual(findings(mainCf), expected, mainCf)
})

test('a certificate that has run out, or soon will', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-dates-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const said = (days: number): string[] => {
    const { cert, key } = selfSigned(['x.test'], Date.now(), days)
    writeFileSync(join(dir, 'chain.pem'), key + cert)
    return findings(`smtpd_tls_security_level = may\nsmtpd_tls_chain_files = ${dir}/chain.pem`)
  }
  assert.deepEqual(said(20), [])
  assert.match(
    said(5).join(),
    /^2 warning: smtpd_tls_chain_files: the certificate in .*chain\.pem runs out on \d{4}-\d\d-\d\d$/,
  )
  assert.match(said(-1).join(), /ran out on \d{4}-\d\d-\d\d: clients refuse it$/)
})

test('a service of master.cf that takes passwords in clear is named', () => {
  const masterCf =
    'submission inet n - n - - smtpd\n  -o smtpd_sasl_auth_enable=yes\n' +
    '2525 inet n - n - - smtpd\n  -o smtpd_sasl_auth_enable=yes -o smtpd_tls_security_level=encrypt\n' +
    'submissions inet n - n - - smtpd\n  -o smtpd_sasl_auth_enable=yes -o smtpd_tls_wrappermode=yes\n'
  const machine = { hostname: 'x.test', interfaces: [] }
  const found = tlsFindings(parseConfig('', allParams(), { machine, masterCf }))
  assert.deepEqual(
    found.map(({ line, text, proposal }) => [line, text, proposal]),
    [[1, 'submission: passwords are taken without TLS, and can be read on the way', 'smtpd_tls_auth_only = yes']],
  )
})
