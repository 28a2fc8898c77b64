import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rewriteField } from './header-rewriting.ts'

const router = {
  rewriteHeaderAddress: (address: string) =>
    Promise.resolve(address.includes('@') ? address : `${address}@office.example`),
}

async function rewritten(field: string, encoding: BufferEncoding = 'utf8'): Promise<string> {
  const raw = Buffer.from(field, encoding)
  const name = field.slice(0, field.indexOf(':')).toLowerCase()
  return (await rewriteField({ name, raw }, router)).toString(encoding)
}

test('addresses of sender and recipient fields are rewritten, all else stays', async () => {
  const table = [
    ['To: ana\r\n', 'To: ana@office.example\r\n'],
    ['From: "Ana, L." <ana> (at work)\r\n', 'From: "Ana, L." <ana@office.example> (at work)\r\n'],
    [
      'Cc: ana,\r\n\tgroup: pepe, b@c.example;\r\n',
      'Cc: ana@office.example,\r\n\tgroup: pepe@office.example, b@c.example;\r\n',
    ],
    ['To: ñandú\r\n', 'To: ñandú@office.example\r\n'],
    ['Subject: ana\r\n', 'Subject: ana\r\n'],
  ]
  for (const [field = '', expected] of table) assert.equal(await rewritten(field), expected)
})

test('a name in Latin-1 keeps its octets', async () => {
  assert.equal(await rewritten('From: Muñoz <ana>\r\n', 'latin1'), 'From: Muñoz <ana@office.example>\r\n')
  assert.equal(await rewritten('To: muñoz, ana\r\n', 'latin1'), 'To: muñoz, ana@office.example\r\n')
})
