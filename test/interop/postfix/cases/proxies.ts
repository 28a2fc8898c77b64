/** smtpd_proxy_filter: every reply of a filter at every point of the dialogue, every way for it to fail. */
import { type FilterMood, type FilterPoint, type FilterSays, XFORWARD_ALL } from '../../../support/smtp-filter.ts'
import type { Step } from '../player.ts'
import type { Session, World } from '../world.ts'

const POINTS = {
  mail: 'MAIL',
  rcpt: 'RCPT',
  data: 'DATA',
  content: 'content',
  end: '.',
} as const satisfies Record<string, FilterPoint>

const REPLIES: Readonly<Record<string, FilterSays>> = {
  ok: '250 2.0.0 fine',
  bare: '250',
  go: '354 go',
  later: '450 4.7.1 later',
  no: '550 5.7.1 no',
  plain: '554 plain',
  bye: '421 4.7.0 bye',
  multi: '550-5.7.1 one\n550 5.7.1 two',
  'multi-ok': '250-2.0.0 one\n250 2.0.0 two',
  control: '550 5.7.1 a\x01b\x7fc',
  eightbit: '550 5.7.1 gr\xfc\xdfe',
  long: `550 5.7.1 ${'x'.repeat(3000)}`,
  odd: '199 what',
  die: 'die',
  silent: 'silent',
}

/** `point-what.sN@…` says what to do. */
const answer: NonNullable<FilterMood['answer']> = (point, sender) => {
  const [, name = '', what = ''] = /^([a-z]+)-([a-z-]+)\.s\d+@/.exec(sender) ?? []
  const chosen: FilterPoint | undefined = POINTS[name as keyof typeof POINTS] // undefined for others
  return chosen === point ? REPLIES[what] : undefined
}

const at =
  (where: FilterPoint, says: FilterSays): NonNullable<FilterMood['answer']> =>
  (point) =>
    point === where ? says : undefined

/** Filters by what they offer, and by how they fail before MAIL. */
export const FILTERS: Readonly<Record<string, FilterMood>> = {
  ALL: { answer },
  NONE: { answer, offers: [] },
  SOME: { answer, offers: ['SIZE', 'XFORWARD NAME addr Bogus', 'DSN'] },
  TWICE: { answer, offers: ['xforward IDENT', `${XFORWARD_ALL} `, 'XFORWARDS NAME'] },
  SOURCE: { answer, offers: ['XFORWARD SOURCE PROTO'] },
  ...Object.fromEntries(
    (['connect', 'EHLO', 'XFORWARD'] as const).flatMap((point) =>
      ['later', 'no', 'go', 'bye', 'multi', 'garbage', 'die', 'silent', 'odd', 'long'].map((what) => [
        `${point.toUpperCase()}_${what.toUpperCase()}`,
        { answer: at(point, what === 'garbage' ? 'who are you\n250 2.0.0 Ok' : REPLIES[what]) },
      ]),
    ),
  ),
}

const CONTENT = 'Subject: hi\r\nTo: a\r\n\r\n..body\r\n..two\r\nlast'

let count = 0

function session(
  name: string,
  filter: string,
  more: {
    readonly overrides?: Session['overrides']
    readonly steps?: (sender: string) => readonly Step[]
    client?: string
  } = {},
): Session {
  const sender = `${name}.s${++count}@sender.test`
  const steps = more.steps?.(sender) ?? [
    'EHLO client.example.test',
    `mail from:<${sender}>  SIZE=100`,
    'RCPT TO:<a@example.org> NOTIFY=NEVER',
    'Rcpt To:  <b@example.org>',
    'DATA',
    { content: CONTENT },
    'RSET',
    'QUIT',
  ]
  return {
    name: `${sender} ${filter}`,
    overrides: { smtpd_proxy_filter: `127.0.0.1:@${filter}@`, ...more.overrides },
    steps,
    ...(more.client !== undefined && { client: more.client }),
  }
}

const SPEED = { smtpd_proxy_options: 'speed_adjust' }

function dialogue(sender: string, helo = 'EHLO client.example.test'): readonly Step[] {
  return [helo, `MAIL FROM:<${sender}>`, 'RCPT TO:<a@example.org>', 'DATA', { content: CONTENT }, 'QUIT']
}

