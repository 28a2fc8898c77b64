/** Commands as clients write them: addresses, parameters, order, limits. */
import type { Step } from '../player.ts'
import type { Session } from '../world.ts'
import { ADDRESSES, ETRN, MAIL_PARAMETERS, NAMES, RCPT_PARAMETERS, VRFY, XCLIENT, XFORWARD } from './words.ts'

const HELLO = 'EHLO client.example.test'
const MAIL = 'MAIL FROM:<a@known.test>'
const RCPT = 'RCPT TO:<rcpt@local.test>'

const SEQUENCES: Readonly<Record<string, readonly Step[]>> = {
  'MAIL without HELO': [MAIL, RCPT],
  'RCPT before MAIL': [HELLO, RCPT],
  'DATA before MAIL': [HELLO, 'DATA'],
  'DATA before RCPT': [HELLO, MAIL, 'DATA'],
  'DATA with words': [HELLO, MAIL, RCPT, 'DATA x'],
  'nested MAIL': [HELLO, MAIL, MAIL],
  'EHLO in a transaction': [HELLO, MAIL, HELLO, RCPT],
  'HELO in a transaction': [HELLO, MAIL, 'HELO x.test', RCPT],
  'HELO then MAIL with parameters': ['HELO x.test', 'MAIL FROM:<a@known.test> SIZE=1 BODY=8BITMIME'],
  RSET: [HELLO, MAIL, 'RSET', RCPT, 'RSET x'],
  NOOP: [HELLO, 'NOOP', 'NOOP with words'],
  HELP: [HELLO, 'HELP', 'HELP MAIL'],
  QUIT: [HELLO, 'QUIT x'],
  'QUIT again': [HELLO, 'QUIT', 'NOOP'],
  'unknown commands': [
    HELLO,
    'FOO',
    'FOO BAR',
    'TURN',
    'EXPN a',
    'SEND FROM:<a@b>',
    'SAML FROM:<a@b>',
    'XFOO',
    '',
    ' ',
    'mail from:<a@b.test>',
  ],
  'lower case': [
    'ehlo client.test',
    'mail from:<a@known.test>',
    'rcpt to:<rcpt@local.test>',
    'data',
    { content: 'x: y\r\n\r\nz' },
    'quit',
  ],
  'forbidden GET': [HELLO, 'GET / HTTP/1.0', 'NOOP'],
  'forbidden CONNECT': [HELLO, 'CONNECT x', 'NOOP'],
  'a header field': [HELLO, 'Subject: x', 'NOOP'],
  'STARTTLS that is not there': [HELLO, 'STARTTLS', 'STARTTLS x'],
  'AUTH that is not there': [HELLO, 'AUTH', 'AUTH PLAIN', 'AUTH PLAIN AGEAYg=='],
  'ETRN in a transaction': [HELLO, MAIL, 'ETRN relay.test'],
  'VRFY in a transaction': [HELLO, MAIL, 'VRFY rcpt', RCPT],
  'a whole message': [HELLO, MAIL, RCPT, 'DATA', { content: 'Subject: x\r\n\r\ny' }, RCPT, MAIL, RCPT, 'QUIT'],
  'an empty message': [HELLO, MAIL, RCPT, 'DATA', { content: '' }, 'QUIT'],
  'too big by SIZE': [HELLO, `${MAIL} SIZE=10240001`, RCPT],
  'a long line': [HELLO, `NOOP ${'x'.repeat(1000)}`, `MAIL FROM:<${'x'.repeat(900)}@a.test>`],
  'BDAT whole': [HELLO, MAIL, RCPT, 'BDAT 0 LAST', RCPT],
  'BDAT with wrong words': [HELLO, MAIL, RCPT, 'BDAT', 'BDAT x', 'BDAT 1 FIRST', 'BDAT -1'],
  'BDAT before RCPT': [HELLO, MAIL, 'BDAT 0', 'BDAT 0 LAST'],
  'DATA after BDAT': [HELLO, MAIL, RCPT, 'BDAT 0', 'DATA', RCPT, 'BDAT 0 LAST'],
  'MAIL syntax': [
    HELLO,
    'MAIL',
    'MAIL FROM',
    'MAIL FROM:',
    'MAIL FROM <a@b.test>',
    'MAIL FROM : <a@b.test>',
    'MAIL TO:<a@b.test>',
    'MAILFROM:<a@b.test>',
    'MAIL  FROM:<a@b.test>',
  ],
  'RCPT syntax': [
    HELLO,
    MAIL,
    'RCPT',
    'RCPT TO',
    'RCPT TO:',
    'RCPT TO <rcpt@local.test>',
    'RCPT TO : <rcpt@local.test>',
    'RCPT FROM:<rcpt@local.test>',
    'RCPT TO:<>',
    'RCPT  TO:<rcpt@local.test>',
  ],
  'the same recipient twice': [HELLO, MAIL, RCPT, RCPT, 'DATA', { content: 'x: y\r\n\r\nz' }],
  'UTF-8 declared': [
    HELLO,
    'MAIL FROM:<a@ñandú.test> SMTPUTF8',
    'RCPT TO:<a@ñandú.test>',
    'RCPT TO:<josé@local.test>',
    'RSET',
    'MAIL FROM:<a@ñandú.test> FOO=BAR',
    'MAIL FROM:<a b> FOO=BAR',
    'MAIL FROM:<a b> SIZE=99999999999',
    'MAIL FROM:<a@known.test>',
    'RCPT TO:<a b> FOO=BAR',
    'VRFY a@ñandú.test SMTPUTF8',
  ],
  'after a refused chunk': [
    HELLO,
    MAIL,
    RCPT,
    'BDAT 0',
    'VRFY rcpt',
    'ETRN relay.test',
    MAIL,
    RCPT,
    'DATA',
    'BDAT 0',
    'RSET',
    MAIL,
  ],
  'BDAT before MAIL': [HELLO, 'BDAT 0 LAST', 'BDAT 0', 'DATA', MAIL, RCPT, 'BDAT 0 LAST'],
  'XFORWARD without right': [HELLO, 'XFORWARD NAME=x', 'XFORWARD'],
  'XCLIENT again': [HELLO, 'XCLIENT ADDR=192.0.2.9'],
}

