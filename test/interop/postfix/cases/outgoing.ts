/** What smtp(8) and lmtp(8) make of a message on its way out: checks, generic addresses, 7-bit, line lengths. */
import type { Session, World } from '../world.ts'

const lines = (...all: readonly string[]): string => all.join('\r\n')

/** Messages by name: header and body, less the field that names the session. */
const MESSAGES: Readonly<Record<string, string>> = {
  plain: lines(
    'From: gen@known.test',
    'To: "A B" <gen+ext@known.test>, x@other.test',
    'Subject: plain',
    '',
    'text',
    '.dot',
    '..',
  ),
  'without a body': lines('From: a@known.test', 'Subject: none'),
  'long lines': lines(
    `Subject: ${'s'.repeat(200)}`,
    `X-Long: ${'word '.repeat(300)}end`,
    '',
    'x'.repeat(998),
    'y'.repeat(999),
    'z'.repeat(5000),
    `.${'d'.repeat(998)}`,
    'end',
  ),
  'eight bits that are not announced': lines('Subject: raw', '', 'gr\u00fc\u00dfe', 'a = b'),
  'eight bits': lines(
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    'Subject: eight',
    '',
    'gr\u00fc\u00dfe = x',
    `${'\u00e9'.repeat(60)}`,
    'blank at the end ',
    'tab at the end\t',
    '',
    '.',
    'z'.repeat(3000),
    'From here on',
  ),
  'a multipart': lines(
    'MIME-Version: 1.0',
    'Content-Transfer-Encoding: 8bit',
    'Content-Type: multipart/mixed; boundary="b"',
    'Subject: parts',
    '',
    'pr\u00e9amble',
    '--b',
    'Content-Type: text/plain',
    'Content-Transfer-Encoding: 8bit',
    'X-Part: one',
    '',
    '\u00e9t\u00e9',
    '--b',
    'Content-Type: text/html',
    '',
    'not announced \u00e9',
    '--b',
    'Content-Type: message/rfc822',
    'Content-Transfer-Encoding: 8bit',
    '',
    'Subject: inner',
    'X-Inner: yes',
    'Content-Transfer-Encoding: binary',
    'Content-Type: multipart/alternative; boundary=c',
    '',
    '--c',
    'Content-Transfer-Encoding: 8BIT',
    '',
    'd\u00e9p\u00f4t',
    '--c--',
    'between',
    '--b',
    'Content-Type: application/octet-stream',
    'Content-Transfer-Encoding: base64',
    '',
    'AAAA',
    '--b--',
    'epilogue \u00e9',
  ),
  'message types that are not looked into': lines(
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; boundary=r',
    '',
    '--r',
    'Content-Type: message/delivery-status',
    'Content-Transfer-Encoding: 8bit',
    '',
    'Reporting-MTA: dns; caf\u00e9',
    '--r',
    'Content-Type: message/partial',
    'Content-Transfer-Encoding: 8bit',
    '',
    'part \u00e9',
    '--r--',
  ),
  'a digest': lines(
    'MIME-Version: 1.0',
    'Content-Type: multipart/digest; boundary=d',
    'Content-Transfer-Encoding: 8bit',
    '',
    '--d',
    '',
    'Subject: first',
    'Content-Transfer-Encoding: 8bit',
    '',
    'un \u00e9t\u00e9',
    '--d--',
  ),
}

const ASCII_HEADER = lines('Subject: ascii', 'Content-Transfer-Encoding: 8bit', '', '\u00e9t\u00e9')

/** Sent with SMTPUTF8, whether they need it or not. */
const INTERNATIONAL: readonly (readonly [name: string, message: string, content: string])[] = [
  ['asis', 'SMTPUTF8 for nothing', ASCII_HEADER],
  ['seven', 'SMTPUTF8 for nothing', ASCII_HEADER],
  ['raw', 'SMTPUTF8 for nothing', ASCII_HEADER],
  ['asis', 'SMTPUTF8 for a field', lines('Subject: \u00e9t\u00e9', '', 'text')],
]

/** What is asked for of reports. */
const DSN: readonly (readonly [message: string, mail: string, rcpt: string, to: string])[] = [
  ['nothing', '', '', 'rcpt'],
  ['all', ' RET=HDRS ENVID=a+2Bb+3Dc', ' NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x+2By@z.test', 'rcpt'],
  ['never', ' RET=FULL', ' NOTIFY=NEVER', 'rcpt'],
  ['failures, in another order', '', ' NOTIFY=DELAY,FAILURE', 'rcpt'],
  ['another type of address', '', ' ORCPT=x400;a+3Db', 'rcpt'],
  ['a quoted recipient', '', '', '"a b"'],
  ['an alias', '', '', 'alias'],
  ['an alias, and success', '', ' NOTIFY=SUCCESS,FAILURE', 'alias'],
]

const NO_8BIT = { smtp_discard_ehlo_keywords: '8bitmime, smtputf8, silent-discard' }
const CHECKS = {
  smtp_header_checks: 'pcre:$config_directory/header',
  smtp_mime_header_checks: 'pcre:$config_directory/mime',
  smtp_nested_header_checks: 'pcre:$config_directory/nested',
  smtp_body_checks: 'pcre:$config_directory/body',
}

