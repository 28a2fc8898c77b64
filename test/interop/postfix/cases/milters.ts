/** Milters: every answer at every stage, every way to fail, every modification, every option of the protocol. */
import { indexed, type MilterMood, type MilterSays } from '../../../support/milter.ts'
import type { Step } from '../player.ts'
import type { Session, World } from '../world.ts'

type Settings = Readonly<Record<string, string>>

const STAGES = {
  connect: 'C',
  helo: 'H',
  mail: 'M',
  rcpt: 'R',
  data: 'T',
  header: 'L',
  eoh: 'N',
  body: 'B',
  eom: 'E',
  unknown: 'U',
}
type StageName = keyof typeof STAGES
const stages = Object.keys(STAGES) as StageName[] // the names above

const ANSWERS: Readonly<Record<string, MilterSays>> = {
  continue: [['c']],
  accept: [['a']],
  reject: [['r']],
  tempfail: [['t']],
  discard: [['d']],
  shutdown: [['4']],
  code: [['y', '554 5.7.1 50%% off\0']],
  bare: [['y', '550 no status\0']],
  multi: [['y', '450-4.7.1 one\r\n450 4.7.1 two\0']],
  bye: [['y', '421 4.7.0 bye\0']],
  malformed: [['y', '250 2.0.0 fine\0']],
  mixed: [['y', '550 4.7.1 neither\0']],
  skip: [['s']],
  quarantine: [['q', 'looks odd\0'], ['c']],
  progress: [['p'], ['p'], ['c']],
  data: [['c', 'data that is none']],
  unexpected: [['h', 'X-Early\0yes\0'], ['c']],
  die: 'die',
  rubbish: 'rubbish',
  silent: 'silent',
}

/** What is asked for at the end of a message. */
const EDITS: Readonly<Record<string, MilterSays>> = {
  add: [
    ['h', 'X-One\0first\0'],
    ['h', 'X-Two\0 second \0'],
    ['h', 'X-Folded\0a\n\tb\nc\0'],
    ['h', 'X-Empty\0\0'],
    ['h', 'X-8bit\0gr\xfc\xdfe\0'],
    ['c'],
  ],
  insert: [
    ['i', indexed(0, 'X-Top', 'top')],
    ['i', indexed(1, 'X-Second', 'second')],
    ['i', indexed(3, 'X-Mid', 'mid')],
    ['i', indexed(99, 'X-Last', 'last')],
    ['c'],
  ],
  change: [
    ['m', indexed(1, 'Subject', 'changed')],
    ['m', indexed(2, 'X-Twice', 'second')],
    ['m', indexed(0, 'X-Zero', 'made')],
    ['m', indexed(9, 'To', 'far')],
    ['c'],
  ],
  remove: [['m', indexed(1, 'X-Twice', '')], ['m', indexed(1, 'subject', '')], ['m', indexed(5, 'To', '')], ['c']],
  trace: [
    ['m', indexed(1, 'Received', 'changed')],
    ['i', indexed(0, 'X-Top', 't')],
    ['m', indexed(1, 'Received', '')],
    ['c'],
  ],
  sender: [['e', '<new@sender.test>\0'], ['c']],
  'sender-null': [['e', '<>\0'], ['c']],
  'sender-dsn': [['e', '<new@sender.test>\0RET=HDRS ENVID=abc SIZE=1\0'], ['c']],
  'sender-many': [['e', 'a@x.test, b@x.test\0'], ['c']],
  recipient: [['+', '<more@example.org>\0'], ['+', 'plain@example.org\0'], ['+', '<b@example.org>\0'], ['c']],
  'recipient-dsn': [
    ['2', '<more@example.org>\0NOTIFY=NEVER ORCPT=rfc822;x@y.test FOO=bar NOTIFY=NO\0'],
    ['2', '<bare@example.org>\0'],
    ['c'],
  ],
  'recipient-none': [['+', '<>\0'], ['c']],
  'recipient-gone': [['-', '<a@example.org>\0'], ['c']],
  'recipient-other': [['-', '<A@EXAMPLE.ORG>\0'], ['-', '<nobody@example.org>\0'], ['c']],
  body: [['b', 'new body\r\nsecond'], ['b', ' line\r\n.dot\r\n'], ['c']],
  'body-lf': [['b', 'one\ntwo\r'], ['b', '\nthree'], ['c']],
  'body-empty': [['b', ''], ['c']],
  'body-mixed': [['b', 'one\r\n'], ['h', 'X-After\0yes\0'], ['b', 'two\r\n'], ['c']],
  'bad-index': [['m', indexed(0xffff_ffff, 'Subject', 'x')], ['c']],
  'no-name': [['m', indexed(1, '', 'x')], ['c']],
  'short-packet': [['m', 'abc'], ['c']],
  'no-nul': [['h', 'X-Header'], ['c']],
  'edit-reject': [['h', 'X-One\0first\0'], ['r']],
  'edit-accept': [['h', 'X-One\0first\0'], ['a']],
  'edit-discard': [['h', 'X-One\0first\0'], ['d']],
  'edit-quarantine': [['h', 'X-One\0first\0'], ['q', 'odd\0'], ['c']],
}