/** Listener settings under which the same commands read otherwise. */
const SETTINGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  defaults: {},
  strict: {
    strict_rfc821_envelopes: 'yes',
    smtpd_helo_required: 'yes',
    disable_vrfy_command: 'yes',
    smtpd_discard_ehlo_keywords: 'dsn, etrn, chunking, silent-discard',
  },
  ascii: {
    smtputf8_enable: 'no',
    message_size_limit: '0',
    allow_min_user: 'yes',
    smtpd_noop_commands: 'FOO',
    smtpd_forbidden_commands: '',
  },
  utf8: {
    strict_smtputf8: 'yes',
    smtpd_reject_unlisted_recipient: 'no',
    smtpd_reject_unlisted_sender: 'yes',
    allow_untrusted_routing: 'yes',
    resolve_null_domain: 'yes',
  },
}

const RIGHTS = { smtpd_authorized_verp_clients: '192.0.2.0/24', smtpd_authorized_xforward_hosts: '192.0.2.0/24' }

function commands(setting: string, overrides: Readonly<Record<string, string>>): Session[] {
  const session = (name: string, steps: readonly Step[]): Session => ({ name: `${setting}: ${name}`, overrides, steps })
  return [
    ...ADDRESSES.map((path) =>
      session(`path ${path.slice(0, 60)} ${path.length}`, [
        HELLO,
        `MAIL FROM:${path}`,
        'RSET',
        MAIL,
        `RCPT TO:${path}`,
      ]),
    ),
    ...VRFY.map((words) => session(`VRFY ${words}`, [HELLO, `VRFY ${words}`])),
    ...ETRN.map((words) => session(`ETRN ${words}`, [HELLO, `ETRN ${words}`])),
    ...NAMES.map((words) => session(`HELO ${words.slice(0, 60)}`, [`HELO ${words}`, `EHLO ${words}`, MAIL])),
    ...MAIL_PARAMETERS.map((words) => session(`MAIL ${words}`, [HELLO, `${MAIL} ${words}`, RCPT])),
    ...RCPT_PARAMETERS.map((words) => session(`RCPT ${words}`, [HELLO, MAIL, `${RCPT} ${words}`])),
    ...Object.entries(SEQUENCES).map(([name, steps]) => session(name, steps)),
  ]
}

export function syntaxSessions(): Session[] {
  return [
    ...Object.entries(SETTINGS).flatMap(([name, overrides]) => commands(name, { ...RIGHTS, ...overrides })),
    ...XFORWARD.map((words) => ({
      name: `XFORWARD ${words.slice(0, 60)}`,
      overrides: RIGHTS,
      steps: [HELLO, `XFORWARD ${words}`, MAIL, 'XFORWARD NAME=x'],
    })),
    ...XCLIENT.map((words) => ({
      name: `XCLIENT ${words}`,
      client: '',
      overrides: { ...RIGHTS, smtpd_client_restrictions: 'reject_unknown_client_hostname' },
      steps: ['EHLO x.test', `XCLIENT ${words}`, MAIL, RCPT, 'EHLO x.test', MAIL, RCPT, 'XCLIENT NAME=y'],
    })),
  ]
}
