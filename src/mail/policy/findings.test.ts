import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parseConfig, type Config, type Finding } from '../../io/config/mod.ts'
import { createTables } from '../../io/tables/mod.ts'
import { DnsLists } from './dns-lists.ts'
import { policyFindings } from './findings.ts'
import { facts, said, testDns, testPolicy, type Asked } from './fixture.test.ts'
import { mendedLists } from './mend.ts'
import { nearest } from '../../io/config/mod.ts'
import { restrictions } from './restrictions.ts'

/** The main.cf of a how-to of 2007, with the mistakes of its page. */
const HOWTO = `
myhostname = mail.midominio.com
mydomain = midominio.com
myorigin = $myhostname
mydestination = $myhostname, localhost.$mydomain, dominio.virtual
mynetworks = 127.0.0.0/8 192.168.1.0/24
relay_domains = $mydestination
alias_maps = inline:{ {postmaster=root} }
smtpd_sasl_auth_enable = yes
smtp_sasl_auth_enable = yes
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = texthash:$config_directory/saslpass
smtpd_recipient_restrictions = permit_sasl_authenticated,
    permit_mynetworks,
    reject_unknown_client,
    check_relay_domains
mailbox_size_limit = 20480000
message_size_limit = 5120000
recipient_canonical_maps = texthash:$config_directory/recipient_canonical
sender_canonical_maps = texthash:$config_directory/sender_canonical
check_client_access = texthash:$config_directory/access
smtpd_client_restrictions = permit_sasl_authenticated,
  permit_mynetworks,
  check_relay_domains,
  reject_unknown_client, reject_maps_rbl
maps_rbl_domains =
   relays.ordb.org,
   sbl.spamhaus.org,
smtpd_helo_required = yes
stmpd_helo_restrictions = reject_unknown_hostname
`

const FILES: Readonly<Record<string, string>> = {
  access: 'amigo@algundominio.com OK\ndominiohostil.net REJECT\n172.16.18 REJECT\n',
  recipient_canonical: 'webmaster@midominio.com pepe\njulio soporte@else.example\n',
  sender_canonical: '# senders\njulio soporte@midominio.com\nwebmaster@midominio.com pepe\n',
  saslpass: 'mail.midominio.com user:password\n',
}

function directory(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-findings-'))
  t.after(() => rmSync(dir, { recursive: true }))
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(dir, name), text)
  chmodSync(join(dir, 'saslpass'), 0o644)
  return dir
}

async function found(config: Config): Promise<readonly Finding[]> {
  return policyFindings({ config, tables: createTables() })
}

/** `name: text` of all findings about a main.cf, one a line. */
async function told(mainCf: string): Promise<string> {
  const findings = await found(parseConfig(mainCf))
  return findings.map((f) => `${f.severity} ${f.name}: ${f.text}`).join('\n')
}

test('every mistake of the how-to is found where it stands', async (t) => {
  const config = parseConfig(HOWTO, new Map(), { directory: directory(t) })
  const findings = await found(config)
  const expected: readonly (readonly [string, RegExp])[] = [
    ['stmpd_helo_restrictions', /smtpd_helo_restrictions is meant.*let those in first/],
    ['check_client_access', /is a restriction, not a parameter/],
    ['smtpd_recipient_restrictions', /check_relay_domains is no longer/],
    ['smtpd_client_restrictions', /reject_maps_rbl is no longer/],
    ['maps_rbl_domains', /have been closed: relays\.ordb\.org/],
    ['mydestination', /midominio\.com is served nowhere/],
    ['recipient_canonical_maps', /julio leaves this host for soporte@else\.example/],
    ['sender_canonical_maps', /becomes the bare local name pepe/],
    ['smtp_sasl_auth_enable', /is set again in line 11/],
    ['smtp_sasl_password_maps', /can be read by every user/],
    ['smtp_sasl_password_maps', /never logs in to itself/],
    ['smtp_sasl_auth_enable', /has noplaintext/],
    ['alias_maps', /root has no alias/],
    ['relay_domains', /every subdomain/],
  ]
  for (const [name, text] of expected) {
    const finding = findings.find((f) => f.name === name && text.test(f.text))
    assert.ok(finding, `${name} ${text}`)
    assert.ok(finding.line > 0 && finding.file.startsWith('/'), name)
  }
  assert.ok(!findings.some((f) => f.text.includes('password\n') || f.text.includes('user:password')))
})

/** main.cf with the mends written in: what `--fix` does, apart from comments and order. */
function mendedText(config: Config): string {
  let text = HOWTO
  for (const { parameter, setting } of mendedLists(config)) {
    const old = new RegExp(`^${parameter} =[^\\n]*\\n(?:[ \\t][^\\n]*\\n)*`, 'm')
    text = text.replace(old, '')
    if (setting !== undefined) text += `${setting}\n`
  }
  return text
}

