/** Servers in bad moods: what a sink says at each point of the dialogue, for smtp(8) to put into words. */
import type { RawAnswer, SinkMood } from '../../support/sink.ts'

export interface Mood extends SinkMood {
  readonly name: string
  readonly lmtp?: true
  /** The next hop names a second server: another mood, or a port on which nobody listens. */
  readonly second?: SinkMood | 'nobody'
  /** Nobody listens. */
  readonly nobody?: true
  /** There is a password for the server. */
  readonly login?: true
  /** smtp_tls_policy_maps' answer for the server. */
  readonly tls?: string
}

type Answer = string | RawAnswer

const LONG = 'x'.repeat(3000)

/** What may be said in place of any reply. */
const FAULTS: readonly (readonly [name: string, answer: Answer])[] = [
  ['closes', ''],
  ['4xx', '450 4.7.1 try later'],
  ['421', '421 4.3.2 closing down'],
  ['5xx', '550 5.7.1 not you'],
  ['4xx bare', '451 later'],
  ['5xx bare', '554 no'],
  ['several lines', '550-5.1.1 first\n550-5.1.1 second\n550 5.1.1 third'],
  ['several lines, one status', '550-first\n550 5.1.1 second'],
  ['several codes', '450-4.1.1 first\n550 5.1.1 second'],
  ['status of another class', '550 4.1.1 odd'],
  ['status of no class', '450 9.1.1 odd'],
  ['code alone', { raw: '550\r\n' }],
  ['code and blank', { raw: '550 \r\n' }],
  ['1xx', '199 odd'],
  ['3xx', '399 odd'],
  ['6xx', '650 odd'],
  ['000', '000 odd'],
  ['garbage first', { raw: 'hello there\r\n550 5.5.0 no\r\n' }],
  ['garbage and end', { raw: 'hello there\r\n', ends: true }],
  ['half a line', { raw: '550 5.1.', ends: true }],
  ['half a reply', { raw: '550-5.1.1 first\r\n', ends: true }],
  ['bare LF', { raw: '550 5.7.1 no\n' }],
  ['control characters', { raw: '550 5.7.1 a\u0001b\tc\u007f\r\n' }],
  ['octets above ASCII', { raw: '550 5.7.1 caf\u00e9 \u00c3\u00a9\r\n' }],
  ['a long line', `550 5.7.1 ${LONG}`],
  ['many lines', [...Array.from({ length: 100 }, () => `550-5.7.1 ${'y'.repeat(60)}`), '550 5.7.1 end'].join('\n')],
  ['blanks', { raw: '550  5.7.1  two  blanks \r\n' }],
  ['status alone', '550 5.7.1'],
]

const STAGES = ['CONNECT', 'EHLO', 'HELLO', 'MAIL', 'RCPT', 'DATA', '.'] as const

const isAt = (stage: (typeof STAGES)[number], command: string): boolean =>
  stage === 'HELLO'
    ? /^(EHLO|HELO)/.test(command)
    : stage === '.' || stage === 'CONNECT'
      ? command === stage
      : command.startsWith(stage)

/** One fault at one stage; a server that offers PIPELINING and one that does not take turns. */
const faulty = (): Mood[] =>
  STAGES.flatMap((stage) =>
    FAULTS.flatMap(([fault, answer], i) => {
      const mood = (pipelining: boolean): Mood => ({
        name: `${fault} at ${stage}${pipelining ? ', pipelined' : ''}`,
        offers: pipelining ? ['PIPELINING', 'DSN'] : ['SIZE 1000000'],
        answer: (command) => (isAt(stage, command) ? answer : undefined),
      })
      return [mood(i % 2 === 1)]
    }),
  )

const first =
  (answer: Answer): NonNullable<SinkMood['answer']> =>
  (command) =>
    command.startsWith('RCPT TO:<a@') ? answer : undefined

const one =
  (verb: string, answer: Answer): NonNullable<SinkMood['answer']> =>
  (command) =>
    command.startsWith(verb) ? answer : undefined

