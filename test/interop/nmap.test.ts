/** nmap's scripts for mail and TLS against every port of a server as `postigo init` would have it. */
import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../support/client.ts'
import { startScanned } from '../support/scanned.ts'

const skip = existsSync('/usr/bin/nmap') ? false : 'nmap is not installed (npm run setup:test)'

const TLS = ['ssl-enum-ciphers', 'ssl-dh-params', 'ssl-poodle', 'ssl-heartbleed', 'ssl-ccs-injection', 'ssl-known-key']
const SMTP = ['smtp-open-relay', 'smtp-enum-users', 'smtp-commands', 'smtp-ntlm-info', 'smtp-vuln-*']
const MAILBOXES = ['imap-capabilities', 'imap-ntlm-info', 'pop3-capabilities', 'pop3-ntlm-info']

/** What nmap calls our services: it knows by that how each begins TLS. */
const NMAP_NAMES: Readonly<Record<string, string>> = { submission: 'smtp', submissions: 'smtps' }

const CIPHERS = [
  'TLS_AKE_WITH_AES_128_GCM_SHA256',
  'TLS_AKE_WITH_AES_256_GCM_SHA384',
  'TLS_AKE_WITH_CHACHA20_POLY1305_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256',
]

/** Reports by port. */
function byPort(text: string): Map<number, string> {
  const parts = text.split(/^(?=\d+\/tcp)/m).slice(1)
  return new Map(parts.map((part) => [Number.parseInt(part, 10), part]))
}

test('nmap finds nothing on any port', { skip }, async (t) => {
  const { dir, services } = await startScanned(t)
  const names = services.map(({ name, port }) => `${NMAP_NAMES[name] ?? name}\t${port}/tcp\t0.5\n`)
  writeFileSync(join(dir, 'nmap-services'), names.join(''))
  const ports = services.map(({ port }) => port).join(',')
  const scripts = [...TLS, ...SMTP, ...MAILBOXES].join(',')
  const words = ['-Pn', '-n', '--unprivileged', '--datadir', dir, '-p', ports]
  const { code, out, err } = await run('nmap', [...words, '--script', scripts, '127.0.0.1'])
  assert.equal(code, 0, err)
  const reports = byPort(out)
  assert.equal(reports.size, services.length, out)
  // "NOT VULNERABLE" is what smtp-vuln-cve2010-4344 says of whatever is not Exim.
  assert.doesNotMatch(
    out.replaceAll('NOT VULNERABLE', ''),
    /VULNERABLE|warnings:|least strength: [B-F]|is an open relay|NTLM/,
  )
  for (const { name, port } of services) {
    const report = reports.get(port) ?? ''
    const ciphers = [...report.matchAll(/ (TLS_\w+) \(/g)].map(([, cipher = '']) => cipher).toSorted()
    assert.deepEqual(ciphers, CIPHERS, `${name}\n${report}`)
    assert.equal(report.match(/cipher preference: server/g)?.length, 2, `${name}\n${report}`)
    assert.match(report, /least strength: A/, name)
    if (/^(smtp|submission)$/.test(name)) {
      assert.match(report, /smtp-open-relay: Server (doesn't seem to be|isn't) an open relay, /)
      assert.match(report, /smtp-commands: mail\.example\.test, .*STARTTLS/)
      assert.doesNotMatch(report, /smtp-commands: .*(AUTH|VRFY).*\n.*Commands/, 'neither passwords in clear nor names')
    }
    if (name === 'imap') assert.match(report, /imap-capabilities: .*LOGINDISABLED/)
    if (name === 'pop3') assert.doesNotMatch(report, /pop3-capabilities: .*(SASL|USER )/)
  }
})
