/** TLS to other servers: Debian's Postfix and Postigo judge the same certificates by the same settings alike. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { certificateMaker } from '../../support/authority.ts'
import { startTlsSink, type TlsSinkMood } from '../../support/tls-sink.ts'
import { compareClients, type Destination } from './clients.ts'
import { parseZone, startDns } from './dns.ts'
import { reasonToSkip } from './namespace.ts'

const HOST = 'mail.far.test'
const ZONE = `
${HOST} A 127.0.0.1
a.b.far.test A 127.0.0.1
`
/** Where we do as the manual says, and Postfix 3.7 does not. */
const OURS: ReadonlyMap<string, RegExp> = new Map([
  ['early', /dsn=4\.7\.0, status=deferred \(unexpected server message\)$/], // its check looks at a flag that is gone by then
  ['wildcard', /^Verified, .*status=sent/], // tls_wildcard_matches_multiple_labels has had no effect since 3.6
  ['authority-star', /^Verified, .*status=sent/],
])

type Case = readonly [name: string, host: string, mood: TlsSinkMood, settings: Destination['settings']]

test('certificates, anchors and sites, side by side', { skip: reasonToSkip() ?? false }, async (t) => {
  const { make } = certificateMaker(t)
  const root = make('Root')
  const middle = make('Middle', { by: root })
  const good = make('good', { by: middle, names: [HOST] })
  const other = make('other', { by: middle, names: ['other.far.test'] })
  const star = make('star', { by: middle, names: ['*.far.test'] })
  const deep = make('deep', { by: middle, names: ['x.y.far.test'] })
  const apex = make('apex', { by: middle, names: ['far.test'] })
  const late = make('late', { by: middle, names: [HOST], days: 0 })
  const [ecdsa, second] = [make('client.test', { names: ['client.test'] }), make('second.test', { names: ['x'] })]
  const stranger = make('Stranger')
  const shows = (leaf: typeof good): TlsSinkMood => ({ cert: leaf.cert + middle.cert, key: leaf.key })
  const anchors = (file: string, level = 'verify'): Destination['settings'] => ({
    smtp_tls_security_level: level,
    smtp_tls_trust_anchor_file: `$config_directory/${file}`,
  })
  const ca = (file: string): Record<string, string> => ({
    smtp_tls_security_level: 'verify',
    smtp_tls_CAfile: `$config_directory/${file}`,
  })
  const client = (settings: Record<string, string>): Destination['settings'] => ({
    smtp_tls_security_level: 'encrypt',
    ...settings,
  })
  const asks = { ...shows(good), asks: true }
  const site = (word: string, level = 'none'): Destination['settings'] => ({
    smtp_tls_security_level: level,
    smtp_tls_per_site: `inline:{{ ${HOST} = ${word} }}`,
  })
  const cases: readonly Case[] = [
    ['authority', HOST, shows(good), ca('root.pem')],
    ['authority-none', HOST, shows(good), ca('stranger.pem')],
    ['authority-name', HOST, shows(other), ca('root.pem')],
    ['authority-late', HOST, shows(late), ca('root.pem')],
    ['authority-star', 'a.b.far.test', shows(star), ca('root.pem')],
    [
      'authority-star-one',
      'a.b.far.test',
      shows(star),
      { ...ca('root.pem'), tls_wildcard_matches_multiple_labels: 'no' },
    ],
    ['authority-star-fit', HOST, shows(star), ca('root.pem')],
    ['authority-dot', HOST, shows(star), { ...ca('root.pem'), smtp_tls_verify_cert_match: '.far.test' }],
    ['authority-dot-deep', HOST, shows(deep), { ...ca('root.pem'), smtp_tls_verify_cert_match: '.far.test' }],
    ['authority-dot-not', HOST, shows(apex), { ...ca('root.pem'), smtp_tls_verify_cert_match: '.far.test' }],
    ['anchor-root', HOST, shows(good), anchors('root.pem')],
    ['anchor-middle', HOST, shows(good), anchors('middle.pem')],
    ['anchor-key', HOST, shows(good), anchors('middle-key.pem')],
    ['anchor-stranger', HOST, shows(good), anchors('stranger.pem')],
    ['anchor-leaf', HOST, shows(good), anchors('good.pem')],
    ['anchor-leaf-key', HOST, shows(good), anchors('good-key.pem')],
    ['anchor-name', HOST, shows(other), anchors('middle.pem')],
    ['anchor-late', HOST, shows(late), anchors('middle.pem')],
    ['anchor-none', HOST, shows(good), anchors('nothing.pem')],
    ['anchor-unused', HOST, shows(good), anchors('root.pem', 'encrypt')],
    [
      'anchor-attribute',
      HOST,
      shows(good),
      { smtp_tls_policy_maps: `static:{secure match=${HOST} tafile=$config_directory/middle.pem}` },
    ],
    ['wildcard', 'a.b.far.test', shows(star), anchors('root.pem')],
    [
      'wildcard-one',
      'a.b.far.test',
      shows(star),
      { ...anchors('root.pem'), tls_wildcard_matches_multiple_labels: 'no' },
    ],
    ['client-none', HOST, asks, client({})],
    ['client-pair', HOST, asks, client({ smtp_tls_cert_file: '$config_directory/client.pem' })],
    [
      'client-apart',
      HOST,
      asks,
      client({
        smtp_tls_eccert_file: '$config_directory/second.cert',
        smtp_tls_eckey_file: '$config_directory/second.key',
      }),
    ],
    [
      'client-chain',
      HOST,
      asks,
      client({
        smtp_tls_cert_file: '$config_directory/client.pem',
        smtp_tls_chain_files: '$config_directory/second.key, $config_directory/second.cert',
      }),
    ],
    ['client-missing', HOST, asks, client({ smtp_tls_cert_file: '$config_directory/no-such.pem' })],
    ['client-may', HOST, asks, { smtp_tls_security_level: 'may', smtp_tls_cert_file: '$config_directory/no-such.pem' }],
    ['early', HOST, { ...shows(good), early: true }, client({ smtp_tls_block_early_mail_reply: 'yes' })],
    ['early-not', HOST, shows(good), client({ smtp_tls_block_early_mail_reply: 'yes' })],
    ['site-none', HOST, shows(good), site('NONE', 'may')],
    ['site-may', HOST, shows(good), site('MAY')],
    ['site-may-strict', HOST, shows(good), site('MAY', 'verify')],
    ['site-must', HOST, shows(good), site('MUST')],
    ['site-nopeer', HOST, { ...shows(good), plain: true }, site('MUST_NOPEERMATCH')],
    ['site-unknown', HOST, shows(good), site('PERHAPS')],
    ['wrapper', HOST, shows(good), { smtp_tls_wrappermode: 'yes', smtp_tls_security_level: 'may' }],
    ['policy-word', HOST, shows(good), { smtp_tls_policy_maps: 'static:{maybe}' }],
    ['policy-twice', HOST, shows(good), { smtp_tls_policy_maps: 'static:{encrypt ciphers=high ciphers=high}' }],
    ['policy-may-match', HOST, shows(good), { smtp_tls_policy_maps: 'static:{may match=x}' }],
    ['policy-braces', HOST, shows(good), { smtp_tls_policy_maps: 'static:{{encrypt} {protocols = TLSv1.2}}' }],
  ]
  const sinks = await Promise.all(cases.map(([, , mood]) => startTlsSink(t, mood)))
  const address = `127.78.${(process.pid >> 8) & 255}.${process.pid & 255}`
  const dns = await startDns(address, parseZone(ZONE))
  t.after(() => dns.stop())
  const dir = mkdtempSync(join(tmpdir(), 'postigo-client-tls-'))
  chmodSync(dir, 0o755)
  t.after(() => rmSync(dir, { recursive: true }))
  const destinations = cases.map(([name, host, , settings = {}], i) => ({
    name,
    nexthop: `[${host}]:${sinks[i]?.port}`,
    settings,
  }))
  const files = {
    'root.pem': root.cert,
    'middle.pem': middle.cert,
    'middle-key.pem': publicKeyOf(middle.cert),
    'stranger.pem': stranger.cert,
    'good.pem': good.cert,
    'good-key.pem': publicKeyOf(good.cert),
    'nothing.pem': '',
    'client.pem': ecdsa.cert + ecdsa.key,
    'second.cert': second.cert,
    'second.key': second.key,
  }
  const said = await compareClients({ destinations, mainCf: '', files }, { dir, address })
  for (const [name, ours] of OURS) {
    assert.match(said.postigo.get(name) ?? '', ours)
    assert.notEqual(said.postigo.get(name), said.postfix.get(name), `${name} is no difference any more`)
  }
  const common = (said: ReadonlyMap<string, string>): Record<string, string> =>
    Object.fromEntries([...said].filter(([name]) => !OURS.has(name)))
  assert.deepEqual(common(said.postigo), common(said.postfix))
  const took = (name: string): string[] => sinks[cases.findIndex(([n]) => n === name)]?.took ?? []
  assert.deepEqual(took('client-none'), ['tls -', 'tls -'])
  assert.deepEqual(took('client-pair'), ['tls client.test', 'tls client.test'])
  for (const name of ['client-apart', 'client-chain'])
    assert.deepEqual(took(name), ['tls second.test', 'tls second.test'])
})

function publicKeyOf(pem: string): string {
  return new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'pem' }).toString()
}
