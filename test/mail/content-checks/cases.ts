/**
 * Messages and the checks that they meet, for Postfix (record.ts) and for Postigo (content-checks.test.ts). A field
 * `X-Do: ACTION` and a body line `do: ACTION` carry out the action they name.
 */

export interface Group {
  readonly name: string
  /** The -o settings of its cleanup service. */
  readonly cleanup: readonly string[]
  /** The -o settings of its listener. */
  readonly listener?: readonly string[]
  /** Messages by name, in lines; `«n»` repeats what stands before it on the line n times, `\xNN` is an octet. */
  readonly cases: Readonly<Record<string, string>>
}

const PLAIN = `From: a@remote.test
To: b@remote.test
Subject: plain
Date: Tue, 24 Nov 2026 09:00:00 +0000
Message-Id: <1@remote.test>
`

/** A plain message with such a field and such a body. */
const field = (line: string): string => `${PLAIN}${line}\n\nbody\n`
const body = (lines: string): string => `${PLAIN}\n${lines}\n`

const HEADER_DO = 'header_checks=pcre:{ { /^X-Do: (.*)$$/s $$1 } { /^X-Empty:/ } }'
const BODY_DO = 'body_checks=pcre:{ { /^do: (.*)$$/ $$1 } }'
/** Every key that the lists are asked for is logged, with the list's name. */
const SEEN = [
  'header_checks=pcre:{ { !/^(Received|From: a@|To: b@|Subject: plain|Date: Tue|Message-Id: <1@)/ WARN header } }',
  'mime_header_checks=pcre:{ { /./ WARN mime } }',
  'nested_header_checks=pcre:{ { /./ WARN nested } }',
  'body_checks=pcre:{ { /./ WARN body } }',
]

const MULTIPART = `${PLAIN}MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="=one="

preamble
--=one=
Content-Type: text/plain; name="a.exe"
X-Part: here

text
--=one=
Content-Type: message/rfc822

Subject: enclosed
X-Do: in the enclosed message
Content-Type: multipart/alternative; boundary=two

--two

no fields
--two
Content-Transfer-Encoding: base64
Content-Disposition: attachment;
\tfilename="evil.exe"

TVqQAAMAAAAEAAAA//8AALgAAAAA
--two--
epilogue of two
--=one=--
epilogue
`

