/** Replies here were compared with Postfix 3.7.11's, word for word, in generated sessions. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { listen, type PostigoEvent } from '../../base/mod.ts'
import type { PolicyEvent } from './contract.ts'
import { facts, said, testPolicy, type Asked, type PolicyGiven } from './fixture.test.ts'
import { listWords } from './words.ts'
import { answerPattern } from './list-restrictions.ts'

const LOCAL = 'alias_maps = inline:{{u=u},{usuario=usuario}}\nlocal_recipient_maps = $alias_maps\n'

type Row = readonly [asked: Asked, reply: string]

async function rcpt(mainCf: string, rows: readonly Row[], given: PolicyGiven = {}): Promise<void> {
  const policy = testPolicy(LOCAL + mainCf, given)
  for (const [asked, reply] of rows)
    assert.equal(said(await policy.rcpt(facts(asked))), reply, `${mainCf} ${JSON.stringify(asked)}`)
}

test('listWords() keeps braces together', () => {
  assert.deepEqual(listWords('a, b\tc'), ['a', 'b', 'c'])
  assert.deepEqual(listWords('check_x inline:{ {a=b c}, {d=e} }, z'), ['check_x', 'inline:{ {a=b c}, {d=e} }', 'z'])
  assert.deepEqual(listWords('check_policy_service { unix:x, timeout=1s }'), [
    'check_policy_service',
    'unix:x, timeout=1s',
  ])
  assert.deepEqual(listWords('{ unclosed a, b'), ['{ unclosed a, b'])
})

test('client restrictions speak as Postfix does', async () => {
  const unknown = { name: '-', address: '203.0.113.10' }
  await rcpt('smtpd_client_restrictions = reject_unknown_client', [
    [{}, 'OK'],
    [unknown, '450 4.7.25 Client host rejected: cannot find your hostname, [203.0.113.10]'],
    [{ ...unknown, name: '?' }, '450 4.7.25 Client host rejected: cannot find your hostname, [203.0.113.10]'],
  ])
  await rcpt('smtpd_client_restrictions = reject_unknown_client_hostname\nunknown_client_reject_code = 550', [
    [unknown, '550 5.7.25 Client host rejected: cannot find your hostname, [203.0.113.10]'],
    [{ ...unknown, name: '?' }, '450 4.7.25 Client host rejected: cannot find your hostname, [203.0.113.10]'],
  ])
  await rcpt('smtpd_client_restrictions = reject_unknown_reverse_client_hostname', [
    [unknown, '450 4.7.1 Client host rejected: cannot find your reverse hostname, [203.0.113.10]'],
    [{ ...unknown, reverseName: 'liar.test' }, 'OK'],
  ])
  await rcpt('mynetworks = 192.0.2.0/24\nsmtpd_client_restrictions = permit_mynetworks, reject', [
    [{}, 'OK'],
    [{ address: '198.51.100.1' }, '554 5.7.1 <client.good.test[198.51.100.1]>: Client host rejected: Access denied'],
  ])
  await rcpt('smtpd_sasl_auth_enable = yes\nsmtpd_client_restrictions = permit_sasl_authenticated, defer', [
    [{ login: 'ana' }, 'OK'],
    [{}, '450 4.3.2 <client.good.test[192.0.2.50]>: Client host rejected: Try again later'],
  ])
  await rcpt('smtpd_client_restrictions = reject_plaintext_session', [[{}, '450 4.7.1 Session encryption is required']])
})

test('HELO restrictions speak as Postfix does', async () => {
  const zone = { 'good.test': { A: ['192.0.2.1'] }, 'null.test': { MX: ['.'] } }
  await rcpt(
    'smtpd_helo_restrictions = reject_unknown_hostname',
    [
      [{ helo: 'good.test' }, 'OK'],
      [{ helo: 'null.test' }, 'OK'],
      [{ helo: 'PC-JUAN' }, '450 4.7.1 <PC-JUAN>: Helo command rejected: Host not found'],
      [{ helo: 'x.fail.test' }, '450 4.7.1 <x.fail.test>: Helo command rejected: Host not found'],
      [{ helo: '[300.1.1.1]' }, '501 5.5.2 <[300.1.1.1]>: Helo command rejected: invalid ip address'],
      [{ helo: '[192.0.2.1]' }, 'OK'],
    ],
    { zone },
  )
  await rcpt('smtpd_helo_restrictions = reject_invalid_helo_hostname', [
    [{ helo: 'a..b' }, '501 5.5.2 <a..b>: Helo command rejected: Invalid name'],
    [{ helo: '1.2.3.4' }, 'OK'],
    [{ helo: 'bad_host' }, 'OK'],
  ])
  await rcpt('smtpd_helo_restrictions = reject_non_fqdn_helo_hostname', [
    [{ helo: 'PC-JUAN' }, '504 5.5.2 <PC-JUAN>: Helo command rejected: need fully-qualified hostname'],
    [{ helo: '1.2.3.4' }, '504 5.5.2 <1.2.3.4>: Helo command rejected: need fully-qualified hostname'],
    [{ helo: 'good.test.' }, 'OK'],
  ])
})

test('sender restrictions speak as Postfix does', async () => {
  const zone = { 'good.test': { MX: ['mx.good.test'] }, 'null.test': { MX: ['.'] }, 'a.test': { A: ['192.0.2.1'] } }
  await rcpt(
    'smtpd_sender_restrictions = reject_unknown_sender_domain',
    [
      [{}, 'OK'],
      [{ sender: '' }, 'OK'],
      [{ sender: 'x@a.test' }, 'OK'],
      [{ sender: 'root' }, 'OK'],
      [{ sender: 'x@no.test' }, '450 4.1.8 <x@no.test>: Sender address rejected: Domain not found'],
      [{ sender: 'x@x.fail.test' }, '450 4.1.8 <x@x.fail.test>: Sender address rejected: Domain not found'],
      [
        { sender: 'x@null.test' },
        '550 5.7.27 <x@null.test>: Sender address rejected: Domain null.test does not accept mail (nullMX)',
      ],
    ],
    { zone },
  )
  await rcpt('smtpd_sender_restrictions = reject_non_fqdn_sender', [
    [{ sender: 'root' }, '504 5.5.2 <root>: Sender address rejected: need fully-qualified address'],
    [{ sender: 'x@[192.0.2.1]' }, 'OK'],
  ])
  await rcpt('smtpd_reject_unlisted_sender = yes', [
    [
      { sender: 'ghost@mail.example.com' },
      '550 5.1.0 <ghost@mail.example.com>: Sender address rejected: User unknown in local recipient table',
    ],
  ])
  await rcpt(
    'smtpd_sasl_auth_enable = yes\nsmtpd_sender_restrictions = reject_sender_login_mismatch\nsmtpd_sender_login_maps = inline:{ {u@mail.example.com = ana, eva} }',
    [
      [{ sender: 'u@mail.example.com', login: 'EVA' }, 'OK'],
      [
        { sender: 'u@mail.example.com', login: 'joe' },
        '553 5.7.1 <u@mail.example.com>: Sender address rejected: not owned by user joe',
      ],
      [{ sender: 'u@mail.example.com' }, '553 5.7.1 <u@mail.example.com>: Sender address rejected: not logged in'],
      [{ sender: 'x@y.test' }, 'OK'],
      [{ sender: 'x@y.test', login: 'joe' }, '553 5.7.1 <x@y.test>: Sender address rejected: not owned by user joe'],
    ],
  )
})

test('relay and recipient restrictions speak as Postfix does', async () => {
  const out = { recipient: 'x@else.test' }
  await rcpt('smtpd_relay_restrictions = reject_unauth_destination', [
    [{}, 'OK'],
    [out, '554 5.7.1 <x@else.test>: Relay access denied'],
    [{ recipient: 'x%else.test@mail.example.com' }, '554 5.7.1 <x%else.test@mail.example.com>: Relay access denied'],
    [{ recipient: 'postmaster' }, 'OK'],
    [{ recipient: 'ghost' }, '550 5.1.1 <ghost>: Recipient address rejected: User unknown in local recipient table'],
  ])
  await rcpt('', [[out, '454 4.7.1 <x@else.test>: Relay access denied']])
  await rcpt('compatibility_level = 0', [[out, 'OK']])
  await rcpt('smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = check_relay_domains, reject_unknown_client', [
    [out, '554 5.7.1 <x@else.test>: Recipient address rejected: Relay access denied'],
    [{ name: '-' }, '450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.50]'],
  ])
  await rcpt('smtpd_recipient_restrictions = check_recipient_access inline:{ {else.test = 550 no} }', [
    [out, '454 4.7.1 <x@else.test>: Relay access denied'],
  ])
  await rcpt(
    'smtpd_relay_before_recipient_restrictions = no\nsmtpd_recipient_restrictions = check_recipient_access inline:{ {else.test = 550 no} }',
    [[out, '550 5.7.1 <x@else.test>: Recipient address rejected: no']],
  )
})

test('no_unknown_recipient_checks lets everyone in our domains pass, whatever the lists say', async () => {
  const none = 'receive_override_options = no_unknown_recipient_checks\n'
  await rcpt(none, [[{ recipient: 'ghost' }, 'OK']])
  await rcpt(`${none}smtpd_recipient_restrictions = reject_unlisted_recipient`, [[{ recipient: 'ghost' }, 'OK']])
})

test('the how-to’s access table answers as its page says', async () => {
  const table = `inline:{ {amigo@algundominio.com = OK}, {spammer@productoinutil.com = REJECT}, {dominiohostil.net = REJECT},
    {172.16.18 = REJECT}, {red18.net = REJECT}, {proveedor@necio.com = 550 No me interesan sus productos},
    {holgazan@flojo.com = 554 Ponte a hacer algo util}, {lista@undominio.org = 450 Estamos realizando mantenimiento},
    {malo@mail.example.com = REJECT} }`
  const cf = `smtpd_client_restrictions = check_client_access ${table}, check_sender_access ${table}
smtpd_recipient_restrictions = check_recipient_access ${table}\n`
  await rcpt(cf, [
    [
      { address: '172.16.18.9', name: 'a.red18.net' },
      '554 5.7.1 <a.red18.net[172.16.18.9]>: Client host rejected: Access denied',
    ],
    [{ address: '172.16.18.9', name: '-' }, '554 5.7.1 <unknown[172.16.18.9]>: Client host rejected: Access denied'],
    [{ address: '172.16.181.9', name: 'x.test' }, 'OK'],
    [
      { sender: 'spammer@productoinutil.com' },
      '554 5.7.1 <spammer@productoinutil.com>: Sender address rejected: Access denied',
    ],
    [
      { sender: 'x@sub.dominiohostil.net' },
      '554 5.7.1 <x@sub.dominiohostil.net>: Sender address rejected: Access denied',
    ],
    [
      { sender: 'proveedor@necio.com' },
      '550 5.7.1 <proveedor@necio.com>: Sender address rejected: No me interesan sus productos',
    ],
    [
      { sender: 'lista@undominio.org' },
      '450 4.7.1 <lista@undominio.org>: Sender address rejected: Estamos realizando mantenimiento',
    ],
    [
      { recipient: 'malo@mail.example.com' },
      '554 5.7.1 <malo@mail.example.com>: Recipient address rejected: Access denied',
    ],
  ])
})

test('every access action does what access(5) says', async () => {
  const no = '<ana@good.test>: Sender address rejected:'
  const actions: readonly (readonly [string, string])[] = [
    ['OK', 'OK'],
    ['RELAY', 'OK'],
    ['DUNNO ignored', 'OK'],
    ['1234567', 'OK'],
    ['REJECT', `554 5.7.1 ${no} Access denied`],
    ['reject text', `554 5.7.1 ${no} text`],
    ['REJECT 5.1.1 own', `554 5.1.7 ${no} own`],
    ['DEFER', `450 4.7.1 ${no} Access denied`],
    ['DEFER_IF_PERMIT', `450 4.7.1 ${no} Service unavailable`],
    ['DEFER_IF_REJECT', 'OK'],
    ['450', 'OK'],
    ['550 5.1.2 x', `550 5.1.8 ${no} x`],
    ['554 4.7.1 x', `554 5.7.1 ${no} x`],
    ['600 odd', '451 4.3.5 Server configuration error'],
    ['nonsense', '451 4.3.5 Server configuration error'],
    ['hash:/x', '451 4.3.5 Server configuration error'],
    ['reject_unlisted_sender, reject', `554 5.7.1 ${no} Access denied`],
    ['class', `450 4.3.2 ${no} Try again later`],
  ]
  for (const [action, reply] of actions)
    await rcpt(
      `smtpd_restriction_classes = class\nclass = defer\nsmtpd_sender_restrictions = check_sender_access inline:{ {good.test = ${action}} }`,
      [[{}, reply]],
    )
  const disconnect = await testPolicy(
    `${LOCAL}smtpd_client_restrictions = check_client_access inline:{ {test = 421 bye} }`,
  ).rcpt(facts())
  assert.equal(disconnect.disconnect, true)
})

test('actions on the message come out as effects, in order', async () => {
  const effects = async (action: string): Promise<unknown> => {
    const cf = `${LOCAL}smtpd_sender_restrictions = check_sender_access inline:{ {good.test = ${action}} }`
    return (await testPolicy(cf).rcpt(facts())).effects
  }
  assert.deepEqual(await effects('HOLD'), [{ action: 'hold' }])
  assert.deepEqual(await effects('DISCARD'), [{ action: 'discard' }])
  assert.deepEqual(await effects('FILTER smtp:[x]'), [{ action: 'filter', destination: 'smtp:[x]' }])
  assert.deepEqual(await effects('FILTER x'), [])
  assert.deepEqual(await effects('REDIRECT a@b.test'), [{ action: 'redirect', address: 'a@b.test' }])
  assert.deepEqual(await effects('BCC a@b.test'), [{ action: 'bcc', address: 'a@b.test' }])
  assert.deepEqual(await effects('PREPEND X-A: b'), [{ action: 'prepend', line: 'X-A: b' }])
  assert.deepEqual(await effects('PREPEND no header'), [])
  assert.deepEqual(await effects('WARN text'), [{ action: 'log', severity: 'warn', text: 'text' }])
})

test('access keys are tried in the order of access(5)', async () => {
  const find = async (keys: string, asked: Asked): Promise<string> => {
    const cf = `${LOCAL}recipient_delimiter = +\nsmtpd_sender_restrictions = check_sender_access inline:{ ${keys} }`
    return said(await testPolicy(cf).rcpt(facts(asked))).replace(/.*: /, '')
  }
  const keys = [
    '{u+x@s.good.test = 550 1}',
    '{u@s.good.test = 550 2}',
    '{s.good.test = 550 3}',
    '{good.test = 550 4}',
    '{test = 550 5}',
    '{u+x@ = 550 6}',
    '{u@ = 550 7}',
  ]
  for (let i = 0; i < keys.length; i++)
    assert.equal(await find(keys.slice(i).join(' '), { sender: 'U+x@S.good.test' }), String(i + 1))
  assert.equal(await find('{<> = 550 null}', { sender: '' }), 'null')
  assert.equal(await find('{.good.test = 550 dot}', { sender: 'u@s.good.test' }), 'OK')
  const noParents = `${LOCAL}parent_domain_matches_subdomains =\nsmtpd_client_restrictions = check_client_access inline:{ `
  assert.match(said(await testPolicy(`${noParents}{.good.test = REJECT} }`).rcpt(facts())), /^554/)
  assert.equal(said(await testPolicy(`${noParents}{good.test = REJECT} }`).rcpt(facts())), 'OK')
})

test('a table that cannot be asked defers', async () => {
  await rcpt('smtpd_client_restrictions = check_client_access fail:x', [
    [{}, '451 4.3.5 <client.good.test[192.0.2.50]>: Client host rejected: Server configuration error'],
  ])
  await rcpt('smtpd_client_restrictions = check_client_access hash:/nonexistent/table', [
    [{}, '451 4.3.5 <client.good.test[192.0.2.50]>: Client host rejected: Server configuration error'],
  ])
  await rcpt('virtual_alias_maps = fail:x\nvirtual_alias_domains =', [
    [{}, '451 4.3.0 <u@mail.example.com>: Temporary lookup failure'],
  ])
})

test('what is wrong in a list is said when it is reached', async () => {
  const error = '451 4.3.5 Server configuration error'
  for (const list of [
    'nonsense',
    'check_client_access',
    'check_client_access nocolon',
    'sleep x',
    'warn_if_reject nonsense',
    'check_policy_service foo',
  ])
    await rcpt(`smtpd_client_restrictions = ${list}`, [[{}, error]])
  await rcpt('smtpd_client_restrictions = permit, nonsense', [[{}, 'OK']])
  await rcpt('smtpd_restriction_classes = loop\nloop = loop\nsmtpd_client_restrictions = loop', [[{}, error]])
  await rcpt('smtpd_helo_restrictions = check_helo_mx_access static:OK', [[{ helo: 'a.test' }, error]], {
    zone: { 'a.test': { MX: ['b.test'] } },
  })
})

test('DNS lists refuse with their text, filters and templates', async () => {
  const zone = {
    '20.113.0.203.bl.test': { A: ['127.0.0.2'], TXT: ['Listed, see http://bl.test/'] },
    '21.113.0.203.bl.test': { A: ['127.0.0.4'] },
    '22.113.0.203.bl.test': { A: ['127.255.255.254'] },
    '20.113.0.203.wl.test': { A: ['127.0.0.9'] },
    'spammer.test.rhs.test': { A: ['127.0.0.2'] },
  }
  const from = (n: number): Asked => ({ address: `203.0.113.${n}` })
  const given = { zone }
  const listed =
    '554 5.7.1 Service unavailable; Client host [203.0.113.20] blocked using bl.test; Listed, see http://bl.test/'
  await rcpt(
    'smtpd_client_restrictions = reject_rbl_client x.fail.test, reject_rbl_client bl.test',
    [
      [from(20), listed],
      [from(21), '554 5.7.1 Service unavailable; Client host [203.0.113.21] blocked using bl.test'],
      [from(22), 'OK'], // "you may not ask" is no listing; Postfix takes it for one
      [from(23), 'OK'],
    ],
    given,
  )
  await rcpt('smtpd_client_restrictions = reject_rbl_client bl.test=127.0.0.[3;4..9]', [[from(20), 'OK']], given)
  await rcpt(
    'maps_rbl_domains = wl.none.test, bl.test\nsmtpd_client_restrictions = reject_maps_rbl',
    [[from(20), listed]],
    given,
  )
  await rcpt(
    'smtpd_client_restrictions = permit_dnswl_client wl.test, reject',
    [
      [from(20), 'OK'],
      [
        { ...from(20), recipient: 'x@else.test' },
        '554 5.7.1 <client.good.test[203.0.113.20]>: Client host rejected: Access denied',
      ],
    ],
    given,
  )
  await rcpt(
    'smtpd_client_restrictions = permit_dnswl_client x.fail.test, reject',
    [[from(20), '450 4.7.1 <203.0.113.20>: Client host rejected: Service unavailable']],
    given,
  )
  await rcpt(
    'smtpd_sender_restrictions = reject_rhsbl_sender rhs.test',
    [
      [
        { sender: 'x@spammer.test' },
        '554 5.7.1 Service unavailable; Sender address [x@spammer.test] blocked using rhs.test',
      ],
      [{ sender: '' }, 'OK'],
    ],
    given,
  )
  await rcpt(
    'smtpd_client_restrictions = reject_rbl_client bl.test\nrbl_reply_maps = inline:{ {bl.test = 550 $$rbl_what: $${rbl_reason?because}$${rbl_reason:why not} $$sender_domain} }',
    [
      [from(20), '550 5.7.1 203.0.113.20: because good.test'],
      [from(21), '550 5.7.1 203.0.113.21: why not good.test'],
    ],
    given,
  )
})

test('DNS lists are asked together, and a dead or crazy one is passed over', async () => {
  const asked: string[] = []
  const zone = {
    '20.113.0.203.crazy.test': { A: ['127.0.0.2'] },
    '1.0.0.127.crazy.test': { A: ['127.0.0.2'] },
    '2.0.0.127.crazy.test': { A: ['127.0.0.2'] },
    '20.113.0.203.dead.test': { A: ['127.0.0.2'] },
    '20.113.0.203.good.test': { A: ['127.0.0.2'] },
    '2.0.0.127.good.test': { A: ['127.0.0.2'] },
  }
  const lists = (names: string[]): string =>
    `smtpd_client_restrictions = ${names.map((n) => `reject_rbl_client ${n}.test`).join(' ')}`
  const given = { zone, asked }
  await rcpt(`dnsbl_self_test = yes\n${lists(['crazy', 'dead'])}`, [[{ address: '203.0.113.20' }, 'OK']], given)
  const blocked = '554 5.7.1 Service unavailable; Client host [203.0.113.20] blocked using good.test'
  asked.length = 0
  await rcpt(
    `dnsbl_self_test = yes\n${lists(['crazy', 'dead', 'good'])}`,
    [[{ address: '203.0.113.20' }, blocked]],
    given,
  )
  assert.ok(asked.indexOf('20.113.0.203.good.test A') < 9, 'all lists are asked before any answer is awaited')
})

test('answerPattern() reads filters', () => {
  assert.equal(answerPattern('127.0.0.[2;4..8]')?.('127.0.0.5'), true)
  assert.equal(answerPattern('127.0.0.[2;4..8]')?.('127.0.0.3'), false)
  assert.equal(answerPattern('127.0.[0..255].2')?.('127.0.77.2'), true)
  for (const bad of ['127.0.0', '127.0.0.[2', '127.0.0.300', 'x', '127.0.0.[5..2]', '127.0..2'])
    assert.equal(answerPattern(bad), undefined, bad)
})

test('refusals held back change permission and refusal', async () => {
  await rcpt('smtpd_client_restrictions = defer_if_permit', [
    [{}, '450 4.7.0 <client.good.test[192.0.2.50]>: Client host rejected: defer_if_permit requested'],
    [{ recipient: 'x@else.test' }, '454 4.7.1 <x@else.test>: Relay access denied'],
  ])
  await rcpt('smtpd_client_restrictions = defer_if_reject, reject', [
    [{}, '450 4.7.0 <client.good.test[192.0.2.50]>: Client host rejected: defer_if_reject requested'],
  ])
  await rcpt('soft_bounce = yes\nsmtpd_client_restrictions = reject', [
    [{}, '454 4.7.1 <client.good.test[192.0.2.50]>: Client host rejected: Access denied'],
  ])
})

test('warn_if_reject only says what would have been', async () => {
  const seen: PostigoEvent[] = []
  const stop = listen((event) => seen.push(event))
  await rcpt('smtpd_client_restrictions = warn_if_reject reject, reject_plaintext_session', [
    [{}, '450 4.7.1 Session encryption is required'],
  ])
  stop()
  const what = seen.filter((e): e is PolicyEvent => e.event === 'policy.action').map((e) => [e.what, e.where, e.text])
  assert.deepEqual(what, [
    ['reject_warning', 'RCPT', '554 5.7.1 <client.good.test[192.0.2.50]>: Client host rejected: Access denied'],
    ['reject', 'RCPT', '450 4.7.1 Session encryption is required'],
  ])
})

test('smtpd_delay_reject decides when lists are asked, and a memory carries over', async () => {
  const cf = `${LOCAL}smtpd_client_restrictions = reject_unknown_client\nsmtpd_helo_restrictions = defer_if_permit\n`
  const late = testPolicy(cf)
  assert.equal(said(await late.connect(facts({ name: '-' }))), 'OK')
  assert.match(said(await late.rcpt(facts({ name: '-' }))), /^450 4\.7\.25/)
  const early = testPolicy(`${cf}smtpd_delay_reject = no\n`)
  assert.match(said(await early.connect(facts({ name: '-' }))), /^450 4\.7\.25/)
  const memory = early.session()
  const session = facts({ facts: { memory } })
  for (const verdict of [await early.connect(session), await early.helo(session), await early.mail(session)])
    assert.equal(said(verdict), 'OK')
  assert.match(said(await early.rcpt(session)), /^450 4\.7\.0 <client\.good\.test>: Helo command rejected/)
})

test('DISCARD ends all further questions about a message', async () => {
  const policy = testPolicy(
    `${LOCAL}smtpd_sender_restrictions = check_sender_access inline:{ {good.test = DISCARD} }\nsmtpd_data_restrictions = reject`,
  )
  const session = facts({ facts: { memory: policy.session() } })
  assert.equal(said(await policy.rcpt(session)), 'OK')
  assert.equal(said(await policy.data(session)), 'OK')
  await policy.mail(session)
  assert.match(said(await policy.data(session)), /^554 5\.7\.1 <DATA>: Data command rejected/)
})

test('DATA, the end of data, ETRN and VRFY have their lists', async () => {
  const policy = testPolicy(`${LOCAL}smtpd_data_restrictions = reject_multi_recipient_bounce
smtpd_end_of_data_restrictions = defer
smtpd_etrn_restrictions = inline:{ {good.test = REJECT} }`)
  const bounce = facts({ sender: '', facts: { recipientCount: 2 } })
  assert.equal(said(await policy.data(bounce)), '550 5.5.3 <DATA>: Data command rejected: Multi-recipient bounce')
  assert.equal(
    said(await policy.endOfData(facts())),
    '450 4.3.2 <END-OF-MESSAGE>: End-of-data rejected: Try again later',
  )
  assert.equal(
    said(await policy.etrn(facts(), 'a.good.test')),
    '554 5.7.1 <a.good.test>: Etrn command rejected: Access denied',
  )
  assert.equal(said(await policy.etrn(facts(), 'else.test')), 'OK')
  assert.equal(said(await policy.vrfy(facts({ recipient: 'usuario' }))), 'OK')
  assert.match(said(await policy.vrfy(facts({ recipient: 'ghost' }))), /^550 5\.1\.1 <ghost>/)
})

test('a full mailbox is said at RCPT', async () => {
  const ports = { mailboxFull: (account: { localPart: string }) => account.localPart === 'voll' }
  const given = { accounts: ['voll', 'leer'], ports }
  await rcpt(
    'alias_maps = inline:{ {both = voll, leer} }',
    [
      [{ recipient: 'voll' }, '452 4.2.2 <voll>: Recipient address rejected: Mailbox full'],
      [{ recipient: 'leer' }, 'OK'],
      [{ recipient: 'both' }, 'OK'],
    ],
    given,
  )
})

test('probes are asked where there are some', async () => {
  const cf = 'smtpd_sender_restrictions = reject_unverified_sender'
  const probe = (status: 'deliverable' | 'undeliverable' | 'deferred' | 'failed') => ({
    ports: { probe: async () => ({ status, text: 'it says' }) },
  })
  await rcpt(cf, [[{}, '450 4.1.0 <ana@good.test>: Sender address rejected: address verification problem']])
  await rcpt(
    cf,
    [[{}, '450 4.1.7 <ana@good.test>: Sender address rejected: unverified address: it says']],
    probe('undeliverable'),
  )
  await rcpt(
    `${cf}\nunverified_sender_reject_code = 550`,
    [[{}, '550 5.1.7 <ana@good.test>: Sender address rejected: undeliverable address: it says']],
    probe('undeliverable'),
  )
  await rcpt(
    cf,
    [[{}, '450 4.1.7 <ana@good.test>: Sender address rejected: unverified address: it says']],
    probe('deferred'),
  )
  await rcpt(cf, [[{}, 'OK']], probe('deliverable'))
})

test('local_header_rewrite_clients', async () => {
  const policy = testPolicy(
    'smtpd_sasl_auth_enable = yes\nmynetworks = 192.0.2.50\nlocal_header_rewrite_clients = permit_mynetworks, permit_sasl_authenticated',
  )
  assert.equal(await policy.rewritesHeaders(facts()), true)
  assert.equal(await policy.rewritesHeaders(facts({ address: '198.51.100.1' })), false)
  assert.equal(await policy.rewritesHeaders(facts({ address: '198.51.100.1', login: 'ana' })), true)
})

test('the path tells what was asked and found', async () => {
  const policy = testPolicy(
    `${LOCAL}smtpd_client_restrictions = permit_mynetworks, check_client_access inline:{ {good.test = REJECT} }\nmynetworks = 10.0.0.1`,
  )
  const { path } = await policy.rcpt(facts())
  assert.deepEqual(
    path.map((p) => `${p.rule} ${p.answer}`),
    ['smtpd_client_restrictions ', 'permit_mynetworks dunno', 'access REJECT', 'check_client_access reject'],
  )
})

test('any octets from clients and any list get a verdict, never a crash', async () => {
  const word = fc.constantFrom(
    'permit',
    'reject_unknown_client',
    'reject_rbl_client',
    'bl.test',
    'check_sender_access',
    'inline:{{good.test=OK}}',
    'warn_if_reject',
    'defer_if_reject',
    'x',
    '{',
    '}',
    'reject_unverified_recipient',
    'permit_mx_backup',
    'reject_sender_login_mismatch',
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(word, { maxLength: 6 }),
      fc.string(),
      fc.string(),
      fc.string(),
      async (list, helo, sender, recipient) => {
        const policy = testPolicy(`${LOCAL}smtpd_recipient_restrictions = ${list.join(' ')}`)
        const { reply } = await policy.rcpt(facts({ helo, sender, recipient }))
        if (reply !== undefined)
          assert.ok(reply.code >= 400 && reply.code < 600 && !/\p{Cc}/u.test(reply.lines.join('')))
      },
    ),
    { numRuns: 300 },
  )
})
