import assert from 'node:assert/strict'
import type { NetworkInterfaceInfo } from 'node:os'
import { test } from 'node:test'
import {
  bool,
  choice,
  ConfigError,
  defineParams,
  int,
  list,
  makeRegistry,
  parseConfig,
  raw,
  size,
  str,
  time,
  type Settings,
} from './mod.ts'

const params = defineParams({
  smtpd_banner: str('$myhostname ESMTP $mail_name', 'The text behind 220.'),
  smtpd_helo_required: bool('no', 'Whether HELO is a must.'),
  append_dot_mydomain: bool('${{$compatibility_level} <level {1} ? {yes} : {no}}', 'Complete names without a dot.'),
  smtpd_recipient_limit: int('1000', 'Recipients of one message.', { min: 1 }),
  smtpd_timeout: time('${stress?{10}:{300}}s', 'Waiting for a command.', { min: 1000 }),
  maximal_queue_lifetime: time('5d', 'How long mail waits.', { unit: 'd' }),
  message_size_limit: size('10240000', 'Octets of a message.'),
  view_memory_limit: size('64M', 'Octets of views.', { suffixes: true }),
  mydestination: list('$myhostname, localhost.$mydomain, localhost', 'Our domains.'),
  notify_classes: list('resource', 'Told.', { values: ['bounce', 'resource'] }),
  smtpd_tls_security_level: choice(['', 'none', 'may', 'encrypt'], '', 'TLS.'),
  forward_path: raw('$home/.forward${recipient_delimiter}${extension}, $home/.forward', 'Files.'),
  virtual_alias_maps: str('$virtual_maps', 'Aliases.'),
})
type TestSettings = Settings<typeof params>
const registry = makeRegistry(params)
const machine = { hostname: 'box', interfaces: [] }
const load = (text: string): TestSettings => parseConfig(text, registry, { machine }).bind(params)

test('defaults are expressions, expanded like settings', () => {
  const cf = load('')
  assert.equal(cf.smtpd_banner, 'box.localdomain ESMTP Postigo')
  assert.equal(cf.append_dot_mydomain, true)
  assert.equal(cf.smtpd_timeout, 300_000)
  assert.equal(cf.maximal_queue_lifetime, 432_000_000)
  assert.equal(cf.view_memory_limit, 64 * 1024 * 1024)
  assert.deepEqual(cf.mydestination, ['box.localdomain', 'localhost.localdomain', 'localhost'])
  assert.equal(cf.smtpd_tls_security_level satisfies '' | 'none' | 'may' | 'encrypt', '')
  assert.equal(cf.forward_path, '$home/.forward${recipient_delimiter}${extension}, $home/.forward')
})

test('continued lines, comments between them, and the last setting of a name', () => {
  const cf = load(
    'mydestination = a.example,\n# no comment ends it\n\n  b.example\n   # nor an indented one\n\tc.example\n' +
      'smtpd_helo_required = no\ncompatibility_level=3.6\nsmtpd_helo_required=YES\nmaximal_queue_lifetime = 2\n' +
      'old = hash:/x\nvirtual_maps = $old\n',
  )
  assert.deepEqual(cf.mydestination, ['a.example', 'b.example', 'c.example'])
  assert.equal(cf.smtpd_helo_required, true)
  assert.equal(cf.append_dot_mydomain, false)
  assert.equal(cf.maximal_queue_lifetime, 2 * 86_400_000)
  assert.equal(cf.virtual_alias_maps, 'hash:/x')
})

test('words out of a set bind in lower case; names in a list stay as written', () => {
  const cf = load('notify_classes = Bounce RESOURCE\nmydestination = A.example\n')
  assert.deepEqual(cf.notify_classes, ['bounce', 'resource'])
  assert.deepEqual(cf.mydestination, ['A.example'])
})

test('two rooms that share a parameter know the same words', () => {
  const room = (...values: readonly string[]): ReturnType<typeof defineParams> =>
    defineParams({ notify_classes: list('', 'Told.', { values }) })
  makeRegistry(room('bounce', 'resource'), room('resource', 'bounce'))
  assert.throws(() => makeRegistry(room('bounce', 'resource'), room('bounce')), /notify_classes is defined twice/)
})

