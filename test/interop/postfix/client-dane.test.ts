/** DANE: Debian's Postfix and Postigo take the same TLSA records for the same, whatever is secure and what is not. RFC 7672. */
import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Certified, certificateMaker } from '../../support/authority.ts'
import { startTlsSink, type TlsSinkMood } from '../../support/tls-sink.ts'
import { compareClients, type Destination } from './clients.ts'
import { parseZone, startDns } from './dns.ts'
import { reasonToSkip } from './namespace.ts'

interface Case {
  readonly name: string
  readonly mood: TlsSinkMood
  /** `usage selector matching hex`. */
  readonly records: readonly string[]
  readonly settings?: Readonly<Record<string, string>>
  /** The zones of the domain and of the host: `sec` or `open`. */
  readonly domain?: string
  readonly host?: string
  /** The host is an alias, and the records stand under it or its target. */
  readonly alias?: 'sec' | 'open'
  readonly under?: 'alias' | 'target'
  readonly isLiteral?: boolean
  readonly program?: 'lmtp'
}

/** The octets of a record, as RFC 6698 §2.1 has them. */
function tlsa(usage: number, selector: number, matching: number, { cert }: Certified): string {
  const x509 = new X509Certificate(cert)
  const octets = selector === 0 ? x509.raw : x509.publicKey.export({ type: 'spki', format: 'der' })
  const hash =
    matching === 0
      ? octets
      : createHash(matching === 1 ? 'sha256' : 'sha512')
          .update(octets)
          .digest()
  return `${usage} ${selector} ${matching} ${hash.toString('hex')}`
}

function zoneOf(one: Case, port: number): string {
  const { name, records, domain = 'sec', host = 'sec', alias, under = 'target' } = one
  const [mx, real] = [`mx-${name}.${host}.test`, `real-${name}.${alias ?? host}.test`]
  const base = alias !== undefined && under === 'target' ? real : mx
  return [
    `${name}.${domain}.test MX 10 ${mx}`,
    ...(alias === undefined ? [`${mx} A 127.0.0.1`] : [`${mx} CNAME ${real}`, `${real} A 127.0.0.1`]),
    ...records.map((record) => `_${port}._tcp.${base} TLSA ${record}`),
  ].join('\n')
}

