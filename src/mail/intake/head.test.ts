import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Completion, cutField, missingFields, readHead } from './head.ts'

const LOCAL: Completion = {
  addMissing: true,
  sender: 'ana@a.example',
  fullName: '',
  fromFormat: 'standard',
  charset: 'utf-8',
  queueId: 'ID',
  stamp: '20261124093000',
  hostname: 'h.example',
  date: 'now',
  undisclosedRecipientsHeader: '',
}

test('the From field of local mail is made as header_from_format says', () => {
  const table: readonly (readonly [fullName: string, standard: string, obsolete: string])[] = [
    ['', 'ana@a.example', 'ana@a.example'],
    ['Ana Lopez', 'Ana Lopez <ana@a.example>', 'ana@a.example (Ana Lopez)'],
    ['Ana (at) work', '"Ana (at) work" <ana@a.example>', 'ana@a.example (Ana \\(at\\) work)'],
    ['Ñandú', '=?utf-8?Q?=C3=91and=C3=BA?= <ana@a.example>', 'ana@a.example (=?utf-8?Q?=C3=91and=C3=BA?=)'],
  ]
  for (const [fullName, standard, obsolete] of table)
    for (const [fromFormat, expected] of [
      ['standard', standard],
      ['obsolete', obsolete],
    ] as const)
      assert.equal(missingFields([], { ...LOCAL, fullName, fromFormat }).at(-1), `From: ${expected}`)
})

test('a long field loses the lines that do not fit, a long first line its end; a blank before the colon goes', () => {
  const cut = (text: string, limit: number): string => cutField(Buffer.from(text), limit).toString()
  assert.equal(cut('A: 123\r\n 456\r\n 789\r\n', 10), 'A: 123\r\n')
  assert.equal(cut('A: 123\r\n 456\r\n 789\r\n', 11), 'A: 123\r\n 456\r\n')
  assert.equal(cut('A: 1234567\r\n 8\r\n', 6), 'A: 123\r\n')
  const { fields } = readHead(Buffer.from('A : 1\r\nB: 1234567\r\n\r\n'), {
    header_size_limit: 8,
    message_drop_headers: [],
  })
  assert.deepEqual(
    fields.map(({ name, raw, whole }) => [name, raw.toString(), whole?.toString()]),
    [
      ['a', 'A: 1\r\n', undefined],
      ['b', 'B: 12345\r\n', 'B: 1234567\r\n'],
    ],
  )
})
