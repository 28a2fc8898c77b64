import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { copyOf, traceLines, UnixLines } from './octets.ts'
import { anAddressee } from './fixture.test.ts'

const copied = (text: string, escape = true, cuts: readonly number[] = []): string => {
  const lines = new UnixLines(escape)
  const input = Buffer.from(text)
  let out = ''
  let at = 0
  for (const cut of [...cuts.map((c) => c % (input.length + 1)).sort((a, b) => a - b), input.length]) {
    out += lines.push(input.subarray(at, cut)).toString()
    at = cut
  }
  return out + lines.end()
}

test('lines end in LF, From is escaped at the start of a line, a last line is ended', () => {
  const table: [string, string][] = [
    ['a\r\nb\r\n', 'a\nb\n'],
    ['a\r\nFrom x\r\n', 'a\n>From x\n'],
    ['From x', '>From x\n'],
    ['Fro', 'Fro\n'],
    ['xFrom y\r\n', 'xFrom y\n'],
    ['>From y\r\n', '>From y\n'],
    ['a\rb\r\n', 'a\rb\n'],
    ['\r\n\r\n', '\n\n'],
    ['', ''],
    ['a\r', 'a\r\n'],
  ]
  for (const [text, expected] of table) assert.equal(copied(text), expected, JSON.stringify(text))
  assert.equal(copied('From x\r\n', false), 'From x\n')
})

test('a copy does not depend on where the message is cut', () => {
  const text = fc.array(fc.constantFrom('\r\n', '\n', 'From ', 'F', 'x', '\r', 'Fro')).map((parts) => parts.join(''))
  fc.assert(
    fc.property(text, fc.array(fc.nat(100)), (t, cuts) => assert.equal(copied(t, true, cuts), copied(t))),
    { numRuns: 500 },
  )
})

test('trace lines are those of local(8)', () => {
  const at = Date.UTC(2026, 10, 4, 12, 5, 2) + new Date(Date.UTC(2026, 10, 4, 12, 5, 2)).getTimezoneOffset() * 60_000
  const to = anAddressee({ sender: 'a b@else.test', original: 'team', delivered: 'team@mail.example.test' })
  assert.equal(
    traceLines(to, { fromLine: true, deliveredTo: true }, at),
    'From "a b"@else.test  Wed Nov  4 12:05:02 2026\nReturn-Path: <"a b"@else.test>\nX-Original-To: team\nDelivered-To: team@mail.example.test\n',
  )
  assert.match(
    traceLines(anAddressee({ sender: '' }), { fromLine: true, deliveredTo: false }, at),
    /^From MAILER-DAEMON {2}Wed.*\nReturn-Path: <>\n/,
  )
})

test('an mbox copy is one whole message', () => {
  const octets = Buffer.from('Subject: x\r\n\r\nFrom here\r\nend')
  const job = { sizeOctets: octets.length, read: (from: number, to: number) => octets.subarray(from, to) }
  const options = { fromLine: false, deliveredTo: false, escapeFrom: true, blankAtEnd: true }
  const text = Buffer.concat([...copyOf(job, anAddressee({}), options, 0)]).toString()
  assert.ok(text.endsWith('\nSubject: x\n\n>From here\nend\n\n'))
})
