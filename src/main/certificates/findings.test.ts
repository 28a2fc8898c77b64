import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseConfig } from '../../io/config/mod.ts'
import { allParams } from '../registry.ts'
import { dataPaths } from '../server/data-dir.ts'
import { acmeFindings } from './findings.ts'
import { acmeSettings, acmeStamp, placeOf } from './settings.ts'
import { freshState, writeState } from './state.ts'

const ON = 'myhostname = mail.example.test\nacme_directory = https://ca.test/dir\nacme_agree_to_terms = yes\n'

test('what is to be said of ACME', () => {
  const table: readonly (readonly [string, readonly string[]])[] = [
    ['', []],
    [
      'acme_directory = https://ca.test/dir\n',
      ['1 warning: no certificate is got: the terms of the authority are not agreed to'],
    ],
    [ON, []],
    [`${ON}acme_directory = ca.test`, ['4 error: acme_directory: ca.test is no https URL; no certificate is got']],
    [
      `${ON}acme_domains = *.example.test`,
      ['4 error: acme_domains: no authority certifies *.example.test; no certificate is got'],
    ],
    [
      `${ON}acme_http_listen = x:y`,
      ['4 error: acme_http_listen: x:y is neither host:port nor :port; no certificate is got'],
    ],
    [
      `${ON}acme_ca_file = /nowhere.pem`,
      ['4 error: acme_ca_file: /nowhere.pem: No such file or directory; no certificate is got'],
    ],
    [
      `${ON}smtpd_tls_cert_file = /a.pem`,
      ['4 note: smtpd_tls_cert_file is shown only until there is a certificate by ACME'],
    ],
  ]
  for (const [mainCf, expected] of table) {
    const config = parseConfig(mainCf, allParams(), { machine: { hostname: 'x.test', interfaces: [] } })
    const said = acmeFindings(config).map(({ line, severity, text }) => `${line} ${severity}: ${text}`)
    assert.deepEqual(said, expected, mainCf)
  }
})

test('how the last attempt failed, and when the next is', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-acme-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const config = parseConfig(`${ON}data_directory = ${dir}\n`, allParams())
  const cf = acmeSettings(config)
  assert.ok(cf)
  const failed = { failures: 2, error: 'connection: refused', notBeforeMs: Date.UTC(2026, 0, 1) }
  writeState(dataPaths(config).acme, { ...freshState(acmeStamp(cf)), ...failed })
  const text = 'there is no certificate (failed 2 times): connection: refused; next try 2026-01-01T00:00:00.000Z'
  assert.deepEqual(
    acmeFindings(config).map((one) => one.text),
    [text],
  )
})

test('where a challenge is answered', () => {
  const place = (host: string | undefined, port: number): object => ({ host, port })
  for (const [word, expected] of [
    [':80', place(undefined, 80)],
    ['80', place(undefined, 80)],
    ['127.0.0.1:8080', place('127.0.0.1', 8080)],
    ['[::1]:80', place('::1', 80)],
    ['host', undefined],
    [':70000', undefined],
    ['', undefined],
  ] as const)
    assert.deepEqual(placeOf(word), expected, word)
})
