import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  fromLine,
  isInternalData,
  keptFlags,
  maildirFlags,
  mboxBase,
  MboxScanner,
  mboxText,
  parseCourierUids,
  parseDovecotKeywords,
  parseDovecotUids,
  parseFromLine,
  parseMaildirName,
  printMaildirFlags,
  toCrlf,
} from './mod.ts'

const local = (...parts: [number, number, number, number, number, number]): number => new Date(...parts).getTime()

const fromLines: readonly (readonly [string, number | undefined])[] = [
  ['From ana@example.com  Tue Nov 24 12:05:02 2026', local(2026, 10, 24, 12, 5, 2)],
  ['From ana@example.com Tue Nov  3 12:05 2026', local(2026, 10, 3, 12, 5, 0)],
  ['From ana Thu Nov 20 12:05:00 2025 +0100', Date.UTC(2025, 10, 20, 11, 5)],
  ['From ana Thu Nov 20 12:05:00 -0500 2025', Date.UTC(2025, 10, 20, 17, 5)],
  ['From ana Thu Nov 20 12:05:00 PST 2025', Date.UTC(2025, 10, 20, 20, 5)],
  ['From ana Thu Nov 20 12:05:00 2025 remote from host', local(2025, 10, 20, 12, 5, 0)],
  ['From "a b"@example.com Thu Nov 20 12:05:00 2025', local(2025, 10, 20, 12, 5, 0)],
  ['From Thu Nov 20 12:05:00 2025', local(2025, 10, 20, 12, 5, 0)],
  ['From here to there', undefined],
  ['From ana Thu Nov 20 25:05:00 2025', undefined],
  ['From ana Thu Nov 40 12:05:00 2025', undefined],
  ['>From ana Thu Nov 20 12:05:00 2025', undefined],
]

for (const [line, dateMs] of fromLines)
  test(`the line ${line}`, () => {
    assert.equal(parseFromLine(line)?.dateMs, dateMs)
  })

test('a From_ line that is printed is one', () => {
  assert.equal(parseFromLine(fromLine('ana@example.com', 1_795_550_185_000))?.dateMs, 1_795_550_185_000)
  assert.match(fromLine('', 0), /^From MAILER-DAEMON {2}\w{3} \w{3} {1,2}\d{1,2} /)
})

const MBOX =
  'From a@b Tue Nov 24 12:05:02 2026\nSubject: 1\n\nFrom here on\n\nFrom c@d  Tue Nov 24 12:05:03 2026\nSubject: 2\n\n>From\n'

test('the scanner finds the same messages however the file is cut', () => {
  const octets = Buffer.from(MBOX)
  for (const size of [1, 2, 7, 40, 1000]) {
    const scanner = new MboxScanner()
    for (let at = 0; at < octets.length; at += size) scanner.push(octets.subarray(at, at + size))
    const found = scanner.end(octets.length).map(({ textOffset, end }) => MBOX.slice(textOffset, end))
    assert.deepEqual(found, ['Subject: 1\n\nFrom here on\n\n', 'Subject: 2\n\n>From\n'], `pieces of ${size}`)
    assert.equal(scanner.stray, undefined)
  }
  const stray = new MboxScanner()
  stray.push(Buffer.from(`rubbish\n${MBOX}`))
  assert.equal(stray.end(MBOX.length + 8).length, 2)
  assert.equal(stray.stray, 0)
})

const texts: readonly (readonly [string, Parameters<typeof mboxText>[1], string, string, string])[] = [
  ['one > goes', 'mboxo', 'S: a\n\n>From x\n>>From y\n\n', 'S: a\r\n\r\nFrom x\r\n>>From y\r\n', ''],
  ['one > of any goes', 'mboxrd', 'S: a\n\n>From x\n>>From y\n\n', 'S: a\r\n\r\nFrom x\r\n>From y\r\n', ''],
  ['all stays', 'none', 'S: a\n\n>From x\n\n', 'S: a\r\n\r\n>From x\r\n', ''],
  [
    'notes go',
    'mboxo',
    'Status: RO\nS: a\nX-Keywords: k\n l\nX-UID: 7\nX-Status: FDTA\n\nb\n\n',
    'S: a\r\n\r\nb\r\n',
    '\\Seen \\Flagged \\Deleted \\Draft \\Answered k l',
  ],
  ['text that looks like a note stays', 'mboxo', 'S: a\n\nStatus: RO\n', 'S: a\r\n\r\nStatus: RO\r\n', ''],
  ['a message without body', 'mboxo', 'S: a\n\n', 'S: a\r\n', ''],
  ['CRLF stays', 'mboxo', 'S: a\r\nStatus: R\r\n\r\nb\r\n\r\n', 'S: a\r\n\r\nb\r\n', '\\Seen'],
  ['an empty one', 'mboxo', '', '', ''],
]

