import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import type { DnsAnswer, DnsRecord, Resolver } from '../../../io/dns/mod.ts'
import { selfSigned } from '../../../io/net/mod.ts'
import { daneLevel } from './dane.ts'
import { DnssecProbe } from './dnssec-probe.ts'
import { clientSettingsOf } from './fixture.test.ts'
import type { Resolved } from './host-addresses.ts'
import type { Found } from './targets.ts'
import { TlsPolicyError } from './tls-errors.ts'
import { type TlsPolicy, tlsPolicy } from './tls-policy.ts'
import { readDigests } from './tlsa.ts'

const certificate = new X509Certificate(selfSigned(['mx.test'], Date.now()).cert)
const sha = (name: string): Buffer => createHash(name).update(certificate.raw).digest()
const tlsa = (usage: number, selector: number, matching: number, octets: Buffer): DnsRecord => ({
  type: 'TLSA',
  value: '',
  ttlSeconds: 60,
  data: Buffer.concat([Buffer.from([usage, selector, matching]), octets]),
})
const found = (secure: boolean, ...records: DnsRecord[]): DnsAnswer => ({
  status: 'ok',
  ttlSeconds: 60,
  secure,
  records,
})
const good = tlsa(3, 0, 1, sha('sha256'))

function dns(answers: Readonly<Record<string, DnsAnswer>>): Resolver {
  const query: Resolver['query'] = (name, type) =>
    Promise.resolve(answers[`${name} ${type}`] ?? { status: 'nxdomain', secure: false })
  return { query } as Resolver // asked questions only
}

const resolved = (asked: string, secure: boolean, canonical = asked): Resolved => ({ asked, canonical, secure })

interface Trial {
  readonly wanted?: 'dane' | 'dane-only'
  readonly found?: Found
  readonly answers?: Readonly<Record<string, DnsAnswer>>
  readonly settings?: Readonly<Record<string, string>>
}

async function levelOf({ wanted = 'dane', found: way, answers = {}, settings }: Trial): Promise<[string, string[]]> {
  const notes: string[] = []
  const cf = clientSettingsOf({ smtp_tls_security_level: 'dane', smtp_dns_support_level: 'dnssec', ...settings })
  const target = { host: 'mx.test', address: '192.0.2.1', port: 25, preference: 0, found: way ?? SECURE }
  const site = { nexthop: 'a.test', protocol: 'smtp', target } as const
  try {
    const { level, dane } = await daneLevel(wanted, site, cf, {
      dns: dns(answers),
      note: (text) => void notes.push(text),
    })
    const held = dane === undefined ? '' : ` ${dane.leaves.length}+${dane.anchors.length} ${dane.names.join(',')}`
    return [level + held, notes]
  } catch (error) {
    if (!(error instanceof TlsPolicyError)) throw error
    return [`${error.dsn} ${error.told}`, error.warning === undefined ? notes : [...notes, error.warning]]
  }
}

const SECURE: Found = { mx: resolved('a.test', true), host: resolved('mx.test', true) }
const OPEN: Found = { mx: resolved('a.test', false), host: resolved('mx.test', true) }
const RIGHT = { '_25._tcp.mx.test TLSA': found(true, good) }

test('what becomes of dane and dane-only', async () => {
  const rows: [name: string, trial: Trial, level: string][] = [
    ['records', { answers: RIGHT }, 'dane 1+0 mx.test,a.test,a.test'],
    ['records that are not secure', { answers: { '_25._tcp.mx.test TLSA': found(false, good) } }, 'may'],
    ['none', {}, 'may'],
    ['none, dane-only', { wanted: 'dane-only' }, '4.7.5 no TLSA records found'],
    [
      'no answer',
      { answers: { '_25._tcp.mx.test TLSA': { status: 'failed', reason: 'x' } } },
      '4.7.5 TLSA lookup error for mx.test:25',
    ],
    ['unusable', { answers: { '_25._tcp.mx.test TLSA': found(true, tlsa(1, 0, 1, sha('sha256'))) } }, 'encrypt'],
    ['MX open', { answers: RIGHT, found: OPEN }, 'half-dane 1+0 mx.test,a.test,a.test'],
    ['MX open, may', { answers: RIGHT, found: OPEN, settings: { smtp_tls_dane_insecure_mx_policy: 'may' } }, 'may'],
    [
      'MX open, encrypt',
      { answers: RIGHT, found: OPEN, settings: { smtp_tls_dane_insecure_mx_policy: 'encrypt' } },
      'encrypt',
    ],
    ['MX open, only', { answers: RIGHT, found: OPEN, wanted: 'dane-only' }, '4.7.5 non DNSSEC destination'],
    ['host open', { answers: RIGHT, found: { host: resolved('mx.test', false) } }, 'may'],
    [
      'host open, forced',
      {
        answers: RIGHT,
        found: { host: resolved('mx.test', false) },
        settings: { smtp_tls_force_insecure_host_tlsa_lookup: 'yes' },
      },
      'dane 1+0 mx.test',
    ],
    [
      'alias',
      {
        answers: { ...RIGHT, '_25._tcp.real.test TLSA': found(true, tlsa(2, 0, 2, sha('sha512'))) },
        found: { host: resolved('mx.test', true, 'real.test') },
      },
      'dane 0+1 real.test',
    ],
    ['alias without', { answers: RIGHT, found: { host: resolved('mx.test', true, 'real.test') } }, 'dane 1+0 mx.test'],
    [
      'secure alias of an open host',
      {
        answers: { ...RIGHT, 'mx.test CNAME': found(true, { type: 'CNAME', value: 'real.test', ttlSeconds: 1 }) },
        found: { host: resolved('mx.test', false, 'real.test') },
      },
      'dane 1+0 mx.test',
    ],
    ['DNSSEC off', { answers: RIGHT, settings: { smtp_dns_support_level: 'enabled' } }, 'may'],
    [
      'DNSSEC off, only',
      { wanted: 'dane-only', settings: { smtp_dns_support_level: 'enabled' } },
      '4.7.5 client TLS configuration problem',
    ],
    ['digest not listed', { answers: RIGHT, settings: { tls_dane_digests: 'sha512' } }, 'encrypt'],
  ]
  for (const [name, trial, level] of rows) assert.equal((await levelOf(trial))[0], level, name)
  const agile = {
    '_25._tcp.mx.test TLSA': found(true, good, tlsa(3, 0, 2, sha('sha512')), tlsa(3, 0, 0, certificate.raw)),
  }
  assert.match((await levelOf({ answers: agile }))[0], /^dane 2\+0/) // the better hash, and the whole
})

