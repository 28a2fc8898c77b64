import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '#src/io/config/mod.ts'
import { allParams } from '../registry.ts'
import { clientTlsFindings } from './client-tls-findings.ts'

const findings = (mainCf: string): string[] =>
  clientTlsFindings(parseConfig(mainCf, allParams(), { machine: { hostname: 'x.test', interfaces: [] } })).map(
    ({ line, severity, text, proposal }) =>
      `${line} ${severity}: ${text}${proposal === undefined ? '' : ` => ${proposal}`}`,
  )

test('what is to be said of mail to other servers', () => {
  const here = import.meta.filename // a file that can be read
  const table: readonly (readonly [string, readonly string[]])[] = [
    ['', []],
    ['smtp_tls_security_level = may\nsmtp_tls_policy_maps = hash:/x', []],
    ['smtp_tls_security_level = may\nmta_sts_enable = yes', []],
    ['mta_sts_enable = yes', ['1 warning: no policy is looked for at level none => smtp_tls_security_level = may']],
    ['smtp_tlsrpt_enable = yes\ntls_report_sender = a@b.test', []],
    [
      'tls_report_sender = a@b.test',
      ['1 warning: there is nothing to report: how TLS goes is not counted => smtp_tlsrpt_enable = yes'],
    ],
    ['smtp_tls_security_level = dane\nsmtp_dns_support_level = dnssec', []],
    [
      'smtp_tls_security_level = dane',
      ['1 warning: dane is taken as may without DNSSEC => smtp_dns_support_level = dnssec'],
    ],
    [
      'lmtp_tls_security_level = dane-only',
      ['1 warning: no mail goes out without DNSSEC => lmtp_dns_support_level = dnssec'],
    ],
    [
      'smtp_tls_security_level = dane\nsmtp_dns_support_level = dnssec\nignore_mx_lookup_error = yes\nsmtp_dns_resolver_options = res_defnames',
      [
        "3 warning: dane is taken as may while answers of DNS may be anybody's",
        "4 warning: dane is taken as may while answers of DNS may be anybody's",
      ],
    ],
    [
      'smtp_tls_policy_maps = hash:/x\nsmtp_tls_per_site = hash:/y',
      ['2 warning: smtp_tls_per_site is not read: smtp_tls_policy_maps is set'],
    ],
    [
      `smtp_tls_chain_files = ${here}\nsmtp_tls_cert_file = ${here}`,
      ['2 warning: smtp_tls_cert_file is not read: smtp_tls_chain_files is set'],
    ],
    [
      'smtp_tls_wrappermode = yes\nsmtp_tls_security_level = may',
      [
        '1 error: TLS from the first octet on wants a level that is never without: no mail goes out => smtp_tls_security_level = encrypt',
      ],
    ],
    ['smtp_tls_wrappermode = yes\nsmtp_tls_security_level = encrypt', []],
    [
      'smtp_tls_trust_anchor_file = /nowhere/anchor.pem',
      [
        '1 error: smtp_tls_trust_anchor_file: /nowhere/anchor.pem: No such file or directory; there is no TLS so, and mail that must have it waits',
      ],
    ],
  ]
  for (const [mainCf, expected] of table) assert.deepEqual(findings(mainCf), expected, mainCf)
})