for (const [name, quoting, text, message, flags] of texts)
  test(`mbox text: ${name}`, () => {
    const found = mboxText(Buffer.from(text), quoting)
    assert.equal(found.message.toString(), message)
    assert.equal(found.flags.join(' '), flags)
  })

test('what UW-IMAP and Dovecot note of a folder', () => {
  const pseudo = Buffer.from(
    "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1795550166 0000000005 work home\n\n",
  )
  assert.equal(isInternalData(pseudo), true)
  assert.deepEqual(mboxBase(pseudo), { uidValidity: 1_795_550_166, lastUid: 5, keywords: ['work', 'home'] })
  const real = Buffer.from('X-IMAPbase: 5 6\nX-UID: 3\nX-UIDL: ab!c\nSubject: x\n\nX-IMAP: 1 1\n')
  assert.equal(isInternalData(real), false)
  assert.equal(mboxBase(real)?.uidValidity, 5)
  assert.deepEqual([mboxText(real, 'none').uid, mboxText(real, 'none').uidl], [3, 'ab!c'])
})

test('a Maildir name says what stays and which flags there are', () => {
  assert.deepEqual(parseMaildirName('1.M2P3.host,S=4:2,FSab'), { unique: '1.M2P3.host,S=4', letters: 'FSab' })
  assert.deepEqual(parseMaildirName('1.host'), { unique: '1.host', letters: '' })
  assert.deepEqual(maildirFlags('FSab', ['$Junk']), ['\\Flagged', '\\Seen', '$Junk'])
  assert.equal(printMaildirFlags(['\\seen', '\\Flagged', 'work'], ['home', 'work']), ':2,FSb')
})

test('only flags that IMAP can say are kept', () => {
  const words = ['\\Seen', '$Junk', 'a.b', 'a(b', 'a"b', 'a]b', 'a\\b', 'a b', 'ä', '', '\\Recent', 'x'.repeat(101)]
  assert.deepEqual(keptFlags(words), ['\\Seen', '$Junk', 'a.b'])
  assert.equal(keptFlags(Array.from({ length: 100 }, (_, i) => `k${i}`)).length, 64)
})

test('lists of UIDs, old and new, with what cannot be read', () => {
  const list = parseDovecotUids('3 V12 N9 Gabc\n5 S12 Pold-one W13 :a:2,S\n7 :b,S=3\nnine :c\n')
  assert.deepEqual([list?.uidValidity, list?.uidNext, list?.badLines], [12, 9, [4]])
  assert.deepEqual(
    [...(list?.entries ?? [])],
    [
      ['a', { uid: 5, uidl: 'old-one' }],
      ['b,S=3', { uid: 7, uidl: undefined }],
    ],
  )
  assert.deepEqual(parseDovecotUids('1 12 9\n5 a\n')?.entries.get('a')?.uid, 5)
  assert.deepEqual(parseCourierUids('1 12 9\n5 a\n')?.entries.get('a')?.uid, 5)
  assert.equal(parseDovecotUids('2 12 9\n'), undefined)
  assert.deepEqual(Object.entries(parseDovecotKeywords('0 $Junk\n2 work\n99 no\n')), [
    ['0', '$Junk'],
    ['2', 'work'],
  ])
})

test('only an LF that stands alone becomes CRLF', () => {
  assert.equal(toCrlf(Buffer.from('a\nb\r\n\nc')).toString(), 'a\r\nb\r\n\r\nc')
  assert.equal(toCrlf(Buffer.from('\n')).toString(), '\r\n')
})
