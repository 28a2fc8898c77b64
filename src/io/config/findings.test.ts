import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  bool,
  classOf,
  configFindings,
  countClasses,
  defineParams,
  int,
  list,
  makeRegistry,
  nearest,
  parseConfig,
  postfixParameters,
  str,
  time,
} from './mod.ts'

const registry = makeRegistry(
  defineParams({
    smtpd_helo_restrictions: str('', 'Rules for HELO.'),
    smtpd_helo_required: bool('no', 'HELO first.'),
    smtpd_recipient_limit: int('1000', 'Recipients.', { min: 1 }),
    smtpd_timeout: time('300s', 'Waiting.'),
    smtpd_tls_security_level: str('', 'TLS.'),
    smtpd_use_tls: bool('no', 'TLS, the old way.'),
    virtual_alias_maps: str('$virtual_maps', 'Aliases.'),
    myorigin: str('$myhostname', 'Our name.'),
    notify_classes: list('resource', 'Told.', { values: ['bounce', '2bounce', 'policy', 'resource'] }),
    default_destination_rate_delay: time('0s', 'Pause.'),
  }),
)

const findings = (mainCf: string, masterCf = ''): string[] =>
  configFindings(parseConfig(mainCf, registry, { masterCf, machine: { hostname: 'x', interfaces: [] } }), registry).map(
    (f) => `${f.line} ${f.severity} ${f.text}${f.proposal === undefined ? '' : ` => ${f.proposal}`}`,
  )

test('each kind of fault is told of with its line and what to write', () => {
  const table: readonly (readonly [string, readonly string[]])[] = [
    ['', []],
    ['mua_helo = x\nsmtpd_helo_restrictions = $mua_helo\n', []],
    ['smtp_destination_rate_delay = 1s\n', []],
    [
      'stmpd_helo_restrictions = reject',
      [
        '1 warning stmpd_helo_restrictions is no parameter, and no other setting uses it: it has no effect => smtpd_helo_restrictions = reject',
      ],
    ],
    ['frobnicate = 1', ['1 warning frobnicate is no parameter, and no other setting uses it: it has no effect']],
    ['myorigin = a\n\nmyorigin = b', ['3 warning myorigin is set in line 1 and again: the last one counts']],
    ['myorigin = a\nmyorigin = a', ['2 warning myorigin is set in line 1 and again, to the same value']],
    ['myorigin = $mydomian', ['1 warning $mydomian is set nowhere: it is empty']],
    ['mydomian = x\nmyorigin = $mydomian', []],
    [
      '  smtpd_timeout = 3\n',
      [
        '1 warning "smtpd_timeout = 3" starts with white space and continues nothing: it is skipped => smtpd_timeout = 3\n'.trim(),
      ],
    ],
    [
      'smtpd_timeout = 1h # one hour',
      ['1 error parameter smtpd_timeout: bad time value or unit: 1h # one hour => smtpd_timeout = 1h'],
    ],
    ['smtpd_helo_required = true', ['1 error bad boolean configuration: smtpd_helo_required = true']],
    ['smtpd_recipient_limit = 0', ['1 error invalid smtpd_recipient_limit parameter value 0 < 1']],
    ['notify_classes = Bounce, 2bounce', []],
    [
      'notify_classes = bounces, policy',
      ['1 warning bounces is no word of notify_classes: it does nothing => notify_classes = bounce, policy'],
    ],
    ['notify_classes = frobnicate', ['1 warning frobnicate is no word of notify_classes: it does nothing']],
    ['debug_peer_level = 3', []],
    ['qmqpd_timeout = 5s', ['1 note qmqpd_timeout has no effect: QMQP is not spoken']],
    ['soft_bounce = yes', ['1 warning soft_bounce is not supported yet, and has no effect']],
    [
      'virtual_maps = hash:/x',
      ['1 note virtual_maps is an old name: today it is virtual_alias_maps => virtual_alias_maps = hash:/x'],
    ],
    ['enable_errors_to = yes', ['1 warning enable_errors_to is an old name: and nothing takes its place']],
    ['smtpd_use_tls = yes', ['1 note Postfix will remove smtpd_use_tls; instead, specify smtpd_tls_security_level']],
  ]
  for (const [text, expected] of table) assert.deepEqual(findings(text), expected, text)
})

test('names in master.cf are looked at too', () => {
  assert.deepEqual(
    findings('', 'smtp inet n - n - - smtpd\n  -o stmpd_timeout=3 -o smtpd_timeout=4 -o mua_restrictions=x\n'),
    ['1 warning -o stmpd_timeout of smtp is no parameter: it has no effect => -o smtpd_timeout=3'],
  )
})

test('every parameter of postconf(5) is in one class', () => {
  const { honoured, withoutEffect, notSupported } = countClasses(registry)
  assert.equal(honoured + withoutEffect.length + notSupported.length, postfixParameters.length)
  assert.equal(classOf('berkeley_db_read_buffer_size', registry).kind, 'without-effect')
  assert.equal(classOf('maildrop_destination_rate_delay', registry).kind, 'honoured')
  assert.equal(classOf('maildrop_delivery_slot_cost', registry).kind, 'without-effect')
  assert.equal(classOf('milter_default_action', registry).kind, 'not-supported')
  assert.equal(classOf('fallback_relay', registry).kind, 'old')
  assert.equal(classOf('hello', registry).kind, 'unknown')
})

test('the table of parameters is sorted, each name once, each default a value of its kind', () => {
  const names = postfixParameters.map((p) => p.name)
  assert.deepEqual(names, [...new Set(names)].sort())
  const config = parseConfig('', registry, { machine: { hostname: 'x', interfaces: [] } })
  for (const p of postfixParameters) {
    const value = config.value(p.name) ?? ''
    if (p.kind === 'bool') assert.match(value, /^(yes|no)$/, p.name)
    if (p.kind === 'int') assert.match(value, /^-?\d+$/, p.name)
    if (p.kind === 'time') assert.match(value, /^\d+[smhdw]?$/, p.name)
  }
})

test('nearest() forgives few slips', () => {
  const names = ['smtpd_helo_restrictions', 'myorigin', 'relayhost']
  assert.equal(nearest('stmpd_helo_restrictions', names), 'smtpd_helo_restrictions')
  assert.equal(nearest('my_origin', names), 'myorigin')
  assert.equal(nearest('relay', names), undefined)
})