test('tls_dane_digests: names, numbers, and where they end', () => {
  const rows: [words: string[], digests: string, fault: string | undefined][] = [
    [['sha512', 'sha256'], '2=sha512 1=sha256', undefined],
    [['SHA256=1', 'sha384=3'], '1=sha256 3=sha384', undefined],
    [['sha256', 'sha512=9'], '1=sha256', 'Non-standard value in tls_dane_digests: sha512=9'],
    [['sha384'], '', 'Unknown incompletely specified element in tls_dane_digests: sha384'],
    [['sha384=2'], '', 'Non-standard algorithm in tls_dane_digests: sha384=2'],
    [['sha256', 'sha256'], '1=sha256', 'Duplicate element in tls_dane_digests: sha256'],
    [['x=7'], '', 'Unimplemented digest algorithm in tls_dane_digests: x=7'],
  ]
  for (const [words, expected, wrong] of rows) {
    const { digests, fault } = readDigests(words)
    assert.equal([...digests].map(([type, name]) => `${type}=${name}`).join(' '), expected)
    assert.equal(fault, wrong)
  }
})

test('dnssec_probe is asked once, and only where nothing was secure', async () => {
  const trial = async (probe: string, answers: Record<string, DnsAnswer>): Promise<string[]> => {
    const notes: string[] = []
    const watched = new DnssecProbe().watch(dns(answers), { dnssec_probe: probe }, (text) => void notes.push(text))
    await watched.query('a.test', 'A')
    await watched.query('b.test', 'A')
    await new Promise(setImmediate)
    return notes
  }
  const warning = 'warning: DNSSEC validation may be unavailable'
  const ns = { type: 'NS', value: 'a.root', ttlSeconds: 1 } as const
  assert.deepEqual(await trial('ns:.', { '. NS': found(true, ns) }), [])
  assert.deepEqual(await trial('ns:.', { 'a.test A': found(true, ns) }), [])
  assert.deepEqual(await trial('', {}), [])
  assert.deepEqual(await trial('ns:.', { '. NS': found(false, ns) }), [
    warning,
    "warning: reason: dnssec_probe 'ns:.' received a response that is not DNSSEC validated",
  ])
  assert.deepEqual(await trial('soa:x.test', { 'x.test SOA': { status: 'failed', reason: '192.0.2.1: SERVFAIL' } }), [
    warning,
    "warning: reason: dnssec_probe 'soa:x.test' received no response: 192.0.2.1: SERVFAIL",
  ])
  assert.deepEqual(await trial('nonsense', {}), ['warning: malformed dnssec_probe value: "nonsense"'])
})

test('TLSA records that can be used go before MTA-STS, which holds where there are none', async () => {
  const rows: [main: string, Trial, level: string][] = [
    ['dane', { answers: RIGHT }, 'dane'],
    ['dane', { answers: RIGHT, found: OPEN }, 'half-dane'],
    ['dane', {}, 'secure hostname'],
    ['dane', { answers: { '_25._tcp.mx.test TLSA': found(true, tlsa(1, 0, 1, sha('sha256'))) } }, 'secure hostname'],
    ['dane-only', { answers: RIGHT }, 'dane'],
    ['none', {}, 'none'],
    ['may', {}, 'secure hostname'],
    ['encrypt', {}, 'secure hostname'],
    ['verify', {}, 'verify hostname'],
  ]
  const sts = { mode: 'enforce', patterns: ['mx.test'], maxAgeMs: 1, lines: [] } as const
  for (const [main, { answers = {}, found: way = SECURE }, level] of rows) {
    const settings = { smtp_tls_security_level: main, smtp_dns_support_level: 'dnssec', mta_sts_enable: 'yes' }
    const target = { host: 'mx.test', address: '192.0.2.1', port: 25, preference: 0, found: way }
    const site = { nexthop: 'a.test', host: 'mx.test', protocol: 'smtp', target } as const
    const sources = {
      maps: () => assert.fail('no table is set'),
      anchors: () => [],
      sts: (domain: string) => Promise.resolve(domain === 'a.test' ? sts : undefined),
      dns: dns(answers),
      note: () => {},
    }
    const policyOf = (more: object): Promise<TlsPolicy> =>
      tlsPolicy(clientSettingsOf(settings), { ...site, ...more }, sources)
    const policy = await policyOf({})
    assert.equal([policy.level, ...policy.match].join(' '), level, main)
    // TLS-Required: no asks no policy (RFC 8689).
    assert.ok(['may', 'none'].includes((await policyOf({ tlsNotRequired: true })).level), main)
  }
})