test('TLSA records, side by side', { skip: reasonToSkip() ?? false }, async (t) => {
  const { make } = certificateMaker(t)
  const root = make('Root')
  const middle = make('Middle', { by: root })
  const wild = make('wild', { by: middle, names: ['*.sec.test'] })
  const other = make('other', { by: middle, names: ['elsewhere.test'], days: 0 })
  const foreign = make('foreign', { by: middle, names: ['elsewhere.test'] })
  const byDomain = make('domain', { by: middle, names: ['ta-domain.sec.test'] })
  const bare = make('bare', { names: ['*.sec.test'] })
  const shows = (leaf: Certified, ...above: Certified[]): TlsSinkMood => ({
    cert: [leaf, ...above].map(({ cert }) => cert).join(''),
    key: leaf.key,
  })
  const good = shows(wild, middle)
  const whole = shows(wild, middle, root)
  const plain = { ...good, plain: true }
  const right = [tlsa(3, 1, 1, wild)]
  const only = { smtp_tls_security_level: 'dane-only' }
  const policy = (word: string): Record<string, string> => ({ smtp_tls_dane_insecure_mx_policy: word })
  const cases: readonly Case[] = [
    { name: 'ee-key', mood: good, records: right },
    { name: 'ee-cert', mood: good, records: [tlsa(3, 0, 1, wild)] },
    { name: 'ee-cert-whole', mood: good, records: [tlsa(3, 0, 0, wild)] },
    { name: 'ee-key-whole', mood: good, records: [tlsa(3, 1, 0, wild)] },
    { name: 'ee-512', mood: good, records: [tlsa(3, 1, 2, wild)] },
    { name: 'ee-wrong', mood: good, records: [tlsa(3, 1, 1, middle)] },
    { name: 'ee-one-of', mood: good, records: [tlsa(3, 1, 1, middle), ...right] },
    { name: 'ee-old-other', mood: shows(other), records: [tlsa(3, 1, 1, other)] },
    { name: 'ee-only', mood: good, records: right, settings: only },
    { name: 'ee-literal', mood: good, records: right, isLiteral: true },
    { name: 'ee-plain', mood: plain, records: right },
    { name: 'ta-cert', mood: whole, records: [tlsa(2, 0, 1, root)] },
    { name: 'ta-middle', mood: good, records: [tlsa(2, 1, 1, middle)] },
    { name: 'ta-hidden', mood: good, records: [tlsa(2, 0, 1, root)] },
    { name: 'ta-whole', mood: good, records: [tlsa(2, 0, 0, root)] },
    { name: 'ta-key-whole', mood: good, records: [tlsa(2, 1, 0, root)] },
    { name: 'ta-name', mood: shows(foreign, middle), records: [tlsa(2, 1, 1, middle)] },
    { name: 'ta-domain', mood: shows(byDomain, middle), records: [tlsa(2, 1, 1, middle)] },
    { name: 'ta-domain-lit', mood: shows(byDomain, middle), records: [tlsa(2, 1, 1, middle)], isLiteral: true },
    { name: 'ta-old', mood: shows(other, middle), records: [tlsa(2, 1, 1, middle)] },
    { name: 'ta-leaf', mood: good, records: [tlsa(2, 0, 1, wild)] },
    { name: 'ta-leaf-self', mood: shows(bare), records: [tlsa(2, 0, 1, bare)] },
    { name: 'ta-leaf-key', mood: shows(bare), records: [tlsa(2, 1, 1, bare)] },
    { name: 'none', mood: good, records: [] },
    { name: 'none-plain', mood: plain, records: [] },
    { name: 'none-only', mood: good, records: [], settings: only },
    { name: 'odd-usage', mood: good, records: [tlsa(1, 1, 1, wild)] },
    { name: 'odd-usage-plain', mood: plain, records: [tlsa(1, 1, 1, wild)] },
    { name: 'odd-usage-only', mood: good, records: [tlsa(0, 1, 1, wild)], settings: only },
    { name: 'odd-selector', mood: plain, records: ['3 2 1 00'] },
    { name: 'odd-length', mood: plain, records: ['3 1 1 00'] },
    { name: 'odd-whole', mood: plain, records: ['3 0 0 00'] },
    { name: 'odd-and-right', mood: good, records: ['3 1 1 00', '1 1 1 00', ...right] },
    { name: 'agile', mood: good, records: [...right, tlsa(3, 1, 2, middle)] },
    {
      name: 'agile-other',
      mood: good,
      records: [...right, tlsa(3, 1, 2, middle)],
      settings: { tls_dane_digests: 'sha256 sha512' },
    },
    { name: 'agile-selector', mood: good, records: [...right, tlsa(3, 0, 2, middle)] },
    { name: 'digest-unknown', mood: plain, records: right, settings: { tls_dane_digests: 'sha512' } },
    { name: 'digest-broken', mood: plain, records: right, settings: { tls_dane_digests: 'sha512=9' } },
    { name: 'mx-open', mood: good, records: right, domain: 'open' },
    { name: 'mx-open-wrong', mood: good, records: [tlsa(3, 1, 1, middle)], domain: 'open' },
    { name: 'mx-open-may', mood: plain, records: right, domain: 'open', settings: policy('may') },
    { name: 'mx-open-encrypt', mood: plain, records: right, domain: 'open', settings: policy('encrypt') },
    { name: 'mx-open-encrypt-ok', mood: good, records: right, domain: 'open', settings: policy('encrypt') },
    { name: 'mx-open-only', mood: good, records: right, domain: 'open', settings: only },
    {
      name: 'mx-open-map',
      mood: plain,
      records: right,
      domain: 'open',
      settings: { smtp_tls_security_level: 'may', smtp_tls_policy_maps: 'static:dane' },
    },
    { name: 'host-open', mood: plain, records: right, host: 'open' },
    {
      name: 'host-forced',
      mood: good,
      records: [tlsa(3, 1, 1, middle)],
      host: 'open',
      settings: { smtp_tls_force_insecure_host_tlsa_lookup: 'yes' },
    },
    { name: 'alias', mood: good, records: right, alias: 'sec' },
    { name: 'alias-own', mood: good, records: right, alias: 'sec', under: 'alias' },
    { name: 'alias-open', mood: good, records: right, alias: 'open', under: 'alias' },
    { name: 'alias-open-to', mood: plain, records: right, alias: 'open', under: 'target' },
    {
      name: 'filtered',
      mood: good,
      records: right,
      settings: { smtp_dns_reply_filter: 'regexp:{{/ IN TLSA / IGNORE}}' },
    },
    { name: 'no-dnssec', mood: plain, records: right, settings: { smtp_dns_support_level: 'enabled' } },
    { name: 'no-dnssec-only', mood: good, records: right, settings: { ...only, smtp_dns_support_level: 'enabled' } },
    { name: 'ignored-mx', mood: plain, records: right, settings: { ignore_mx_lookup_error: 'yes' } },
    { name: 'searched', mood: plain, records: right, settings: { smtp_dns_resolver_options: 'res_defnames' } },
    {
      name: 'lmtp',
      mood: good,
      records: right,
      isLiteral: true,
      program: 'lmtp',
      settings: { lmtp_tls_security_level: 'dane', lmtp_dns_support_level: 'dnssec' },
    },
  ]
  const sinks = await Promise.all(cases.map(({ mood }) => startTlsSink(t, mood)))
  const address = `127.80.${(process.pid >> 8) & 255}.${process.pid & 255}`
  const zone = cases.map((one, i) => zoneOf(one, sinks[i]?.port ?? 0)).join('\n')
  // An alias is secure by itself; what it leads to need not be.
  const isSecure = (name: string, type: string): boolean =>
    name.startsWith('_') || (name.endsWith('.sec.test') && (type === 'CNAME' || !name.startsWith('mx-alias-open')))
  const dns = await startDns(address, parseZone(zone), isSecure)
  t.after(() => dns.stop())
  const dir = mkdtempSync(join(tmpdir(), 'postigo-client-dane-'))
  chmodSync(dir, 0o755)
  t.after(() => rmSync(dir, { recursive: true }))
  const destinations = cases.map((one, i): Destination => {
    const { name, domain = 'sec', host = 'sec', isLiteral, program, settings = {} } = one
    const nexthop = isLiteral === true ? `[mx-${name}.${host}.test]` : `${name}.${domain}.test`
    const common = { smtp_tls_security_level: 'dane', smtp_dns_support_level: 'dnssec', ...settings }
    return {
      name,
      nexthop: `${nexthop}:${sinks[i]?.port}`,
      settings: common,
      ...(program !== undefined && { program }),
    }
  })
  const said = await compareClients({ destinations, mainCf: '', files: {} }, { dir, address })
  assert.deepEqual(Object.fromEntries(said.postigo), Object.fromEntries(said.postfix))
  assert.match(said.postigo.get('ee-key') ?? '', /^Verified, .*status=sent/)
  assert.match(said.postigo.get('mx-open') ?? '', /^Trusted, .*status=sent/)
})
