import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { headerFields } from '../message/mod.ts'
import { fieldSelector } from './field-selector.ts'

const LINES = [
  'Subject: a\r\n',
  'subject : b\n',
  ' folded: c\r\n',
  '\tmore\r\n',
  'To: x\r\n',
  'no field\r\n',
  ': empty\r\n',
  '\r\n',
  'Ünïcode: d\r\n',
  'X-A:',
]
const section = (text: 'HEADER.FIELDS' | 'HEADER.FIELDS.NOT', fields: string[]) => ({ text, fields })

/** As RFC 9051 §6.4.5 says it, field by field. */
function slowly(header: Buffer, { text, fields }: ReturnType<typeof section>): string {
  const names = new Set(fields.map((name) => name.toLowerCase()))
  const kept = headerFields(header).filter(({ name }) => names.has(name) === (text === 'HEADER.FIELDS'))
  return Buffer.concat([...kept.map(({ raw }) => raw), Buffer.from('\r\n')]).toString('latin1')
}

test('fieldSelector() takes what headerFields() would, whatever the header', () => {
  const header = fc.array(fc.constantFrom(...LINES), { maxLength: 12 }).map((lines) => Buffer.from(lines.join('')))
  const fields = fc.array(fc.constantFrom('SUBJECT', 'to', 'X-A', 'Folded', 'none'))
  fc.assert(
    fc.property(
      fc.array(header),
      fields,
      fc.constantFrom('HEADER.FIELDS', 'HEADER.FIELDS.NOT'),
      (headers, names, text) => {
        const select = fieldSelector(section(text, names))
        for (const one of headers) assert.equal(select(one).toString('latin1'), slowly(one, section(text, names)))
      },
    ),
  )
})

test('a header without colons or line ends costs no more than its length', () => {
  const select = fieldSelector(section('HEADER.FIELDS', ['subject']))
  const started = performance.now()
  assert.equal(select(Buffer.from('x\r\n'.repeat(300_000))).toString(), '\r\n')
  assert.equal(select(Buffer.alloc(900_000, 'x')).toString(), '\r\n')
  assert.ok(performance.now() - started < 5000)
})
