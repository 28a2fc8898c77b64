import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readHead } from '../head.ts'
import { ContentFilter } from './content-filter.ts'
import type { CheckKind, ContentChecks } from './contract.ts'

const FIELDS = Buffer.from('Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n')
const BODY = Buffer.from(
  [
    'preamble',
    '--b',
    'Content-Type: message/rfc822',
    '',
    'Subject: inner',
    ' folded',
    'X-Gone: 1',
    'Content-Transfer-Encoding: 8bit',
    '',
    'gr\u00fc\u00dfe \t',
    'line to replace',
    '',
    '-',
    '--',
    '--other',
    '--b',
    '',
    'x'.repeat(5000) + 'replace',
    '--b--',
    'replace the epilogue',
    '',
  ].join('\r\n'),
)

function checksOf(lists: ContentChecks['lists'], more: Partial<ContentChecks> = {}): ContentChecks {
  return {
    lists,
    strict: { nesting: true, header8bit: false, body8bit: false, encodingDomain: false },
    mime: true,
    to7bit: false,
    header_size_limit: 102_400,
    body_checks_size_limit: 0,
    line_length_limit: 2048,
    mime_nesting_limit: 100,
    mime_boundary_length_limit: 2048,
    actions: 'cleanup',
    ...more,
  }
}

const list = (name: string, get: (key: string) => string | undefined | Promise<string | undefined>) => ({ name, get })
const actionOf = (key: string): string | undefined =>
  key.startsWith('X-Gone') ? 'IGNORE' : key.includes('replace') ? 'REPLACE replaced' : undefined

async function filtered(checks: ContentChecks, pieces: readonly Buffer[]): Promise<{ out: string; told: string[] }> {
  const told: string[] = []
  const filter = new ContentFilter(checks, {
    log: (action, _place, content) => told.push(`${action} ${content}`),
    mimeError: (text) => told.push(text),
    lookupFailed: (name) => told.push(name),
    warn: (text) => told.push(text),
  })
  for (const field of readHead(FIELDS, { header_size_limit: 1000, message_drop_headers: [] }).fields)
    await filter.field(field)
  await filter.endHead(true)
  const out: Buffer[] = []
  for (const piece of pieces) out.push(await filter.body(piece))
  out.push(await filter.end())
  return { out: Buffer.concat(out).toString('latin1'), told }
}

function cut(octets: Buffer, at: readonly number[]): Buffer[] {
  const places = [0, ...at.toSorted((a, b) => a - b), octets.length]
  return places.slice(1).map((end, i) => octets.subarray(places[i], end))
}

const all = (answer: typeof actionOf | ((key: string) => Promise<string | undefined>)): ContentChecks['lists'] =>
  Object.fromEntries((['header', 'mime', 'nested', 'body'] as CheckKind[]).map((kind) => [kind, list(kind, answer)]))

const checkers: readonly (readonly [string, ContentChecks])[] = [
  ['all lists', checksOf(all(actionOf))],
  ['tables that answer later', checksOf(all((key) => Promise.resolve(actionOf(key))))],
  ['a limit of the body', checksOf(all(actionOf), { body_checks_size_limit: 12 })],
  ['8-bit parts made 7-bit', checksOf(all(actionOf), { to7bit: true })],
  ['header lists alone', checksOf({ header: list('header', actionOf), nested: list('nested', actionOf) })],
]

for (const [name, checks] of checkers)
  test(`${name}: a body in any cuts comes out alike`, async () => {
    const whole = await filtered(checks, [BODY])
    assert.ok(!whole.out.includes('X-Gone'))
    assert.equal(whole.out.includes('line to replace'), checks.lists.body === undefined)
    const places = fc.array(fc.integer({ min: 0, max: BODY.length }), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(places, async (at) => assert.deepEqual(await filtered(checks, cut(BODY, at)), whole)),
      { numRuns: 150 },
    )
    const octets = Array.from(BODY, (_, i) => i)
    assert.deepEqual(await filtered(checks, cut(BODY, octets)), whole)
  })

test('a body that no check can reach is passed on as it is, unread', async () => {
  const filter = new ContentFilter(checksOf({ header: list('header', () => undefined) }), {
    log: () => assert.fail(),
    mimeError: () => assert.fail(),
    lookupFailed: () => assert.fail(),
    warn: () => assert.fail(),
  })
  await filter.field({ name: 'subject', raw: Buffer.from('Subject: x\r\n') })
  await filter.endHead(true)
  assert.equal(filter.body(BODY), BODY)
})

test('body checks stop reading where body_checks_size_limit is reached', async () => {
  const asked: string[] = []
  const body = list('body', (key) => void asked.push(key))
  const filter = new ContentFilter(checksOf({ body }, { body_checks_size_limit: 10 }), {
    log: () => {},
    mimeError: () => {},
    lookupFailed: () => {},
    warn: () => {},
  })
  await filter.endHead(true)
  const text = Buffer.from('12345\r\n6789\r\nunread\r\n')
  assert.deepEqual(await filter.body(text), text)
  assert.equal(filter.body(text), text)
  assert.deepEqual(asked, ['12345', '6789'])
})

test("smtp's checks know no action that is about the whole message", async () => {
  const told = await filtered(checksOf({ body: list('smtp_body_checks', () => 'REJECT no') }, { actions: 'smtp' }), [
    BODY,
  ])
  assert.equal(told.out, BODY.toString('latin1'))
  assert.equal(told.told[0], 'unsupported command in smtp_body_checks map: REJECT no')
})
