/**
 * Two Postigos and a Debian Postfix on one wire, with DNS as it is outside: MX preferences, servers that are away, hosts with
 * IPv6 alone, a backup MX, and DANE by real signatures.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Certified, certificateMaker } from '../../support/authority.ts'
import { run } from '../../support/client.ts'
import { until } from '../../support/mailbox.ts'
import { reasonToSkip } from './namespace.ts'
import { type Host, onHost, startNetwork } from './network.ts'
import { startPostfix } from './postfix.ts'
import { startPostigo } from './postigo.ts'
import { missingDns, serveZones, startResolver, type Zone } from './real-dns.ts'
import type { World } from './world.ts'

const NOBODY = 65_534
const HOSTS = [
  { name: 'dns', addresses: ['10.9.0.53/24', 'fd09::53/64'] },
  { name: 'one', addresses: ['10.9.0.1/24'] },
  { name: 'two', addresses: ['10.9.0.2/24', 'fd09::2/64'] },
  { name: 'six', addresses: ['fd09::6/64'] },
]
/** How long the farthest message may take: a host that is not there costs three seconds of its own. */
const ARRIVAL_MS = 60_000

function zones(two: Certified, authority: Certified): Zone[] {
  const signed = `
mx1 A 10.9.0.1
mx2 A 10.9.0.2
mx2 AAAA fd09::2
mx6 AAAA fd09::6
away A 10.9.0.99
closed A 10.9.0.53
closed AAAA fd09::53
one MX 10 mx1
two MX 10 away
two MX 20 closed
two MX 30 mx2
six MX 10 mx6
chain MX 10 mx6
chain MX 20 mx2
false MX 10 mxfalse
_smtp._tcp.served SRV 10 0 25 away
_smtp._tcp.served SRV 20 0 25 mx2
mxfalse A 10.9.0.2
_25._tcp.mx2 TLSA 3 1 1 ${hashOfKey(two)}
_25._tcp.mx6 TLSA 2 1 1 ${hashOfKey(authority)}
_25._tcp.mxfalse TLSA 3 1 1 ${'00'.repeat(32)}
`
  return [
    { name: 'net.test', records: signed, isSigned: true },
    { name: 'open.test', records: 'two MX 10 mx2.net.test.\n', isSigned: false },
  ]
}

function hashOfKey({ cert }: Certified): string {
  const key = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(key).digest('hex')
}

interface Role {
  readonly domains: string
  readonly protocols: string
  readonly chain: string
  readonly more?: string
}

function world(name: string, { domains, protocols, chain, more = '' }: Role): World {
  return {
    name,
    mainCf: `myhostname = mx.${name}.net.test
mydestination =
inet_interfaces = all
inet_protocols = ${protocols}
mynetworks = 127.0.0.0/8, [::1]/128, 10.9.0.0/24, [fd09::]/64
smtpd_relay_restrictions = permit_mynetworks, reject
virtual_mailbox_domains = ${domains}
virtual_mailbox_base = $config_directory/boxes
virtual_mailbox_maps = static:box
virtual_uid_maps = static:${NOBODY}
virtual_gid_maps = static:${NOBODY}
relay_domains =
mailbox_services =
smtpd_tls_security_level = may
smtpd_tls_chain_files = $config_directory/chain.pem
smtp_tls_security_level = dane
smtp_dns_support_level = dnssec
dnssec_probe = soa:net.test
smtp_tls_loglevel = 1
${more}`,
    files: { 'chain.pem': chain },
    indexed: [],
    sessions: [],
    masterCf: 'smtp inet n - n - - smtpd\n',
  }
}

interface Server {
  readonly host: Host
  readonly dir: string
  readonly log: () => string
  /** What lies in the one mailbox. */
  readonly box: () => string
}

async function send({ host, log }: Server, domain: string, subject: string): Promise<void> {
  const at = host.name === 'six' ? '[::1]' : '127.0.0.1'
  const envelope = ['--mail-from', 'sender@net.test', '--mail-rcpt', `box@${domain}`, '--upload-file', '-']
  const [command, ...words] = onHost(host, ['curl', '-sS', `smtp://${at}:25/client.test`, ...envelope])
  const ran = await run(command, words, { input: `Subject: ${subject}\r\n\r\nbody\r\n` })
  assert.equal(ran.code, 0, `${host.name}: ${ran.err}\n${log()}`)
}

function listens(host: Host): boolean {
  const [command, ...words] = onHost(host, ['ss', '-Hltn', 'sport = :25'])
  return execFileSync(command, words).length > 0
}

const skip = reasonToSkip() ?? missingDns() ?? false

