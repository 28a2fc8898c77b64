/** What the SMTP and LMTP clients make of a message: each parameter, by a transport of its own that sets it. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { startServer, type TestServer } from '../support/server.ts'
import { type Sink, startSink } from '../support/sink.ts'
import { transcript } from '../support/transcript.ts'

const LIMIT_MS = 10_000

type Overrides = Readonly<Record<string, string>>

interface Case {
  readonly name: string
  /** By their smtp_ names. */
  readonly set?: Overrides
  readonly offers?: readonly string[]
  /** `flags=…` in master.cf. */
  readonly flags?: string
  /** `@RCPT@` is the recipient. */
  readonly message: readonly string[]
  /** What stands in MAIL and RCPT. */
  readonly envelope?: RegExp
  /** What of the content came. */
  readonly content?: RegExp
  /** The log's line of the delivery; sent where it is missing. */
  readonly log?: RegExp
}

const EIGHT = ['Content-Transfer-Encoding: 8bit', '', 'caf\u00e9', '.dot', '..']
const ALL = ['8BITMIME', 'SIZE 1000000']
const DEEP = Array.from({ length: 103 }, (_, i) => [
  `Content-Type: multipart/mixed; boundary=b${i}`,
  '',
  `--b${i}`,
]).flat()

const CASES: readonly Case[] = [
  {
    name: 'as it is',
    offers: ALL,
    message: EIGHT,
    envelope: /^MAIL FROM:<ana@here\.test> SIZE=\d+ BODY=8BITMIME$/m,
    content: /Encoding: 8bit\r\n\r\ncaf\xc3\xa9\r\n\.\.dot\r\n\.\.\.$/,
  },
  {
    name: 'no 8BITMIME is offered',
    offers: ['SIZE 1000000'],
    message: ['X-First: 1', ...EIGHT],
    envelope: /^MAIL FROM:<ana@here\.test>$/m,
    content: /X-First: 1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=C3=A9\r\n\.\.dot\r\n\.\.\.$/,
  },
  {
    name: 'SMTPUTF8 stands for 8BITMIME',
    offers: ['SMTPUTF8'],
    message: EIGHT,
    envelope: /^MAIL FROM:<ana@here\.test> BODY=8BITMIME$/m,
    content: /caf\xc3\xa9/,
  },
  {
    name: 'reports are the next server’s to make, about the address that was given',
    offers: ['DSN'],
    message: ['', 'y'],
    envelope: /^RCPT TO:<rcpt@case\d+\.test> ORCPT=rfc822;rcpt@case\d+\.test$/m,
  },
  {
    name: 'disable_mime_output_conversion',
    set: { disable_mime_output_conversion: 'yes' },
    message: EIGHT,
    content: /\ncaf\xc3\xa9/,
  },
  {
    name: 'too deep to be converted',
    message: ['Content-Transfer-Encoding: 8bit', ...DEEP, '', 'x'],
    log: /dsn=5\.6\.0, status=bounced \(MIME nesting exceeds safety limit\)/,
  },
  {
    name: 'smtp_generic_maps',
    set: { smtp_generic_maps: 'inline:{ ana@here.test=a@world.test }', propagate_unmatched_extensions: 'canonical' },
    message: ['From: Ana <ana@here.test>', 'Cc: ana+x@here.test', 'Subject: ana@here.test', '', 'ana@here.test'],
    envelope: /^MAIL FROM:<a@world\.test>/m,
    content: /From: Ana <a@world\.test>\r\nCc: a@world\.test\r\nSubject: ana@here\.test\r\n[^]*\r\nana@here\.test$/,
  },
  {
    name: 'propagate_unmatched_extensions',
    set: { smtp_generic_maps: 'inline:{ ana@here.test=a@world.test }', propagate_unmatched_extensions: 'generic' },
    message: ['Cc: ana+x@here.test', '', ''],
    content: /Cc: a\+x@world\.test\r\n/,
  },
  {
    name: 'recipients are mapped too',
    set: { smtp_generic_maps: 'regexp:{ { /^rcpt(.*)@.*/ r@far.test } }' },
    message: ['', 'x'],
    envelope: /^RCPT TO:<r@far\.test>$/m,
  },
  {
    name: 'a generic table that cannot be asked',
    set: { smtp_generic_maps: 'hash:/nowhere/generic' },
    message: ['', 'x'],
    log: /dsn=4\.3\.0, status=deferred \(local data error while talking to 127\.0\.0\.1\[127\.0\.0\.1\]\)/,
  },
  {
    name: 'smtp_header_checks',
    set: { smtp_header_checks: 'pcre:{ { /^Received:/ IGNORE } { /^Subject: (.*)/ REPLACE Subject: [out] $$1 } }' },
    message: ['Subject: hi', '', 'Subject: body'],
    content: /^(?!Received)[^]*Subject: \[out\] hi\r\n[^]*\r\nSubject: body$/,
  },
  {
    name: 'smtp_mime_header_checks',
    set: { smtp_mime_header_checks: 'pcre:{ { /^Content-Type: text.plain/ PREPEND X-Seen: yes } }' },
    message: ['Content-Type: multipart/mixed; boundary=b', '', '--b', 'Content-Type: text/plain', '', 'x', '--b--'],
    content: /--b\r\nX-Seen: yes\r\nContent-Type: text\/plain/,
  },
  {
    name: 'smtp_nested_header_checks',
    set: { smtp_nested_header_checks: 'pcre:{ { /^X-Secret:/ STRIP } }' },
    message: ['X-Secret: outer', 'Content-Type: message/rfc822', '', 'X-Secret: inner', 'Subject: x', '', 'y'],
    content: /X-Secret: outer\r\n[^]*\r\n\r\nSubject: x\r\n/,
  },
  {
    name: 'smtp_body_checks',
    set: { smtp_body_checks: 'pcre:{ { /^secret/ REPLACE (gone) } { /^x/ REJECT no } }' },
    message: ['Subject: secret', '', 'secret word', 'x'],
    content: /Subject: secret\r\n[^]*\r\n\(gone\)\r\nx$/,
  },
  {
    name: 'a body table that cannot be asked',
    set: { smtp_body_checks: 'hash:/nowhere/body' },
    message: ['', 'x'],
    log: /dsn=4\.3\.0, status=deferred \(local data error while talking to 127\.0\.0\.1\[127\.0\.0\.1\]\)/,
  },
  {
    name: 'smtp_line_length_limit',
    message: ['', 'y'.repeat(999)],
    content: /\r\n\r\ny{998}\r\n y$/,
  },
  {
    name: 'smtp_line_length_limit is 20',
    set: { smtp_line_length_limit: '20' },
    message: ['', 'abcdefghijklmnopqrstuvwxyz'],
    content: /\r\n\r\nabcdefghijklmnopqrst\r\n uvwxyz$/,
  },
  {
    name: 'flags=DOR',
    flags: 'flags=DOR',
    set: { smtp_generic_maps: 'inline:{ ana@here.test=a@world.test }' },
    message: ['Subject: x', '', 'y'],
    content:
      /^Return-Path: <a@world\.test>\r\nX-Original-To: rcpt@case\d+\.test\r\nDelivered-To: rcpt@case\d+\.test\r\nReceived: /,
  },
  {
    name: 'flags=D and a loop',
    flags: 'flags=DX',
    message: ['Delivered-To: @RCPT@', '', 'y'],
    log: /dsn=5\.4\.6, status=bounced \(mail forwarding loop for rcpt@case\d+\.test\)/,
  },
  {
    name: 'flags that are none',
    flags: 'flags=Z',
    message: ['', 'y'],
    log: /dsn=4\.3\.0, status=deferred \(unknown mail transport error\)/,
  },
  {
    name: 'smtp_line_length_limit is 0',
    set: { smtp_line_length_limit: '0' },
    message: ['', 'y'.repeat(1500)],
    content: /\r\n\r\ny{1500}$/,
  },
]

