/** Attacks on SMTP, side by side with Debian's Postfix: smuggling, pipelining, and every way to write a recipient that should be relayed. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { reasonToSkip, writeView } from '../interop/postfix/namespace.ts'
import { startPostfix } from '../interop/postfix/postfix.ts'
import { startPostigo } from '../interop/postfix/postigo.ts'
import { PORT_OFFSET, portsOf, type World } from '../interop/postfix/world.ts'
import { converse } from './converse.ts'
import { RELAY_FORMS } from './relay-forms.ts'
import { FALSE_ENDS, smuggled } from './sequences.ts'

interface Case {
  readonly name: string
  readonly overrides: Readonly<Record<string, string>>
  readonly pieces: readonly string[]
  /** What each line of the answer is to; the pieces themselves, where it is not said. */
  readonly asked?: readonly string[]
}

const ENVELOPE = ['EHLO c.test\r\n', 'MAIL FROM:<a@known.test>\r\n', 'RCPT TO:<ana@mail.example.test>\r\n']
const QUIT = 'QUIT\r\n'

/** Debian’s 3.7 does not know `note`. */
const VALUES = ['normalize', 'reject', 'no']

const SMUGGLING = VALUES.flatMap((value) =>
  Object.entries(FALSE_ENDS).map(([name, end]) => ({
    name: `${value}: ${name}`,
    overrides: { smtpd_forbid_bare_newline: value, smtpd_forbid_unauth_pipelining: 'no' },
    pieces: [...ENVELOPE, 'DATA\r\n', smuggled(end), QUIT],
  })),
)

const BARE_COMMANDS = VALUES.map((value) => ({
  name: `${value}: commands that end in LF`,
  overrides: { smtpd_forbid_bare_newline: value },
  pieces: ['EHLO c.test\r\n', 'NOOP\n', 'MAIL FROM:<a@known.test>\n', QUIT],
}))

const PIPELINING = ['yes', 'no'].flatMap((value) =>
  Object.entries({
    'behind EHLO': ['EHLO c.test\r\nNOOP\r\n', QUIT],
    'without EHLO': ['MAIL FROM:<a@known.test>\r\nRCPT TO:<ana@mail.example.test>\r\n', QUIT],
    'behind DATA': [...ENVELOPE, 'DATA\r\nSubject: x\r\n\r\ny\r\n.\r\n', QUIT],
    'as it may be': [
      'EHLO c.test\r\n',
      'MAIL FROM:<a@known.test>\r\nRCPT TO:<ana@mail.example.test>\r\nRSET\r\nQUIT\r\n',
    ],
  }).map(([name, pieces]) => ({
    name: `pipelining ${value}: ${name}`,
    overrides: { smtpd_forbid_unauth_pipelining: value },
    pieces,
  })),
)

const SETTINGS: readonly Readonly<Record<string, string>>[] = [
  {},
  { allow_percent_hack: 'no', swap_bangpath: 'no' },
  { recipient_delimiter: '+-', resolve_dequoted_address: 'no' },
  { strict_rfc821_envelopes: 'yes', resolve_null_domain: 'yes', resolve_numeric_domain: 'yes' },
]

const RECIPIENTS = RELAY_FORMS.map((form) => `RCPT TO:${form}\r\n`)

const RELAYING = SETTINGS.map((overrides) => ({
  name: `relaying ${JSON.stringify(overrides)}`,
  overrides: { smtpd_client_restrictions: '', ...overrides },
  pieces: ['EHLO c.test\r\n', 'MAIL FROM:<a@known.test>\r\n', [...RECIPIENTS, QUIT].join('')],
  asked: ['EHLO c.test', 'MAIL', ...RECIPIENTS, QUIT],
}))

const CASES: readonly Case[] = [...SMUGGLING, ...BARE_COMMANDS, ...PIPELINING, ...RELAYING]

/** Sessions at a time. */
const PARALLEL = 8

