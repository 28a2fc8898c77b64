import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  foldAddress,
  literalAddress,
  printAddress,
  printLiteral,
  printMailbox,
  printPath,
  splitAddress,
  splitAddressExtension,
  splitExtension,
  toAscii,
  toUnicode,
} from './mod.ts'

test('addresses are quoted where they must be', () => {
  const table: [string, string][] = [
    ['', '<>'],
    ['a@b', '<a@b>'],
    ['a+b.c@b', '<a+b.c@b>'],
    ['john doe@b', '<"john doe"@b>'],
    ['a"\\@b', '<"a\\"\\\\"@b>'],
    ['a@b@c', '<"a@b"@c>'],
    ['a.@b', '<"a."@b>'],
    ['.a@b', '<".a"@b>'],
    ['a..b@c', '<"a..b"@c>'],
    ['josé@ñandú.example', '<josé@ñandú.example>'],
    ['a\r\nRCPT@b', '<"a??RCPT"@b>'],
    ['bare', '<bare>'],
  ]
  for (const [address, expected] of table) assert.equal(printPath(address), expected)
  assert.equal(printAddress(''), '')
})

test('mailboxes have names that are atoms or quoted', () => {
  assert.equal(printMailbox('', 'a@b'), 'a@b')
  assert.equal(printMailbox('Mail Delivery System', 'a@b'), 'Mail Delivery System <a@b>')
  assert.equal(printMailbox('Doe, "J"', 'a b@c'), '"Doe, \\"J\\"" <"a b"@c>')
  assert.equal(printMailbox('a\r\nBcc: x@y', 'a@b'), '"a Bcc: x@y" <a@b>')
})

test('an address is cut at its last @', () => {
  assert.deepEqual(splitAddress('a@b@c'), { local: 'a@b', domain: 'c' })
  assert.deepEqual(splitAddress('a'), { local: 'a', domain: undefined })
  assert.deepEqual(splitAddress('a@'), { local: 'a', domain: '' })
})

test('extensions are cut at the first of the delimiters', () => {
  const cut = (local: string, delimiters = '+-', ownerRequestSpecial = true): string => {
    const found = splitExtension(local, { delimiters, ownerRequestSpecial, doubleBounceSender: 'double-bounce' })
    return found === undefined ? local : `${found.bare} ${found.delimiter} ${found.extension}`
  }
  const table: [string, string][] = [
    ['ana+news', 'ana + news'],
    ['ana-x+news', 'ana - x+news'],
    ['ana++x', 'ana + +x'],
    ['+ana', '+ana'],
    ['ana+', 'ana+'],
    ['owner-list', 'owner-list'],
    ['OWNER-list', 'OWNER-list'],
    ['list-request', 'list-request'],
    ['mailer-daemon', 'mailer-daemon'],
    ['Postmaster', 'Postmaster'],
    ['double-bounce', 'double-bounce'],
  ]
  for (const [local, expected] of table) assert.equal(cut(local), expected)
  assert.equal(cut('owner-list', '+-', false), 'owner - list')
  assert.equal(cut('owner-list+x', '+'), 'owner-list + x')
  assert.equal(cut('ana+x', ''), 'ana+x')
  const settings = { delimiters: '+', ownerRequestSpecial: true, doubleBounceSender: '' }
  assert.equal(splitAddressExtension('ana+x@b', settings)?.bare, 'ana@b')
})

test('literals hold addresses', () => {
  const table: [string, string | undefined][] = [
    ['[192.0.2.1]', '192.0.2.1'],
    ['[IPv6:2001:db8::1]', '2001:db8::1'],
    ['[ipv6:::1]', '::1'],
    ['[2001:db8::1]', undefined],
    ['[192.0.2]', undefined],
    ['[x-tag:y]', undefined],
    ['192.0.2.1', undefined],
  ]
  for (const [domain, address] of table) assert.equal(literalAddress(domain), address, domain)
  for (const address of ['192.0.2.1', '2001:db8::1']) assert.equal(literalAddress(printLiteral(address)), address)
})

test('domains have A-labels and U-labels', () => {
  assert.equal(toAscii('Ñandú.Example'), 'xn--and-6ma2c.example')
  assert.equal(toUnicode('XN--and-6ma2c.example'), 'ñandú.example')
  assert.equal(toAscii('a_b.Example'), 'a_b.example')
  assert.equal(toAscii('1.2'), '1.2') // never 1.0.0.2
  assert.equal(toUnicode('xn--\u0000'), 'xn--\u0000')
  assert.equal(foldAddress('José@Ñandú.Example'), 'josé@xn--and-6ma2c.example')
  assert.equal(foldAddress('Ana@[IPv6:2001:DB8::1]'), 'ana@[ipv6:2001:db8::1]')
})