test('what Postfix refuses is refused in its words, with file and line', () => {
  const table: readonly (readonly [string, string])[] = [
    ['\nfoo\n', '/etc/postfix/main.cf, line 2: missing \'=\' after attribute name: "foo"'],
    ['a b = 3', '/etc/postfix/main.cf, line 1: missing \'=\' after attribute name: "a b = 3"'],
    ['= b', '/etc/postfix/main.cf, line 1: missing attribute name: "= b"'],
    [
      '\n\nsmtpd_helo_required = maybe',
      '/etc/postfix/main.cf, line 3: bad boolean configuration: smtpd_helo_required = maybe',
    ],
    ['smtpd_recipient_limit = 0', '/etc/postfix/main.cf, line 1: invalid smtpd_recipient_limit parameter value 0 < 1'],
    ['message_size_limit = 10M', '/etc/postfix/main.cf, line 1: bad numerical configuration: message_size_limit = 10M'],
    ['smtpd_timeout = 1h # x', '/etc/postfix/main.cf, line 1: parameter smtpd_timeout: bad time value or unit: 1h # x'],
    ['smtpd_banner = ${x', '/etc/postfix/main.cf, line 1: truncated macro reference: "${x"'],
  ]
  for (const [text, message] of table)
    assert.throws(
      () => load(text),
      (e) => e instanceof ConfigError && e.message === message,
      text,
    )
})

test('stray continuation lines are skipped and remembered', () => {
  const config = parseConfig('  lead = 1\nfoo = 2\n', registry, { machine })
  assert.deepEqual(
    config.strayLines.map((s) => [s.line, s.text]),
    [[1, '  lead = 1']],
  )
  assert.equal(config.value('foo'), '2')
})

test('with() puts -o settings before those of main.cf', () => {
  const config = parseConfig('smtpd_banner = $who here\nwho = main\n', registry, { machine })
  const other = config.with(new Map([['who', 'submission']]))
  assert.equal(config.value('smtpd_banner'), 'main here')
  assert.equal(other.bind(params).smtpd_banner, 'submission here')
  assert.equal(other.with(new Map([['x', 'y']])).value('who'), 'submission')
  assert.deepEqual(config.origin('who'), { file: '/etc/postfix/main.cf', line: 2 })
})

test('names of Postfix that no room defines have their defaults, unknown names none', () => {
  const config = parseConfig('stmpd_x = 1\n', registry, { machine, directory: '/x' })
  assert.equal(config.value('bounce_queue_lifetime'), '5d')
  assert.equal(config.value('maildrop_destination_recipient_limit'), '50')
  assert.equal(config.value('config_directory'), '/x')
  assert.equal(config.value('stmpd_x'), '1')
  assert.equal(config.value('nonesuch'), undefined)
  assert.equal(config.expand('$config_directory/mynetworks'), '/x/mynetworks')
})

test('mynetworks follows the interfaces and mynetworks_style', () => {
  const lo = {
    address: '127.0.0.1',
    netmask: '255.0.0.0',
    family: 'IPv4',
    mac: '',
    internal: true,
    cidr: '127.0.0.1/8',
  }
  const eth = { ...lo, address: '192.0.2.130', internal: false, cidr: '192.0.2.130/25' }
  const six = { ...eth, family: 'IPv6', address: 'fd00::1:2', cidr: 'fd00::1:2/64', scopeid: 0 }
  // A union on `family`, which the spread widens.
  const interfaces = [lo, six, eth] as NetworkInterfaceInfo[]
  const of = (text: string): string | undefined =>
    parseConfig(text, registry, { machine: { hostname: 'x', interfaces } }).value('mynetworks')
  assert.equal(of('mynetworks_style = subnet'), '127.0.0.0/8 192.0.2.128/25 [fd00::]/64')
  assert.equal(of('mynetworks_style = class'), '127.0.0.0/8 192.0.2.0/24 [fd00::]/64')
  assert.equal(of('compatibility_level = 2'), '127.0.0.1/32 192.0.2.130/32 [fd00::1:2]/128')
  assert.equal(of('inet_interfaces = loopback-only'), '127.0.0.0/8')
})

test('a domain that is said to be the host, whose name is made of it, ends', () => {
  const machine = { hostname: 'vm', interfaces: [] }
  for (const mainCf of [
    'mydomain = $myhostname\n',
    'mynetworks_style = $mynetworks\n',
    'inet_interfaces = $mynetworks\n',
  ])
    for (const name of ['myhostname', 'mydomain', 'mynetworks'])
      assert.equal(typeof parseConfig(mainCf, new Map(), { machine }).value(name), 'string')
  // As Postfix: the host's name is not set yet, and no name of a host comes of it.
  assert.equal(parseConfig('mydomain = $myhostname\n', new Map(), { machine }).value('mydomain'), 'vm.')
})