test('the mended lists let our own people in, strangers’ mail too, and nobody relay', async (t) => {
  const dir = directory(t)
  const text = mendedText(parseConfig(HOWTO, new Map(), { directory: dir }))
  assert.deepEqual(mendedLists(parseConfig(text, new Map(), { directory: dir })), [], 'a mended file needs no mending')
  const zone = {
    '20.113.0.203.sbl.spamhaus.org': { A: ['127.0.0.2'], TXT: ['TXT'] },
    'mx.else.test': { A: ['198.51.100.9'] },
  }
  const policy = testPolicy(text, { directory: dir, accounts: ['usuario'], zone })
  const ours = 'usuario@mail.midominio.com'
  const rows: readonly (readonly [Asked, string])[] = [
    [{ address: '192.168.1.20', name: '-', helo: 'PC-JUAN', recipient: 'x@else.test' }, 'OK'],
    [{ address: '198.51.100.7', name: '-', helo: 'PC-JUAN', login: 'ana', recipient: 'x@else.test' }, 'OK'],
    [{ address: '203.0.113.20', helo: 'mx.else.test', sender: 'amigo@algundominio.com', recipient: ours }, 'OK'],
    [
      { address: '203.0.113.20', helo: 'mx.else.test', sender: 'otro@algundominio.com', recipient: ours },
      '554 5.7.1 Service unavailable; Client host [203.0.113.20] blocked using sbl.spamhaus.org; TXT',
    ],
    [
      { helo: 'mx.else.test', sender: 'amigo@algundominio.com', recipient: 'x@else.test' },
      '554 5.7.1 <x@else.test>: Relay access denied',
    ],
    [
      { helo: 'mx.else.test', recipient: 'amigo@algundominio.com' },
      '554 5.7.1 <amigo@algundominio.com>: Relay access denied',
    ],
    [
      { address: '172.16.18.9', name: 'a.red18.net', recipient: ours },
      '554 5.7.1 <a.red18.net[172.16.18.9]>: Client host rejected: Access denied',
    ],
    [{ address: '172.16.181.9', name: 'x.test', helo: 'mx.else.test', recipient: ours }, 'OK'],
    [{ helo: 'PC-JUAN', recipient: ours }, '450 4.7.1 <PC-JUAN>: Helo command rejected: Host not found'],
  ]
  for (const [asked, reply] of rows) assert.equal(said(await policy.rcpt(facts(asked))), reply, JSON.stringify(asked))
})

test('misspelt restrictions are told with the right name', async () => {
  assert.match(
    await told('smtpd_client_restrictions = reject_unknown_clent_hostname'),
    /unknown smtpd restriction: "reject_unknown_clent_hostname"/,
  )
  const [first] = await found(parseConfig('smtpd_client_restrictions = permit_mynetworks, rejct_rbl_client'))
  assert.equal(first?.proposal, 'smtpd_client_restrictions = permit_mynetworks, reject_rbl_client')
  assert.equal(nearest('permit_mynetwork', restrictions.keys()), 'permit_mynetworks')
  assert.equal(nearest('my_own_class', restrictions.keys()), undefined)
})

test('what is never reached is told', async () => {
  const text = await told('smtpd_sender_restrictions = permit, reject_unknown_sender_domain')
  assert.match(text, /reject_unknown_sender_domain stands behind permit and is never asked/)
  assert.doesNotMatch(await told('smtpd_sender_restrictions = warn_if_reject reject, permit'), /never asked/)
})

test('open relays and their traps are told', async () => {
  assert.match(
    await told('smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = permit_mynetworks'),
    /error .*open relay/,
  )
  const trap =
    'smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = check_sender_access hash:/x, reject_unauth_destination'
  assert.match(await told(trap), /check_sender_access stands before the relay check/)
  const safe = 'smtpd_recipient_restrictions = check_sender_access hash:/x\ncompatibility_level = 3.6'
  assert.doesNotMatch(await told(safe), /relay check/)
  assert.match(await told('smtpd_relay_restrictions = permit, reject_unauth_destination'), /open relay/)
})

test('networks, limits and relay domains are told', async () => {
  assert.match(await told('mynetworks = 127.0.0.0/8 8.8.8.0/24'), /8\.8\.8\.0\/24: a public network of 256 addresses/)
  assert.match(await told('mynetworks = 0.0.0.0/0'), /the whole world may relay/)
  assert.doesNotMatch(
    await told('mynetworks = 10.0.0.0/8 [::1]/128 8.8.8.8 192.168.1.254 [2001:db8::]/64'),
    /may relay/,
  )
  assert.match(await told('mailbox_size_limit = 1000\nmessage_size_limit = 5000'), /error mailbox_size_limit/)
  assert.doesNotMatch(await told('mailbox_size_limit = 0'), /mailbox_size_limit/)
  assert.match(
    await told('smtpd_helo_restrictions = reject_unknown_helo_hostname'),
    /asked before permit_sasl_authenticated and permit_mynetworks/,
  )
})

test('DNS lists are tried as RFC 5782 says', async () => {
  const zone = {
    '2.0.0.127.alive.test': { A: ['127.0.0.2'] },
    '1.0.0.127.crazy.test': { A: ['127.0.0.2'] },
    '2.0.0.127.crazy.test': { A: ['127.0.0.2'] },
  }
  const lists = new DnsLists(testDns(zone), { selfTest: true, limitMs: 1000 })
  const config = parseConfig(
    'smtpd_client_restrictions = permit_mynetworks permit_sasl_authenticated reject_rbl_client alive.test reject_rbl_client dead.test=127.0.0.2 reject_rbl_client crazy.test',
  )
  const findings = await policyFindings({ config, tables: createTables(), lists })
  const texts = findings.map((f) => f.text).filter((text) => text.startsWith('DNS list'))
  assert.deepEqual(texts, [
    'DNS list dead.test is dead: it does not list 127.0.0.2; it is passed over (RFC 5782, section 5)',
    'DNS list crazy.test lists everything; it is passed over (RFC 5782, section 5)',
  ])
})

test('a clean configuration has nothing to tell', async () => {
  const text = await told(`compatibility_level = 3.6
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_helo_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unknown_helo_hostname
alias_maps = inline:{ {root=ana} }`)
  assert.equal(text, '')
})