export const groups: readonly Group[] = [
  {
    name: 'actions on a field',
    cleanup: [HEADER_DO],
    cases: Object.fromEntries(
      [
        'REJECT',
        'REJECT go away',
        'reject 5.7.9 lower case',
        'REJECT 4.7.1 later',
        'REJECT 2.0.0 wrong class',
        'REJECT $5 costs',
        'DISCARD',
        'DISCARD not wanted',
        'HOLD',
        'HOLD look at it',
        'FILTER',
        'FILTER nonsense',
        'FILTER smtp:[127.0.0.1]:9',
        'REDIRECT',
        'REDIRECT nobody',
        'REDIRECT c@remote.test',
        'BCC',
        'BCC d@remote.test',
        'PREPEND',
        'PREPEND no field',
        'PREPEND X-New: before',
        'PREPEND X-New : blank before the colon',
        'REPLACE',
        'REPLACE no field',
        'REPLACE X-New: instead',
        'REPLACE Bcc: dropped later',
        'STRIP',
        'STRIP because',
        'IGNORE',
        'IGNORE with text',
        'WARN',
        'WARN careful',
        'INFO',
        'INFO for the log',
        'PASS',
        'PASS trusted',
        'DUNNO',
        'OK',
        'OK with text',
        'DELAY 5m',
        'ACCEPT',
        '550 5.7.1 no',
        'WARN\ttab between',
      ].map((action) => [action, field(`X-Do: ${action}`)]),
    ),
  },
  {
    name: 'several actions',
    cleanup: [HEADER_DO, BODY_DO],
    cases: {
      'REJECT ends all checks': `${PLAIN}X-Do: REJECT one\nX-Do: WARN two\n\ndo: WARN three\n`,
      'DISCARD ends all checks': `${PLAIN}X-Do: DISCARD\nX-Do: REJECT two\n\ndo: REJECT three\n`,
      'PASS ends all checks': `${PLAIN}X-Do: PASS\nX-Do: REJECT two\n\ndo: REJECT three\n`,
      'REDIRECT ends all checks': `${PLAIN}X-Do: REDIRECT c@remote.test\nX-Do: WARN two\n\ndo: WARN three\n`,
      'HOLD is told once': `${PLAIN}X-Do: HOLD\nX-Do: HOLD again\nX-Do: WARN\n\nx\n`,
      'FILTER is told twice': `${PLAIN}X-Do: FILTER smtp:a\nX-Do: FILTER smtp:b\n\nx\n`,
      'BCC adds each': `${PLAIN}X-Do: BCC c@remote.test\nX-Do: BCC d@remote.test\n\nx\n`,
      'an empty result': `${PLAIN}X-Empty: 1\n\nx\n`,
      'a rejected body': body('one\ndo: REJECT in the body\ndo: WARN later'),
      'text before a later REJECT': body('do: PREPEND first\nline\ndo: REJECT 4.3.2 busy'),
    },
  },
  {
    name: 'actions on a body line',
    cleanup: [BODY_DO],
    cases: Object.fromEntries(
      [
        'REJECT',
        'REJECT 5.6.0 no',
        'DISCARD',
        'HOLD',
        'PREPEND not a field',
        'PREPEND',
        'REPLACE anything',
        'REPLACE',
        'STRIP',
        'IGNORE',
        'WARN',
        'FILTER smtp:x',
        'REDIRECT c@remote.test',
        'BCC d@remote.test',
        'NONSENSE',
      ].map((action) => [action, body(`before\ndo: ${action}\nafter`)]),
    ),
  },
  {
    name: 'what is asked for',
    cleanup: SEEN,
    cases: {
      'a plain message': `${PLAIN}\nbody\n\nlast\n`,
      'folded fields': `${PLAIN}X-Folded: one\n two\n\tthree\n\nx\n`,
      'a folded empty line': `${PLAIN}X-Folded: one\n \n two\n\nx\n`,
      'a blank before the colon': `${PLAIN}X-Blank : one\n\nx\n`,
      'encoded words stay': `${PLAIN}Subject: =?utf-8?B?w7E=?=\n\nx\n`,
      'octets above ASCII': `${PLAIN}X-Utf8: \\xC3\\xB1\n\n\\xC3\\xA1\n`,
      'a header without a body': `From: a@remote.test\nMessage-Id: <1@remote.test>\nSubject: alone\n`,
      'a body without a header': `\nonly a body\n`,
      'a line that is no field': `${PLAIN}this is no field\nX-Late: no field either\n\nx\n`,
      'a byte order mark': `\\xEF\\xBB\\xBFFrom: a@remote.test\nSubject: x\n\nx\n`,
      'an mbox line': `From a@remote.test Tue Nov 24\nSubject: x\nMessage-Id: <1@remote.test>\n\nx\n`,
      'a continuation first': ` lost\nSubject: x\n\nx\n`,
      'an empty field': `${PLAIN}X-Nothing:\nX-Blank: \n\nx\n`,
      'a name with odd characters': `${PLAIN}X!#$%&'*+-.^_\`|~/()<>@,;[]: odd\n\nx\n`,
      'a multipart message': MULTIPART,
      'a digest': `${PLAIN}Content-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: in a digest\n\nx\n--d\nContent-Type: text/plain\n\ny\n--d\nContent-Type: application/x\n\nz: 1\n--d--\n`,
      'message/partial': `${PLAIN}Content-Type: message/partial; id=1\n\nSubject: part\n\nx\n`,
      'message/global': `${PLAIN}Content-Type: message/global\n\nSubject: part\n\nx\n`,
      'message/rfc822 in base64': `${PLAIN}Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeAo=\n`,
      'message/global in base64': `${PLAIN}Content-Type: message/global\nContent-Transfer-Encoding: base64\n\nx: y\n\nz\n`,
      'a long line of 2049': body('x«2049»'),
      'an enclosed message without fields': `${PLAIN}Content-Type: message/rfc822\n\nno field\nX-A: 1\n\nx\n`,
      'two boundaries': `${PLAIN}Content-Type: multipart/mixed; boundary=a; boundary=b\n\n--b\nX-B: 1\n\n--a\nX-A: 1\n\nx\n`,
      'a quoted boundary with a backslash': `${PLAIN}Content-Type: multipart/mixed; boundary="a\\"b"\n\n--a"b\nX-A: 1\n\nx\n--a"b--\n`,
      'comments in Content-Type': `${PLAIN}Content-Type: (c) multipart (d) / mixed (e) ; (f) boundary (g) = (h) a (i)\n\n--a\nX-A: 1\n\nx\n`,
      'a boundary begins another': `${PLAIN}Content-Type: multipart/mixed; boundary=ab\n\n--abc\nX-A: 1\n\nx\n--a\nX-B: 1\n--ab--x\nX-C: 1\n`,
      'blanks after a boundary': `${PLAIN}Content-Type: multipart/mixed; boundary=a\n\n--a  \nX-A: 1\n\nx\n --a\nX-B: 1\n`,
      'no boundary': `${PLAIN}Content-Type: multipart/mixed\n\n--a\nX-A: 1\n\nx\n`,
      'Content-Type twice': `${PLAIN}Content-Type: multipart/mixed; boundary=a\nContent-Type: text/plain\n\n--a\nX-A: 1\n\nx\n`,
      'a folded boundary': `${PLAIN}Content-Type: multipart/mixed;\n boundary=\n\ta\n\n--a\nX-A: 1\n\nx\n`,
      'a boundary that never ends': `${PLAIN}Content-Type: multipart/mixed; boundary=a\n\n--a\nX-A: 1`,
      'an unclosed quote': `${PLAIN}Content-Type: multipart/mixed; boundary="a\n\n--a\nX-A: 1\n\nx\n`,
      'a long line of 2046': body('x«2046»'),
      'a long line of 2047': body('x«2047»'),
      'a long line of 2048': body('x«2048»'),
      'a long line of 5000': body('x«5000»'),
      'a long field': `${PLAIN}X-Long: x«5000»\n\nx\n`,
      'a boundary in a long line': `${PLAIN}Content-Type: multipart/mixed; boundary=a\n\nx«2048»--a\nX-A: 1\n\nx\n`,
      'a long boundary line': `${PLAIN}Content-Type: multipart/mixed; boundary=a\n\n--ax«2050»: y\nX-A: 1\n\nx\n`,
    },
  },
  {
    name: 'limits',
    cleanup: [
      ...SEEN,
      'header_size_limit=64',
      'body_checks_size_limit=20',
      'mime_nesting_limit=2',
      'mime_boundary_length_limit=3',
    ],
    cases: {
      'a field in long lines': `${PLAIN}X-Long: x«50»\n y«50»\n z«50»\nX-After: 1\n\nx\n`,
      'a field in one line': `${PLAIN}X-Long: x«5000»\n\nx\n`,
      'body lines up to the limit': body('123456789\n123456789\nnot looked at\nnor this'),
      'the limit is of each part': `${PLAIN}Content-Type: multipart/mixed; boundary=a\n\npreamble 1\npreamble 2\npreamble 3\n--a\n\npart line 1\npart line 2\npart line 3\n--a--\nepilogue\n`,
      'nesting at the limit': `${PLAIN}Content-Type: multipart/a; boundary=a\n\n--a\nContent-Type: multipart/b; boundary=b\n\n--b\nContent-Type: multipart/c; boundary=c\n\n--c\nX-A: 1\n\nx\n`,
      'nesting one deeper': `${PLAIN}Content-Type: multipart/a; boundary=a\n\n--a\nContent-Type: multipart/b; boundary=b\n\n--b\nContent-Type: multipart/c; boundary=c\n\n--c\nContent-Type: multipart/d; boundary=d\n\n--d\nX-A: 1\n\nx\n`,
      'nesting beyond the limit': `${PLAIN}Content-Type: multipart/a; boundary=a\n\n--a\nContent-Type: multipart/b; boundary=b\n\n--b\nContent-Type: multipart/c; boundary=c\n\n--c\nContent-Type: multipart/d; boundary=d\n\n--d\nContent-Type: multipart/e; boundary=e\n\n--e\nX-A: 1\n\nx\n`,
      'a boundary longer than compared': `${PLAIN}Content-Type: multipart/mixed; boundary=abcdef\n\n--abcXYZ\nX-A: 1\n\nx\n--abc--\nX-B: 1\n`,
    },
  },
  {
    name: 'without MIME',
    cleanup: [...SEEN, 'disable_mime_input_processing=yes'],
    cases: { 'a multipart message': MULTIPART },
  },
  {
    name: 'strict about MIME',
    cleanup: ['strict_8bitmime=yes', 'strict_mime_encoding_domain=yes'],
    cases: {
      'ASCII passes': body('plain'),
      'a field above ASCII': `${PLAIN}X-Utf8: \\xC3\\xB1\n\nx\n`,
      'a body above ASCII': body('\\xC3\\xB1'),
      'both, header first': `${PLAIN}X-Utf8: \\xC3\\xB1\n\n\\xC3\\xB1\n`,
      'a body declared 8bit': `${PLAIN}Content-Transfer-Encoding: 8bit\n\n\\xC3\\xB1\n`,
      'a body declared base64': `${PLAIN}Content-Transfer-Encoding: base64\n\n\\xC3\\xB1\n`,
      'multipart in base64': `${PLAIN}Content-Type: multipart/mixed; boundary=a\nContent-Transfer-Encoding: base64\n\nx\n`,
      'message/rfc822 in quoted-printable': `${PLAIN}Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\nSubject: x\n\nx\n`,
      'message/partial in 8bit': `${PLAIN}Content-Type: message/partial\nContent-Transfer-Encoding: 8bit\n\nx\n`,
      'message/global in base64': `${PLAIN}Content-Type: message/global\nContent-Transfer-Encoding: base64\n\nx: y\n`,
      'message/other in base64': `${PLAIN}Content-Type: message/other\nContent-Transfer-Encoding: base64\n\nx\n`,
      'text in base64': `${PLAIN}Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\nx\n`,
    },
  },
  {
    name: 'only a 7-bit header',
    cleanup: ['strict_7bit_headers=yes'],
    cases: { 'a field above ASCII': `${PLAIN}X-A: \\xC3\\xA1\n\nx\n`, 'a body above ASCII': body('\\xC3\\xA1') },
  },
  {
    name: 'only a declared body',
    cleanup: ['strict_8bitmime_body=yes'],
    cases: { 'a field above ASCII': `${PLAIN}X-A: \\xC3\\xA1\n\nx\n`, 'a body above ASCII': body('\\xC3\\xA1') },
  },
  {
    name: 'trace fields',
    cleanup: ['header_checks=pcre:{ { /^Received: from.*client/s WARN ours } { /^Received:.*other/s IGNORE } }'],
    cases: {
      'Received is asked for too': `Received: from other by host; Tue, 24 Nov 2026 09:00:00 +0000\n${PLAIN}\nx\n`,
    },
  },
  {
    name: 'no checks for a listener',
    cleanup: [
      HEADER_DO,
      BODY_DO,
      'strict_8bitmime=yes',
      'message_reject_characters=\\001',
      'message_strip_characters=\\002',
    ],
    listener: ['receive_override_options=no_header_body_checks'],
    cases: { 'nothing is looked at': `${PLAIN}X-Do: REJECT\nX-A: \\xC3\\xA1\n\ndo: REJECT\n\\x01\\x02x\n` },
  },
  {
    name: 'characters',
    cleanup: ['message_reject_characters=\\001\\a', 'message_strip_characters=\\002', HEADER_DO],
    cases: {
      'a rejected one in the body': body('a\\x01b'),
      'a rejected one in a field': `${PLAIN}X-Bell: a\\x07b\n\nx\n`,
      'a stripped one': `${PLAIN}X-\\x02Do: WARN\n\nx\\x02y\n`,
    },
  },
  {
    name: 'a table that cannot be asked',
    cleanup: ['header_checks=hash:$config_directory/missing'],
    cases: { 'a plain message': body('x') },
  },
  {
    name: 'a fixed table',
    cleanup: ['header_checks=static:{WARN static}'],
    cases: { 'it answers for every field': `Subject: x\n\nx\n` },
  },
  {
    name: 'hops',
    cleanup: ['hopcount_limit=3'],
    cases: {
      'below the limit': `Received: 1\n${PLAIN}\nx\n`,
      'at the limit': `Received: 1\nReceived: 2\n${PLAIN}\nx\n`,
      'beyond the limit': `Received: 1\nReceived: 2\nReceived: 3\n${PLAIN}\nx\n`,
    },
  },
  {
    name: 'completion',
    cleanup: ['always_add_missing_headers=yes', 'undisclosed_recipients_header=To: undisclosed-recipients:;'],
    cases: {
      'all is missing': `Subject: x\n\nx\n`,
      'a Bcc is dropped and no recipient': `Bcc: b@remote.test\nContent-Length: 3\nReturn-Path: <x>\n\nx\n`,
      'resent fields are missing': `${PLAIN}Resent-To: x@remote.test\n\nx\n`,
      'Message-Id is empty': `Message-Id:\nDate:\nFrom:\nTo:\n\nx\n`,
      'Apparently-To is no recipient field': `Apparently-To: b@remote.test\n\nx\n`,
    },
  },
  {
    name: 'completion of what strangers send',
    cleanup: ['undisclosed_recipients_header=To: undisclosed-recipients:;', 'message_drop_headers=X-Drop'],
    cases: { 'nothing is added': `Subject: x\nX-Drop: 1\nBcc: b@remote.test\n\nx\n` },
  },
  {
    name: 'copies',
    cleanup: [
      'always_bcc=c@remote.test',
      'sender_bcc_maps=inline:{a@remote.test=d@remote.test}',
      'recipient_bcc_maps=inline:{b@remote.test=e@remote.test}',
    ],
    cases: { 'always, by sender and by recipient': body('x') },
  },
  {
    name: 'no address mappings',
    cleanup: [
      'always_bcc=c@remote.test',
      'canonical_maps=inline:{b@remote.test=f@remote.test}',
      'virtual_alias_maps=inline:{b@remote.test=g@remote.test}',
    ],
    listener: ['receive_override_options=no_address_mappings'],
    cases: { 'nothing is mapped': body('x') },
  },
  {
    name: 'address mappings of one cleanup service',
    cleanup: ['virtual_alias_maps=inline:{b@remote.test=g@remote.test}'],
    cases: { 'the alias is taken': body('x') },
  },
  {
    name: 'tokens of address fields',
    cleanup: ['header_address_token_limit=10'],
    listener: ['local_header_rewrite_clients=static:all'],
    cases: {
      'fewer than the limit': `${PLAIN}Cc: a@x.test\n\nx\n`,
      'more than the limit': `${PLAIN}Cc: a@x.test, b@y.test, c@z.test\n\nx\n`,
      'a name in quotes is one': `${PLAIN}Cc: "a b c d e f g h i j k" <a@x.test>\n\nx\n`,
      'a cut inside an address': `${PLAIN}Cc: a@x.test, bbbb@y.test, c@z.test, d@x.test\n\nx\n`,
    },
  },
]