const single: readonly Mood[] = [
  { name: 'well' },
  { name: 'well, several lines at the end', answer: one('.', '250-2.0.0 first\n250 2.0.0 second') },
  { name: 'well, without status', answer: one('.', '250 queued') },
  { name: 'well, another status', answer: one('.', '250 2.6.0 queued') },
  { name: 'well, 252', answer: one('RCPT', '252 2.1.5 perhaps') },
  { name: 'one of two refused', answer: first('550 5.1.1 unknown') },
  { name: 'one of two refused, pipelined', offers: ['PIPELINING'], answer: first('550 5.1.1 unknown') },
  { name: 'one of two deferred, pipelined', offers: ['PIPELINING'], answer: first('450 4.2.1 later') },
  { name: 'closes at the first RCPT, pipelined', offers: ['PIPELINING'], answer: first('') },
  {
    name: 'MAIL and all behind refused',
    offers: ['PIPELINING'],
    answer: (c) => (/^(MAIL|RCPT|DATA)/.test(c) ? '503 5.5.1 no' : undefined),
  },
  {
    name: 'RCPT refused, DATA too, pipelined',
    offers: ['PIPELINING'],
    answer: (c) => (/^(RCPT|DATA)/.test(c) ? '554 5.5.1 no' : undefined),
  },
  { name: 'RCPT refused, 354 all the same, pipelined', offers: ['PIPELINING'], answer: one('RCPT', '550 5.1.1 no') },
  { name: 'too small', offers: ['SIZE 10'] },
  { name: 'EHLO with 220', answer: (c) => (c.startsWith('EHLO') ? '220 sink.test' : undefined) },
  { name: 'silent at the greeting', answer: one('CONNECT', '…') },
  { name: 'silent at EHLO', answer: one('EHLO', '…') },
  { name: 'silent at MAIL', answer: one('MAIL', '…') },
  { name: 'silent at RCPT', answer: one('RCPT', '…') },
  { name: 'silent at DATA', answer: one('DATA', '…') },
  { name: 'silent at the end', answer: one('.', '…') },
  { name: 'garbage for ever', answer: one('MAIL', { raw: 'hello\r\n' }) },
]

/** Moods in the middle of a message: it matters how large that is. */
export const cutOff: readonly Mood[] = [
  { name: 'hangs up behind 354', answer: one('DATA', { raw: '354 go\r\n', ends: true }) },
  { name: 'breaks off behind 354', answer: one('DATA', { raw: '354 go\r\n', breaks: true }) },
  { name: 'refuses behind 354, and hangs up', answer: one('DATA', { raw: '354 go\r\n552 5.3.4 no\r\n', ends: true }) },
]

const further: readonly Mood[] = [
  { name: 'answers 250 to DATA', answer: one('DATA', '250 2.0.0 ok') },
  { name: 'closes after a good end', answer: one('.', { raw: '250 2.0.0 ok\r\n', ends: true }) },
  { name: 'TLS not offered', tls: 'encrypt' },
  { name: 'TLS refused for now', tls: 'encrypt', offers: ['STARTTLS'], answer: one('STARTTLS', '454 4.7.0 not now') },
  { name: 'TLS refused', tls: 'encrypt', offers: ['STARTTLS'], answer: one('STARTTLS', '502 5.5.1 what?') },
  { name: 'TLS refused bare', tls: 'encrypt', offers: ['STARTTLS'], answer: one('STARTTLS', '554 no') },
  {
    name: 'TLS refused, and not needed',
    tls: 'may',
    offers: ['STARTTLS'],
    answer: one('STARTTLS', '454 4.7.0 not now'),
  },
  { name: 'closes at STARTTLS', tls: 'may', offers: ['STARTTLS'], answer: one('STARTTLS', '') },
  {
    name: 'closes behind the go-ahead',
    tls: 'encrypt',
    offers: ['STARTTLS'],
    answer: one('STARTTLS', { raw: '220 go\r\n', ends: true }),
  },
  { name: 'no TLS behind the go-ahead', tls: 'may', offers: ['STARTTLS'], answer: one('STARTTLS', '220 go') },
  { name: 'AUTH is offered to a stranger', offers: ['AUTH PLAIN'] },
]

const lmtp: readonly Mood[] = (
  [
    { name: 'well, each', answer: one('.', '250 2.1.5 a saved\n250 2.1.5 b saved') },
    { name: 'one full', answer: one('.', '250 2.1.5 a saved\n452 4.2.2 b full') },
    { name: 'one refused', answer: one('.', '550 5.2.0 a no\n250 2.1.5 b saved') },
    { name: 'closes after the first answer', answer: one('.', { raw: '250 2.1.5 a saved\r\n', ends: true }) },
    { name: 'LHLO refused', answer: one('LHLO', '550 5.7.1 no') },
    { name: 'LHLO deferred bare', answer: one('LHLO', '450 no') },
    { name: 'closes at LHLO', answer: one('LHLO', '') },
    { name: 'RCPT refused', answer: one('RCPT', '550 5.1.1 unknown') },
    { name: 'DATA refused', answer: one('DATA', '503 5.5.1 no recipients') },
    { name: 'greets with 5xx', answer: one('CONNECT', '554 5.3.2 no') },
  ] satisfies Mood[]
).map((mood) => ({ ...mood, lmtp: true }))

const auth = (mechanisms: string, name: string, answer?: NonNullable<SinkMood['answer']>): Mood => ({
  name: `log-in: ${name}`,
  login: true,
  offers: [`AUTH ${mechanisms}`],
  ...(answer !== undefined && { answer }),
})