/** `stage-answer.sN.example.test` or `edit-name.sN.example.test` says what to do. */
const answer: NonNullable<MilterMood['answer']> = (event, _, client) => {
  const [, stage = '', what = ''] = /^([a-z]+)-([a-z0-9-]+)\.s\d+\.example\.test$/.exec(client) ?? []
  if (stage === 'edit') return event === 'E' ? (EDITS[what] ?? ANSWERS['continue']!) : [['c']]
  return STAGES[stage as StageName] === event ? (ANSWERS[what] ?? [['c']]) : [['c']] // undefined for others
}

/** Milters by the options that they negotiate. */
export const MILTERS: Readonly<Record<string, MilterMood>> = {
  MILTER: { answer },
  SECOND: { answer: (event) => (event === 'E' ? [['h', 'X-Second-Milter\0yes\0'], ['c']] : [['c']]) },
  UNWANTED: { answer, negotiate: (offer) => ({ ...offer, events: 0x37f }) },
  UNANSWERED: { answer, negotiate: (offer) => ({ ...offer, events: 0xff080 }) },
  REFUSED: { answer, negotiate: (offer) => ({ ...offer, events: 1 << 11 }) },
  LEADING: { answer, negotiate: (offer) => ({ ...offer, events: 1 << 20 }) },
  VERSION2: { answer, negotiate: (offer) => ({ ...offer, version: 2, events: 0 }) },
  VERSION3: { answer, negotiate: (offer) => ({ ...offer, version: 3, events: 0 }) },
  VERSION5: { answer, negotiate: (offer) => ({ ...offer, version: 5, events: 0 }) },
  TOO_NEW: { answer, negotiate: (offer) => ({ ...offer, version: 9, events: 0 }) },
  TOO_MUCH: { answer, negotiate: (offer) => ({ ...offer, actions: 0xffff, events: 0 }) },
  OWN_MACROS: {
    answer,
    negotiate: (offer) => ({
      ...offer,
      events: 0,
      macros: [
        [0, 'j {client_ptr}'],
        [3, 'i {rcpt_mailer} {client_addr}'],
        [5, '{auth_type} i'],
      ],
    }),
  },
  NO_HANDSHAKE: { answer: (event) => (event === 'O' ? 'die' : [['c']]) },
  RUBBISH: { answer: (event) => (event === 'O' ? 'rubbish' : [['c']]) },
}

/** Three fields of which two share a name, a dot, a last line without an end. */
const content = (name: string): Step => ({
  content: `Received: from elsewhere by here; Tue, 24 Nov 2026 09:00:00 +0000\r\nX-Test: ${name}\r\nSubject: ${name}\r\nX-Twice: 1\r\nX-Twice:2\r\nTo: a,\r\n\tb\r\n\r\n..body\r\nlast`,
})

function whole(name: string): Step[] {
  return [
    'EHLO client.test',
    'NONSENSE now',
    'MAIL FROM:<a@known.test> SIZE=100 BODY=8BITMIME',
    'RCPT TO:<a@example.org> NOTIFY=NEVER',
    'RCPT TO:<refused@example.org>',
    'RCPT TO: b@example.org',
    'DATA',
    content(name),
    'VRFY someone@local.test',
    'ETRN nowhere.test',
    'MAIL FROM:<>',
    'RCPT TO:<c@example.org>',
    'RSET',
    'HELO again.test',
    'MAIL FROM:<d@known.test>',
    'QUIT',
  ]
}

/** The name that milters know a session's client by. */
export const clientOf = ({ name }: Session): string => `${name.split(' ')[0]}.example.test`

let count = 0
function session(what: string, overrides: Settings = {}): Session {
  const client = `${what}.s${count++}`
  return {
    name: `${client} ${Object.entries(overrides).flat().join('=')}`,
    overrides,
    steps: whole(client),
    client: `ADDR=192.0.2.7 NAME=${client}.example.test REVERSE_NAME=${client}.example.test PORT=4711`,
  }
}

/** What Postfix does otherwise only because it breaks: a panic after accept or discard of no message, mail that a shutdown lets pass. */
function breaksPostfix(stage: StageName, what: string): boolean {
  const inContent = ['header', 'eoh', 'body', 'eom'].includes(stage)
  return (stage === 'unknown' && /^(accept|discard)$/.test(what)) || (inContent && what === 'shutdown')
}

const QUICK: Settings = { milter_command_timeout: '1s', milter_content_timeout: '1s' }

const everyAnswer: Session[] = stages.flatMap((stage) =>
  Object.keys(ANSWERS)
    .filter((what) => !breaksPostfix(stage, what))
    .filter((what) => what !== 'silent' || ['connect', 'rcpt', 'body', 'eom'].includes(stage))
    .map((what) => session(`${stage}-${what}`, what === 'silent' ? QUICK : {})),
)

const everyDefault: Session[] = ['accept', 'reject', 'quarantine', 'bogus'].flatMap((action) =>
  ['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eom'].map((stage) =>
    session(`${stage}-die`, { milter_default_action: action }),
  ),
)