const lmtpName = (name: string): string => name.replace(/^smtp_/, 'lmtp_')

async function until<T>(what: string, look: () => T | undefined, server: TestServer): Promise<T> {
  const end = Date.now() + LIMIT_MS
  for (;;) {
    const found = look()
    if (found !== undefined) return found
    if (Date.now() > end) assert.fail(`not within ${LIMIT_MS} ms: ${what}; log:\n${server.log()}`)
    await new Promise((wake) => setTimeout(wake, 20))
  }
}

async function send(server: TestServer, recipient: string, message: readonly string[]): Promise<void> {
  const content = message.map((line) => `C: ${line.startsWith('.') ? '.' : ''}${line}`)
  const rcpt = [`C: RCPT TO:<${recipient}>`, 'S: 250 2.1.5 Ok']
  const dialogue = [
    'S: 220 …',
    'C: HELO client.test',
    'S: 250 …',
    'C: MAIL FROM:<ana@here.test>',
    'S: 250 2.1.0 Ok',
    ...rcpt,
  ]
  await transcript(
    server.port('smtp'),
    [
      ...dialogue,
      'C: DATA',
      'S: 354 …',
      ...content,
      'C: .',
      'S: 250 2.0.0 Ok: queued as …',
      'C: QUIT',
      'S: 221 2.0.0 Bye',
    ].join('\n'),
  )
}