test('mail between three servers in namespaces, by real DNS', { skip }, async (t) => {
  const { make } = certificateMaker(t)
  const authority = make('Authority')
  const of = (name: string): Certified => make(name, { by: authority, names: [name] })
  const [one, two, six] = [of('mx1.net.test'), of('mx2.net.test'), of('mx6.net.test')]
  const dir = mkdtempSync(join(tmpdir(), 'postigo-relay-'))
  chmodSync(dir, 0o755)
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const hosts = await startNetwork(t, dir, HOSTS)
  const hostOf = (name: string): Host => {
    const host = hosts.get(name)
    assert.ok(host !== undefined)
    return host
  }
  const all = zones(two, authority)
  const servers = ['10.9.0.53', 'fd09::53']
  const anchors = await serveZones(t, hostOf('dns'), { dir: join(dir, 'knot'), addresses: servers, zones: all })
  for (const name of ['one', 'two', 'six'])
    await startResolver(t, hostOf(name), { dir: join(dir, `unbound-${name}`), servers, zones: all, anchors })

  const start = async (name: string, role: Role): Promise<Server> => {
    const place = { dir: join(dir, name), address: '', sinkPort: 9 }
    mkdirSync(join(place.dir, 'boxes'), { recursive: true })
    chownSync(join(place.dir, 'boxes'), NOBODY, NOBODY)
    const host = hostOf(name)
    const running =
      name === 'six'
        ? await startPostfix(world(name, role), place, 0, host)
        : await startPostigo(world(name, role), place, 0, host, undefined, 0)
    t.after(() => running.stop())
    await until(`${name} listens`, () => listens(host), ARRIVAL_MS)
    const box = join(place.dir, 'boxes/box')
    return {
      host,
      dir: place.dir,
      log: () => running.log(),
      box: () => (existsSync(box) ? readFileSync(box, 'utf8') : ''),
    }
  }
  const chain = (leaf: Certified): string => leaf.key + leaf.cert + authority.cert
  const h1 = await start('one', {
    domains: 'one.net.test',
    protocols: 'ipv4',
    chain: chain(one),
    more: 'use_srv_lookup = smtp\nallow_srv_lookup_fallback = yes\n', // Postfix has them since 3.8
  })
  const h2 = await start('two', {
    domains: 'two.net.test, served.net.test, false.net.test, two.open.test',
    protocols: 'all',
    chain: chain(two),
  })
  const h6 = await start('six', { domains: 'six.net.test, chain.net.test', protocols: 'ipv6', chain: chain(six) })

  const ways: readonly (readonly [from: Server, domain: string, to: Server])[] = [
    [h1, 'two.net.test', h2],
    [h1, 'chain.net.test', h6],
    [h1, 'two.open.test', h2],
    [h1, 'served.net.test', h2],
    [h2, 'one.net.test', h1],
    [h2, 'six.net.test', h6],
    [h2, 'chain.net.test', h6],
    [h6, 'two.net.test', h2],
  ]
  const subject = (from: Server, domain: string): string => `from ${from.host.name} to ${domain}`
  for (const [from, domain] of ways) await send(from, domain, subject(from, domain))
  await send(h1, 'false.net.test', 'never')
  for (const [from, domain, to] of ways)
    await until(subject(from, domain), () => to.box().includes(`Subject: ${subject(from, domain)}\n`), ARRIVAL_MS)
  await until('the false server is refused', () => /to=<box@false\.net\.test>/.test(h1.log()), ARRIVAL_MS)

  const h1Log = h1.log()
  assert.match(h1Log, /connect to away\.net\.test\[10\.9\.0\.99\]:25: No route to host/)
  assert.match(h1Log, /connect to closed\.net\.test\[10\.9\.0\.53\]:25: Connection refused/)
  assert.match(h1Log, /to=<box@two\.net\.test>, relay=mx2\.net\.test\[10\.9\.0\.2\]:25,.* status=sent/)
  assert.match(h1Log, /to=<box@chain\.net\.test>, relay=mx2\.net\.test\[10\.9\.0\.2\]:25,.* status=sent/)
  assert.match(h1Log, /to=<box@served\.net\.test>, relay=mx2\.net\.test\[10\.9\.0\.2\]:25,.* status=sent/)
  assert.match(h1Log, /skipping SRV lookup for _smtp\._tcp\.two\.net\.test: /)
  assert.match(h1Log, /to=<box@false\.net\.test>.* dsn=4\.7\.5, status=deferred \(Server certificate not verified\)/)
  const h2Log = h2.log()
  for (const domain of ['chain', 'six'])
    assert.match(
      h2Log,
      new RegExp(`to=<box@${domain}\\.net\\.test>, relay=mx6\\.net\\.test\\[fd09::6\\]:25,.* status=sent`),
    )
  assert.match(h6.log(), /to=<box@two\.net\.test>, relay=mx2\.net\.test\[fd09::2\]:25,.* status=sent/)
  // DNSSEC from the zone's signature to the handshake: a key, an authority, and an MX record that nobody signed.
  const verified = / TLS connection established to /
  const words = (log: string, to: string): string[] =>
    log
      .split('\n')
      .filter((line) => verified.test(line) && line.includes(to))
      .map((line) => /: (\w+) TLS connection/.exec(line)?.[1] ?? '')
  assert.deepEqual(new Set(words(h1Log, 'mx2.net.test[')), new Set(['Verified', 'Trusted']))
  assert.deepEqual(new Set(words(h2Log, 'mx6.net.test[')), new Set(['Verified']))
  assert.deepEqual(new Set(words(h6.log(), 'mx2.net.test[')), new Set(['Verified']))
  // The signed zone was asked, where the first answer was of the other one.
  assert.doesNotMatch(h1Log + h2Log + h6.log(), /DNSSEC validation may be unavailable/)
})