function sessions(): Session[] {
  const list: Session[] = []
  for (const [suffix, overrides] of [
    ['', {}],
    ['-speed', SPEED],
  ] as const) {
    for (const point of Object.keys(POINTS))
      for (const what of Object.keys(REPLIES)) {
        if (point === 'content' && what !== 'die' && what !== 'silent') continue
        list.push(session(`${point}-${what}`, 'ALL', { overrides }))
      }
    for (const name of Object.keys(FILTERS)) list.push(session(`usual${suffix}`, name, { overrides }))
    list.push(
      session('away', 'CLOSED', { overrides }),
      session('helo', 'ALL', { overrides, steps: (sender) => dialogue(sender, 'HELO client.example.test') }),
      session('nohelo', 'ALL', { overrides, steps: (sender) => dialogue(sender, 'NOOP') }),
      session('null', 'ALL', { overrides, steps: () => dialogue('') }),
      session('unknown', 'ALL', { overrides, client: 'ADDR=192.0.2.9 NAME=[UNAVAILABLE] PORT=[UNAVAILABLE]' }),
      session('six', 'ALL', { overrides, client: 'ADDR=IPv6:2001:db8::7 NAME=six.example.test PORT=1' }),
      session('local', 'ALL', { overrides, client: 'ADDR=198.51.100.7 NAME=l.example.test' }),
      session('early', 'ALL', { overrides: { ...overrides, smtpd_delay_open_until_valid_rcpt: 'no' } }),
      session('early', 'CLOSED', { overrides: { ...overrides, smtpd_delay_open_until_valid_rcpt: 'no' } }),
      session('ehlo', 'ALL', { overrides: { ...overrides, smtpd_proxy_ehlo: 'other.example.test' } }),
      session('inet', 'ALL', { overrides: { ...overrides, smtpd_proxy_filter: 'inet:127.0.0.1:@ALL@' } }),
      session('small', 'ALL', {
        overrides: { ...overrides, message_size_limit: '2000' },
        steps: (sender) => [
          ...dialogue(sender).slice(0, 4),
          { content: `Subject: big\r\n\r\n${'line of text\r\n'.repeat(400)}` },
          ...dialogue(sender).slice(1),
        ],
      }),
      session('chunks', 'ALL', {
        overrides,
        steps: (sender) => [
          'EHLO client.example.test',
          `MAIL FROM:<${sender}>`,
          'RCPT TO:<a@example.org>',
          'BDAT 16\r\nSubject: a\r\n\r\n.x',
          'BDAT 6 LAST\r\ny\r\n.',
          'QUIT',
        ],
      }),
      session('eod', 'ALL', {
        overrides: { ...overrides, smtpd_end_of_data_restrictions: 'reject' },
        steps: dialogue,
      }),
      session('nodata', 'ALL', { overrides: { ...overrides, smtpd_data_restrictions: 'reject' }, steps: dialogue }),
      session('prepend', 'ALL', {
        overrides: { ...overrides, smtpd_sender_restrictions: 'check_sender_access static:{PREPEND X-Pre: one}' },
        steps: dialogue,
      }),
      session('hold', 'ALL', {
        overrides: { ...overrides, smtpd_sender_restrictions: 'check_sender_access static:{HOLD it}' },
        steps: dialogue,
      }),
      session('discard', 'ALL', {
        overrides: { ...overrides, smtpd_sender_restrictions: 'check_sender_access static:{DISCARD it}' },
        steps: dialogue,
      }),
      session('refused', 'ALL', {
        overrides,
        steps: (sender) => [
          'EHLO client.example.test',
          `MAIL FROM:<${sender}>`,
          'RCPT TO:<no@refused.test>',
          'DATA',
          'RCPT TO:<a@example.org>',
          'RCPT TO:<no@refused.test>',
          'DATA',
          { content: 'X: y' },
          'RSET',
          `MAIL FROM:<${sender}>`,
          'RSET',
          `MAIL FROM:<${sender}>`,
          'RCPT TO:<a@example.org>',
          'RSET',
          'QUIT',
        ],
      }),
      session('xforward-part', 'ALL', {
        overrides: { ...overrides, smtpd_authorized_xforward_hosts: '127.0.0.0/8' },
        steps: (sender) => ['EHLO client.example.test', 'XFORWARD NAME=first.test', ...dialogue(sender).slice(1)],
      }),
      session('xforward-long', 'ALL', {
        overrides: { ...overrides, smtpd_authorized_xforward_hosts: '127.0.0.0/8' },
        steps: (sender) => [
          'EHLO client.example.test',
          `XFORWARD NAME=${Array.from({ length: 4 }, () => 'n'.repeat(60)).join('.')} HELO=${'h+2B'.repeat(60)} IDENT=${'i'.repeat(200)}`,
          ...dialogue(sender).slice(1),
        ],
      }),
      session('lower', 'ALL', {
        overrides,
        steps: (sender) => [
          'ehlo client.example.test',
          `mail from:${sender}`,
          'rcpt to:a@example.org   ',
          'data',
          { content: CONTENT },
          'quit',
        ],
      }),
      session('redirect', 'ALL', {
        overrides: { ...overrides, smtpd_sender_restrictions: 'check_sender_access static:{REDIRECT x@example.org}' },
        steps: dialogue,
      }),
      session('filter', 'ALL', {
        overrides: { ...overrides, smtpd_sender_restrictions: 'check_sender_access static:{FILTER smtp:x}' },
        steps: dialogue,
      }),
      session('bcc', 'ALL', {
        overrides: { ...overrides, smtpd_sender_restrictions: 'check_sender_access static:{BCC x@example.org}' },
        steps: dialogue,
      }),
      session('unauth', 'ALL', {
        overrides,
        steps: (sender) => [...dialogue(sender).slice(0, 2), 'DATA', 'BDAT 3 LAST\r\nabc', 'QUIT'],
      }),
      session('forwarded', 'ALL', {
        overrides: { ...overrides, smtpd_authorized_xforward_hosts: '127.0.0.0/8' },
        steps: (sender) => [
          'EHLO client.example.test',
          'XFORWARD NAME=first.test ADDR=192.0.2.99 PORT=99 HELO=first.hello IDENT=ABC PROTO=SMTP SOURCE=LOCAL',
          ...dialogue(sender).slice(1),
        ],
      }),
    )
  }
  return list
}

export const proxies: World = {
  name: 'proxies',
  files: {},
  indexed: [],
  mainCf: `
relayhost = @SINK@
smtpd_proxy_timeout = 2s
smtpd_relay_restrictions = check_recipient_access inline:{{refused.test = REJECT}}, check_client_access static:OK, defer_unauth_destination
smtpd_recipient_restrictions =
`,
  sessions: sessions(),
}
