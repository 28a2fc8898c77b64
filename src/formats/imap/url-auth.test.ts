import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseAuthUrl } from './url-auth.ts'

test('parseAuthUrl() takes the parts of a URL apart', () => {
  const rump =
    'imap://j%6fe;AUTH=*@example.com/a%20b;UIDVALIDITY=3/;UID=20/;SECTION=1.2;EXPIRE=2030-01-02T03:04:05+01:00;URLAUTH=submit+fr%65d'
  const token = '91354a473744909de610943775f92038'
  const found = parseAuthUrl(`${rump}:internal:${token.toUpperCase()}`)
  assert.deepEqual([found?.rump, found?.user, found?.access], [rump, 'joe', { access: 'submit', user: 'fred' }])
  assert.deepEqual(found?.proof, { mechanism: 'INTERNAL', token })
  assert.equal(found?.expireMs, Date.parse('2030-01-02T02:04:05Z'))
  const { mailbox, uid, uidValidity, section } = found?.message ?? {}
  assert.deepEqual([mailbox, uid, uidValidity, section?.part], ['a b', 20, 3, [1, 2]])
  const plain = parseAuthUrl('imap://joe@example.com:143/INBOX/;uid=20/;section=1.2;urlauth=anonymous')
  assert.deepEqual([plain?.access, plain?.proof, plain?.expireMs], [{ access: 'anonymous' }, undefined, undefined])
})

test('parseAuthUrl() takes no URL that is of no message, of nobody, or of no date', () => {
  for (const wrong of [
    'imap://joe@example.com/INBOX;urlauth=anonymous',
    'imap://joe@example.com/;urlauth=anonymous',
    'imap://example.com/INBOX/;uid=20;urlauth=anonymous',
    'imap://joe@example.com/INBOX/;uid=20;urlauth=everybody',
    'imap://joe@example.com/INBOX/;uid=20;urlauth=user+',
    'imap://joe@example.com/INBOX/;uid=20',
    'imap://joe@example.com/INBOX/;uid=0;urlauth=anonymous',
    'imap://joe@example.com/INBOX/;uid=20;expire=soon;urlauth=anonymous',
    'imap://joe@example.com/INBOX/;uid=20;expire=2030-13-02T03:04:05Z;urlauth=anonymous',
    'imap://joe@example.com/INBOX/;uid=20;urlauth=anonymous:internal:12',
    'imap://joe@example.com/INBOX/;uid=20;urlauth=user+%zz',
    'imap://joe@example.com/INBOX?SUBJECT;uid=20;urlauth=anonymous',
    'http://joe@example.com/INBOX/;uid=20;urlauth=anonymous',
    `imap://joe@example.com/${'a'.repeat(4096)}/;uid=20;urlauth=anonymous`,
  ])
    assert.equal(parseAuthUrl(wrong), undefined, wrong)
})

test('any text is such a URL or is not', () => {
  const piece = fc.constantFrom(
    'imap://',
    'joe',
    '@',
    ';AUTH=*',
    'h',
    '/',
    ';',
    'INBOX',
    'UID=1',
    ';UID=1',
    '%',
    '%41',
    ':',
  )
  const more = fc.constantFrom(
    ';URLAUTH=',
    'anonymous',
    'user+',
    ';EXPIRE=',
    '2030-01-02T03:04:05Z',
    '/;SECTION=',
    '1.2',
    'internal',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, more, fc.string({ maxLength: 3 })), { maxLength: 20 }), (pieces) => {
      parseAuthUrl(`imap://joe@h/INBOX/;UID=1${pieces.join('')};URLAUTH=anonymous`)
      parseAuthUrl(pieces.join(''))
    }),
    { numRuns: 2000 },
  )
})