for (const protocol of ['smtp', 'lmtp'] as const)
  test(`${protocol}: parameters of what is sent`, async (t: TestContext) => {
    const sinks = new Map<string, Sink>()
    for (const { offers = [] } of CASES)
      if (!sinks.has(offers.join())) sinks.set(offers.join(), await startSink(t, { offers }))
    const transports = CASES.map(({ set = {}, flags = '' }, i) => {
      const words = Object.entries(set).map(
        ([name, value]) => ` -o { ${protocol === 'smtp' ? name : lmtpName(name)} = ${value} }`,
      )
      return `case${i} unix - - n - - ${protocol}${words.join('')} ${flags}\n`
    })
    const routes = CASES.map(({ offers = [] }, i) => {
      const port = sinks.get(offers.join())?.port
      return `{ case${i}.test = case${i}:${protocol === 'lmtp' ? 'inet:' : ''}[127.0.0.1]:${port} }`
    })
    const server = await startServer(t, {
      mainCf: `mynetworks = 127.0.0.0/8\nlocal_header_rewrite_clients =\nrecipient_delimiter = +\ntransport_maps = inline:{ ${routes.join(' ')} }\n`,
      files: { 'master.cf': `smtp inet n - n - - smtpd\n${transports.join('')}` },
    })
    for (const [i, one] of CASES.entries())
      await t.test(one.name, async () => {
        const rcpt = `rcpt@case${i}.test`
        await send(server, rcpt, [`X-Case: ${i}.`, ...one.message.map((line) => line.replace('@RCPT@', rcpt))])
        const line = await until(
          'a result',
          () => new RegExp(`to=<rcpt@case${i}\\.test>.*status=.*`).exec(server.log())?.[0],
          server,
        )
        assert.match(line, one.log ?? /status=sent/)
        const sink = sinks.get((one.offers ?? []).join())
        if (one.log !== undefined) return
        const content = sink?.contents.find((text) => text.includes(`X-Case: ${i}.\r\n`))
        assert.match(content ?? '', one.content ?? /^/)
        const said = sink?.heard.find(
          (session) =>
            session.some((word) => word.includes(`case${i}.test`)) || one.envelope?.test(session.join('\n')) === true,
        )
        assert.match(said?.join('\n') ?? '', one.envelope ?? /^/)
      })
  })

test('what comes in as 8-bit goes on as that, or is made 7-bit at once', async (t) => {
  const table: readonly (readonly [string, readonly string[], RegExp, RegExp])[] = [
    ['', EIGHT, / BODY=8BITMIME$/m, /caf\xc3\xa9/],
    ['detect_8bit_encoding_header = no\n', EIGHT, /^MAIL FROM:<ana@here\.test>$/m, /caf\xc3\xa9/],
    [
      'disable_mime_input_processing = yes\n',
      ['Content-Type: message/rfc822', '', ...EIGHT],
      /^MAIL FROM:<ana@here\.test>$/m,
      /caf\xc3\xa9/,
    ],
    ['', ['Content-Type: message/rfc822', '', ...EIGHT], / BODY=8BITMIME$/m, /caf\xc3\xa9/],
    [
      'force_mime_input_conversion = yes\n',
      EIGHT,
      /^MAIL FROM:<ana@here\.test>$/m,
      /quoted-printable\r\n\r\ncaf=C3=A9/,
    ],
  ]
  for (const [mainCf, message, envelope, content] of table)
    await t.test(mainCf, async (sub) => {
      const sink = await startSink(sub, { offers: ['8BITMIME'] })
      const common = `mynetworks = 127.0.0.0/8\nlocal_header_rewrite_clients =\nrelayhost = [127.0.0.1]:${sink.port}\n`
      const server = await startServer(sub, { mainCf: common + mainCf })
      await send(server, 'rcpt@far.test', message)
      await until('the message', () => sink.contents[0], server)
      assert.match(sink.heard.flat().join('\n'), envelope)
      assert.match(sink.contents[0] ?? '', content)
    })
})