const logins: readonly Mood[] = [
  auth('PLAIN', 'well', one('AUTH', '235 2.7.0 ok')),
  auth('PLAIN', 'well by another code', one('AUTH', '250 ok')),
  auth('PLAIN', 'refused', one('AUTH', '535 5.7.8 wrong password')),
  auth('PLAIN', 'refused bare', one('AUTH', '535 wrong password')),
  auth('PLAIN', 'refused in lines', one('AUTH', '535-5.7.8 wrong\n535 5.7.8 password')),
  auth('PLAIN', 'not now', one('AUTH', '454 4.7.0 later')),
  auth('PLAIN', 'closes', one('AUTH', '')),
  auth('PLAIN', 'silent', one('AUTH', '…')),
  auth('PLAIN', 'asks again', (command) => (/^(AUTH|\w*=*$)/.test(command) ? '334 more' : undefined)),
  auth('GSSAPI', 'nothing that is known'),
  auth('', 'nothing'),
  auth('CRAM-MD5', 'no base64', one('AUTH', '334 ***')),
  auth('CRAM-MD5', 'no challenge', one('AUTH', '334 ')),
  auth('LOGIN', 'refused at the password', (command) =>
    command.startsWith('AUTH')
      ? '334 VXNlcm5hbWU6'
      : /^[\w=]+$/.test(command) && command !== 'DATA' && command !== 'QUIT'
        ? '535 5.7.8 no'
        : undefined,
  ),
  { ...auth('PLAIN', 'not offered'), offers: [] },
]

const WELL: SinkMood = {}

/** On SMTP's own port, of an address that hardly anybody else has. */
const ownPort = { host: `127.0.${1 + (process.pid % 250)}.${1 + (Math.trunc(process.pid / 250) % 250)}`, port: 25 }

const named: readonly Mood[] = [
  { name: 'has our name', listens: ownPort, answer: one('EHLO', '250-mail.example.test\n250 PIPELINING') },
  { name: 'has our name, on another port', answer: one('EHLO', '250-mail.example.test\n250 PIPELINING') },
]

/** What one server refuses, the other may take. */
const twoServers: readonly Mood[] = [
  { name: 'nobody listens', nobody: true },
  { name: 'nobody listens, then nobody', nobody: true, second: 'nobody' },
  { name: 'nobody listens, then well', nobody: true, second: WELL },
  { name: 'well, then nobody', second: 'nobody' },
  { name: 'closes, then well', answer: one('CONNECT', ''), second: WELL },
  { name: 'closes, then nobody', answer: one('CONNECT', ''), second: 'nobody' },
  { name: 'greets 4xx, then nobody', answer: one('CONNECT', '421 4.3.2 no'), second: 'nobody' },
  { name: 'greets 5xx, then well', answer: one('CONNECT', '554 5.3.2 no'), second: WELL },
  { name: 'EHLO 5xx, then well', answer: (c) => (/^(EHLO|HELO)/.test(c) ? '550 5.7.1 no' : undefined), second: WELL },
  {
    name: 'EHLO 4xx, then MAIL 5xx',
    answer: (c) => (/^(EHLO|HELO)/.test(c) ? '450 4.7.1 no' : undefined),
    second: { answer: one('MAIL', '550 5.7.1 no') },
  },
  { name: 'MAIL 4xx, then well', answer: one('MAIL', '450 4.7.1 no'), second: WELL },
  { name: 'MAIL 5xx, then well', answer: one('MAIL', '550 5.7.1 no'), second: WELL },
  { name: 'MAIL 4xx, then nobody', answer: one('MAIL', '450 4.7.1 no'), second: 'nobody' },
  { name: 'one RCPT 4xx, then well', answer: first('450 4.2.1 later'), second: WELL },
  { name: 'one RCPT 4xx, then 5xx', answer: first('450 4.2.1 later'), second: { answer: one('RCPT', '550 5.1.1 no') } },
  { name: 'one RCPT 4xx, then nobody', answer: first('450 4.2.1 later'), second: 'nobody' },
  {
    name: 'one RCPT 5xx, the other 4xx, then well',
    answer: (c) =>
      c.startsWith('RCPT TO:<a@') ? '550 5.1.1 no' : c.startsWith('RCPT') ? '450 4.2.1 later' : undefined,
    second: WELL,
  },
  { name: 'DATA 4xx, then well', answer: one('DATA', '450 4.7.1 no'), second: WELL },
  { name: 'the end 4xx, then well', answer: one('.', '450 4.7.1 no'), second: WELL },
  { name: 'the end 5xx, then well', answer: one('.', '550 5.7.1 no'), second: WELL },
  { name: 'closes at the end, then well', answer: one('.', ''), second: WELL },
  { name: 'closes at RCPT, then closes at MAIL', answer: one('RCPT', ''), second: { answer: one('MAIL', '') } },
  { name: 'too small, then well', offers: ['SIZE 10'], second: WELL },
]

export const moods: readonly Mood[] = [
  ...faulty(),
  ...single,
  ...further,
  ...cutOff,
  ...logins,
  ...twoServers,
  ...named,
  ...lmtp,
]