/** What differs between any two runs, and between the names of the two. */
const masked = (said: string): string =>
  said
    .replace(/queued as \w+/g, 'queued as QUEUEID')
    .replace(/^250-.*\r\n/gm, '')
    .replace(/^250 (?:CHUNKING|SMTPUTF8)\r\n/gm, '250 EHLO\r\n')

/** Where one takes a recipient and the other does not: what is asked, and why. */
const ON_PURPOSE: readonly (readonly [asked: RegExp, reason: string])[] = [
  [/TO:<(?:a:b|:include:\/etc\/passwd)>/, 'A colon stands in quotes (RFC 5321 §4.1.2); Postfix takes it for a group.'],
  [/TO:<\\"\\"@/, 'An address without a local part is none.'],
  [
    /TO:<\\"@victim\.test:user\\"/,
    'A quoted local part is no source route; with strict_rfc821_envelopes Postfix thinks so too.',
  ],
  [/TO:<@mail\.example\.test:@victim\.test:user>/, 'A source route has no other behind it.'],
]

/** Of a recipient it counts whether it is taken: a form may be refused for more than one reason. */
const outcome = (asked: string, line: string): string =>
  asked.startsWith('RCPT TO:') ? (line.startsWith('2') ? 'taken' : 'refused') : line

async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item)
  }
  await Promise.all(Array.from({ length: PARALLEL }, worker))
}

/** Lines that differ, with what was asked where each has one answer. */
function differing({ name, pieces, asked: each = pieces }: Case, theirs: string, ours: string): string[] {
  const [a, b] = [theirs, ours].map((said) => masked(said).split('\r\n'))
  const asked = ['(greeting)', ...each]
  const lines = Array.from({ length: Math.max(a?.length ?? 0, b?.length ?? 0) }, (_, i) => i)
  return lines.flatMap((i) => {
    const [postfix = '(nothing)', postigo = '(nothing)'] = [a?.[i], b?.[i]]
    const what = `${name}, ${JSON.stringify(asked[i] ?? '')}`
    const isAlike = outcome(asked[i] ?? '', postfix) === outcome(asked[i] ?? '', postigo)
    return isAlike || ON_PURPOSE.some(([form]) => form.test(what))
      ? []
      : [`${what}\n  Postfix: ${postfix}\n  Postigo: ${postigo}`]
  })
}

test('attacks, side by side', { skip: reasonToSkip() ?? false, timeout: 100_000 }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-attacks-'))
  chmodSync(dir, 0o755)
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  writeView(dir, '127.0.0.1')
  const world: World = {
    name: 'attacks',
    mainCf: `local_recipient_maps =\nrelay_domains = relay.test\nvirtual_alias_domains = alias.test
virtual_alias_maps =\nsmtpd_peername_lookup = no
smtpd_relay_restrictions = reject_unauth_destination\nsmtpd_forbid_bare_newline_exclusions =\nmail_name = Postigo
transport_maps = static:discard:\nsmtpd_authorized_xclient_hosts =\n`,
    files: {},
    indexed: [],
    sessions: CASES.map(({ name, overrides }) => ({ name, overrides, steps: [] })),
  }
  const base = 21_200
  const place = (name: string): { dir: string; address: string; sinkPort: number } => ({
    dir: join(dir, name),
    address: '127.0.0.1',
    sinkPort: 9,
  })
  const [postfix, postigo] = await Promise.all([
    startPostfix(world, place('postfix'), base, dir),
    startPostigo(world, place('postigo'), base, dir, undefined),
  ])
  try {
    const ports = portsOf(world, base)
    const found: string[] = []
    await each(CASES, async (one) => {
      const port = ports.get(JSON.stringify(one.overrides)) ?? 0
      const [theirs = '', ours = ''] = await Promise.all(
        [port, port + PORT_OFFSET].map((at) => converse(at, one.pieces, { from: '127.0.0.2' })),
      )
      found.push(...differing(one, theirs, ours))
    })
    assert.equal(found.length, 0, `${found.length} differ:\n${found.join('\n')}`)
  } finally {
    await Promise.all([postfix.stop(), postigo.stop()])
  }
})