const CASES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  asis: {},
  generic: {
    smtp_generic_maps: 'texthash:$config_directory/generic',
    propagate_unmatched_extensions: 'generic',
  },
  checks: CHECKS,
  bodies: { smtp_body_checks: 'pcre:$config_directory/body' },
  short: { smtp_line_length_limit: '60' },
  unlimited: { smtp_line_length_limit: '0' },
  seven: NO_8BIT,
  raw: { ...NO_8BIT, disable_mime_output_conversion: 'yes' },
  flagged: {
    smtp_generic_maps: 'texthash:$config_directory/generic',
    smtp_header_checks: 'pcre:$config_directory/header',
  },
  sevenchecks: { ...NO_8BIT, ...CHECKS, smtp_line_length_limit: '60' },
}

const FILES: Readonly<Record<string, string>> = {
  generic: 'gen@known.test g.mapped@generic.test\n',
  header:
    '/^Delivered-To:/ PREPEND X-Delivered: seen\n/^Subject: (.*)/ REPLACE Subject: [out] $1\n/^X-Long:/ PREPEND X-Before: this\n/^Received:/ INFO seen\n/^Content-Transfer/ PREPEND X-Encoding: seen\n',
  mime: '/^X-Part:/ IGNORE\n/^Content-Type: text.html/ WARN html\n/^Content-Transfer-Encoding/ PREPEND X-Mime: seen\n',
  nested:
    '/^X-Inner/ STRIP gone\n/^Subject: inner/ REPLACE Subject: [nested] inner\n/^Content-Transfer/ PREPEND X-Nested: seen\n',
  body: '/^text/ REPLACE another text\n/^end/ PREPEND above the end\n/=E9|\\xc3\\xa9/ WARN accents\n/^AAAA/ IGNORE\n/^blank/ DUNNO\n/^between/ STRIP\n',
}

const PROGRAMS = ['smtp', 'lmtp'] as const

function transport(
  name: string,
  program: (typeof PROGRAMS)[number],
  overrides: Readonly<Record<string, string>>,
): string {
  const twin = (parameter: string): string =>
    parameter.replace(/^smtp_/, 'lmtp_').replace('lmtp_discard_ehlo', 'lmtp_discard_lhlo')
  const words = Object.entries(overrides).map(
    ([parameter, value]) => ` -o { ${program === 'smtp' ? parameter : twin(parameter)} = ${value} }`,
  )
  const flags = name === 'flagged' ? ' flags=DORX' : ''
  return `${name}${program} unix - - n - - ${program}${words.join('')}${flags}\n`
}

function session(name: string, to: string, content: string, parameters = '', rcpt = ''): Session {
  return {
    name,
    steps: [
      'EHLO client.example.test',
      `MAIL FROM:<gen+s@known.test>${parameters}`,
      `RCPT TO:<${to}>${rcpt}`,
      'DATA',
      { content: `X-Session: ${name}\r\n${content}`.replace(/^\./gm, '..') },
      'QUIT',
    ],
  }
}

export const outgoing: World = {
  name: 'outgoing',
  mainCf: `
recipient_delimiter = +
mydestination = local.test
smtpd_relay_restrictions = permit_auth_destination, check_recipient_access static:OK, reject_unauth_destination
transport_maps = hash:$config_directory/transport
virtual_alias_maps = inline:{ {alias@asis.smtp = other@asis.smtp} {alias@asis.lmtp = other@asis.lmtp} }
flaggedsmtp_destination_recipient_limit = 1
flaggedlmtp_destination_recipient_limit = 1
`,
  files: {
    ...FILES,
    transport: PROGRAMS.flatMap((program) =>
      Object.keys(CASES).map(
        (name) => `${name}.${program} ${name}${program}:${program === 'lmtp' ? 'inet:' : ''}@SINK@\n`,
      ),
    ).join(''),
  },
  indexed: ['hash:transport'],
  sink: 'whole',
  masterCf: PROGRAMS.flatMap((program) =>
    Object.entries(CASES).map(([name, overrides]) => transport(name, program, overrides)),
  ).join(''),
  sessions: PROGRAMS.flatMap((program) => [
    ...Object.keys(CASES).flatMap((name) =>
      Object.entries(MESSAGES).map(([message, content]) =>
        session(`${name} ${program}, ${message}`, `rcpt@${name}.${program}`, content),
      ),
    ),
    ...DSN.map(([message, parameters, rcpt, to]) =>
      session(`dsn ${program}, ${message}`, `${to}@asis.${program}`, 'Subject: dsn\r\n\r\n', parameters, rcpt),
    ),
    // Postfix asks for SMTPUTF8 of new connections alone: what happens to mail that needs it depends on the one it finds.
    ...INTERNATIONAL.map(([name, message, content]) =>
      session(`${name} ${program}, ${message}`, `rcpt@${name}.${program}`, content, ' SMTPUTF8 BODY=8BITMIME'),
    ),
  ]),
}
