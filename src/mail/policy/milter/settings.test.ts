import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeRegistry, parseConfig } from '../../../io/config/mod.ts'
import { defaultAction, misconfigured } from './default-action.ts'
import { macroDefaults, macroValues } from './macros.ts'
import { milterParams } from './params.ts'
import { offerOf, unknownTo } from './protocol.ts'
import { replyOf } from './reply-code.ts'
import { milterServices, type MilterSettings, placeOf } from './service.ts'

const settings = (mainCf = ''): MilterSettings =>
  parseConfig(`mail_name = Mail\nmyhostname = here.test\n${mainCf}`, makeRegistry(milterParams)).bind(milterParams)

test('each milter has the settings of main.cf or its own', () => {
  const cf = settings(
    'milter_connect_timeout = 5s\nmilter_command_timeout = 6s\nmilter_content_timeout = 7s\nmilter_default_action = accept\nmilter_protocol = 4',
  )
  const [plain, own, empty, wrong, unknown] = milterServices(
    'inet:localhost:8891, { unix:run/milter, command_timeout=1m, {default_action = reject}, protocol=2 } {} { inet:a:1, content_timeout=x } { inet:a:1, colour=red }',
    cf,
  )
  assert.deepEqual(plain, {
    name: 'inet:localhost:8891',
    connectTimeoutMs: 5000,
    commandTimeoutMs: 6000,
    contentTimeoutMs: 7000,
    protocol: '4',
    defaultAction: 'accept',
  })
  assert.deepEqual(own, {
    ...plain,
    name: 'unix:run/milter',
    commandTimeoutMs: 60_000,
    defaultAction: 'reject',
    protocol: '2',
  })
  assert.equal(empty?.fault, 'empty milter definition: "{}"')
  assert.equal(wrong?.fault, 'bad milter content_timeout: x')
  assert.equal(unknown?.fault, 'unknown milter parameter: "colour"')
})

test('a milter listens at a host and port, with brackets or none, or at a socket', () => {
  const place = (name: string): unknown => placeOf({ name } as Parameters<typeof placeOf>[0], '/var/spool/mail') // only its name is read
  assert.deepEqual(place('inet:localhost:8891'), { address: 'localhost', port: 8891 })
  assert.deepEqual(place('inet:[::1]:8891'), { address: '::1', port: 8891 })
  assert.deepEqual(place('inet:8891'), { address: 'localhost', port: 8891 })
  assert.deepEqual(place('inet:127.0.0.1:smtp'), { address: '127.0.0.1', port: 25 })
  assert.deepEqual(place('unix:opendkim/opendkim.sock'), { path: '/var/spool/mail/opendkim/opendkim.sock' })
  assert.deepEqual(place('local:/no/such'), { path: '/no/such' })
  assert.equal(place('localhost'), 'Milter service needs transport:endpoint instead of "localhost"')
  assert.equal(place('tcp:localhost:1'), 'invalid transport name: tcp in Milter service: tcp:localhost:1')
})

test('a version of the protocol says which events there are', () => {
  const table: readonly [string, string | number][] = [
    ['6', 0],
    ['4', 0],
    ['3', 0x200],
    ['2', 0x300],
    ['6, no_header_reply', 0],
    ['5', 'bad protocol information: 5'],
    ['2 3', 'bad protocol information: 3'],
    ['no_header_reply', 'no protocol version information'],
    ['', 'no protocol version information'],
  ]
  for (const [setting, expected] of table) {
    const offer = offerOf(setting)
    assert.equal(typeof offer === 'string' ? offer : offer.unknownEvents, expected, setting)
  }
  assert.deepEqual([6, 5, 4, 3, 2, 1].map(unknownTo), [0, 0, 0, 0x200, 0x300, undefined])
})

test('a reply that a milter makes up is a refusal in SMTP’s form, or none', () => {
  const table: readonly [string, string | undefined][] = [
    ['550 5.7.1 no\0', '550 5.7.1 no'],
    ['550 no status', '550  no status'],
    ['451-4.7.1 one\r\n451 4.7.1 two\0', '451 4.7.1 one|two'],
    ['554 5.7.1 100%% sure, %s\0', '554 5.7.1 100% sure, s'],
    ['550 5.7.1 one\r\nno code\0', '550 5.7.1 one|no code'],
    ['250 2.0.0 fine\0', undefined],
    ['550 4.7.1 neither\0', undefined],
    ['5xx', undefined],
    ['', undefined],
  ]
  for (const [text, expected] of table) {
    const reply = replyOf(Buffer.from(text))
    const shown = reply && `${reply.code} ${reply.enhanced ?? ''} ${reply.lines.join('|')}`
    assert.equal(shown, expected, text)
  }
})

test('what is done where a milter cannot be asked', () => {
  const said = (verdict: ReturnType<typeof defaultAction>): unknown =>
    typeof verdict === 'object' && verdict.action === 'reject'
      ? verdict.reply.code
      : typeof verdict === 'object'
        ? verdict.action
        : verdict
  const words = ['accept', 'Reject', 'tempfail', 'quarantine', 'shutdown', 'panic']
  assert.deepEqual(
    words.map((word) => said(defaultAction(word))),
    [undefined, 550, 451, 'hold', 421, 'unknown'],
  )
  assert.deepEqual(
    words.map((word) => said(misconfigured(word))),
    [undefined, 451, 451, 'hold', 451, 451],
  )
})

test('macros have the value of the session, else that of milter_macro_defaults', async () => {
  const defaults = macroDefaults('{auth_type = none}, j=never {two words=x} broken')
  assert.deepEqual(
    await macroValues(
      ['j', '{auth_type}', '{i}', 'i', '{none}'],
      (name) => ({ '{j}': 'host', '{i}': 'Q1' })[name],
      defaults,
    ),
    ['j', 'host', '{auth_type}', 'none', '{i}', 'Q1', 'i', 'Q1'],
  )
})