const everyEdit: Session[] = Object.keys(EDITS).map((what) => session(`edit-${what}`))

const everyOption: Session[] = Object.keys(MILTERS)
  .filter((name) => name !== 'MILTER')
  .flatMap((name) => [
    session(`edit-add`, { smtpd_milters: `inet:127.0.0.1:@${name}@` }),
    session(`rcpt-code`, { smtpd_milters: `inet:127.0.0.1:@${name}@` }),
  ])

const settings: readonly Settings[] = [
  { milter_protocol: '2' },
  { milter_protocol: '3' },
  { milter_protocol: '4' },
  { milter_protocol: '6 no_header_reply' },
  { milter_protocol: '5' },
  { milter_protocol: '2 3' },
  { milter_protocol: 'no_header_reply' },
  { smtpd_milters: 'inet:127.0.0.1:1' },
  { smtpd_milters: 'unix:no/such/socket' },
  { smtpd_milters: 'unix:no/such/socket', milter_default_action: 'accept' },
  { smtpd_milters: 'nonsense' },
  { smtpd_milters: 'carrier-pigeon:here' },
  { smtpd_milters: 'inet:127.0.0.1:@MILTER@, inet:127.0.0.1:@SECOND@' },
  { smtpd_milters: '{ inet:127.0.0.1:1, default_action=accept } inet:127.0.0.1:@SECOND@' },
  { smtpd_milters: '{ inet:127.0.0.1:@MILTER@, command_timeout=5s, protocol=4 }' },
  { smtpd_milter_maps: 'inline:{ 192.0.2.7=DISABLE }' },
  { smtpd_milters: '', smtpd_milter_maps: 'inline:{ { 192.0.2.7 = inet:127.0.0.1:@SECOND@ } }' },
  { smtpd_milters: '' },
  { receive_override_options: 'no_milters' },
  { soft_bounce: 'yes' },
  { smtpd_delay_open_until_valid_rcpt: 'no' },
  {
    milter_macro_daemon_name: 'daemon',
    milter_macro_v: 'version',
    milter_connect_macros:
      '{daemon_name} v j _ {daemon_addr} {client_addr} {client_name} {client_ptr} {client_port} {client_resolve} {client_connections}',
  },
  {
    milter_helo_macros: 'j {tls_version}',
    milter_mail_macros: 'i {mail_addr}',
    milter_rcpt_macros: '{rcpt_addr} {mail_addr} {auth_type}',
    milter_data_macros: '{rcpt_addr} {mail_addr} i',
  },
  {
    milter_end_of_header_macros: 'i j {mail_addr} {rcpt_addr}',
    milter_end_of_data_macros: '{i} {client_name} {client_addr} v',
    milter_unknown_command_macros: 'j',
  },
  {
    milter_macro_defaults: '{auth_type = none}, j=never {custom=x}',
    milter_mail_macros: 'j {auth_type} {custom} {other}',
  },
  { always_add_missing_headers: 'yes' },
  { smtpd_data_restrictions: 'check_client_access inline:{ { 192.0.2.7 = prepend X-Prepended: yes } }' },
  { smtpd_data_restrictions: 'check_client_access static:discard' },
  { smtpd_recipient_restrictions: 'check_recipient_access static:discard' },
  { header_checks: 'regexp:{ { /^X-Twice:/ IGNORE } }' },
  { message_size_limit: '600' },
]

const everySetting: Session[] = settings.flatMap((one) => [
  session('edit-add', one),
  session('rcpt-code', one),
  session('edit-body', one),
])

/** Of milter_header_checks, each by a cleanup service of its own. */
const CHECKS = [
  'REJECT',
  'REJECT 4.7.9 later',
  'DISCARD',
  'HOLD',
  'FILTER smtp:@SINK@',
  'REDIRECT else@example.org',
  'WARN',
  'INFO',
  'IGNORE',
  'REPLACE X-Instead: yes',
  'PREPEND X-Before: yes',
  'NONSENSE',
]

const checks: Session[] = CHECKS.flatMap((_, i) => [
  session('edit-add', { cleanup_service_name: `cleanup${i}` }),
  session('edit-change', { cleanup_service_name: `cleanup${i}` }),
])

export const milters: World = {
  name: 'milters',
  mainCf: `
relayhost = @SINK@
smtpd_milters = inet:127.0.0.1:@MILTER@
smtpd_relay_restrictions = check_recipient_access inline:{ { refused@example.org = reject not here } { example.org = OK } }, reject_unauth_destination
smtpd_reject_unlisted_recipient = no
fast_flush_domains =
`,
  masterCf: CHECKS.map(
    (action, i) =>
      `cleanup${i} unix n - n - 0 cleanup\n  -o { milter_header_checks = regexp:{ { /^(X-One|Subject):/ ${action} } } }\n`,
  ).join(''),
  files: {},
  indexed: [],
  sessions: [...everyAnswer, ...everyDefault, ...everyEdit, ...everyOption, ...everySetting, ...checks],
}
