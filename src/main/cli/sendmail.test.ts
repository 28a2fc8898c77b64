import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headerEnd, headerRecipients, WireLines } from './sendmail-message.ts'
import { SendmailUsage, type SendmailWords, sendmailWords } from './sendmail-words.ts'

test('words as scripts write them', () => {
  const table: readonly (readonly [string, Partial<SendmailWords>])[] = [
    ['-t', { mode: 'enqueue', extract: true, dotEnds: true }],
    ['-t -i', { extract: true, dotEnds: false }],
    ['-ti', { extract: true, dotEnds: false }],
    ['-oi -t', { extract: true, dotEnds: false }],
    ['-oi -oem -odb -- a@b -x', { dotEnds: false, recipients: ['a@b', '-x'] }],
    ['-i -f s@x.test a b', { sender: 's@x.test', recipients: ['a', 'b'] }],
    ['-fs@x.test a', { sender: 's@x.test', recipients: ['a'] }],
    ['-r s@x.test -F Name a', { sender: 's@x.test', fullName: 'Name' }],
    ['-N success,delay -R hdrs -V id a', { notify: ['SUCCESS', 'DELAY'], ret: 'HDRS', envid: 'id' }],
    ['-N never,delay a', { notify: undefined, warnings: ['bad -N option value -- ignored'] }],
    ['-bs', { mode: 'smtp' }],
    ['-bp', { mode: 'mailq' }],
    ['-bi', { mode: 'newaliases' }],
    ['-bd -q15m', { mode: 'daemon' }],
    ['-bv a', { mode: 'enqueue', trace: 'verify' }],
    ['-v a', { trace: 'deliver' }],
    ['-q', { mode: 'flush', flush: undefined }],
    ['-v -q', { mode: 'flush' }],
    ['-qRx.test', { mode: 'flush', flush: { site: 'x.test' } }],
    ['-qIABC', { mode: 'flush', flush: { queueId: 'ABC' } }],
    ['-XV a', { verp: '' }],
    ['-XV-= a', { verp: '-=' }],
    ['-G -B 8BITMIME a', { relayed: true, body: '8BITMIME' }],
    ['-O DeliveryMode=b -L label -X /tmp/log -Am -U a', { mode: 'enqueue', recipients: ['a'] }],
    ['-C /etc/x/main.cf a', { config: '/etc/x' }],
    ['-oA/etc/aliases -bi', { aliasDatabase: '/etc/aliases' }],
  ]
  for (const [line, expected] of table) {
    const words = sendmailWords(line.split(' '), 'sendmail')
    for (const [name, value] of Object.entries(expected))
      assert.deepEqual(words[name as keyof SendmailWords], value, `${line}: ${name}`) // a key of Partial<SendmailWords>
  }
  for (const line of ['-Z', '-n', '-qSx', '-bt', '-B x', '-f'])
    assert.throws(() => sendmailWords([line], 'sendmail'), SendmailUsage, line)
})

test('line ends of any kind become CRLF, cut anywhere; a dot ends the message', () => {
  const table: readonly (readonly [string, boolean, string])[] = [
    ['a\nb\n', true, 'a\r\nb\r\n'],
    ['a\r\nb', true, 'a\r\nb\r\n'],
    ['a\n.\nb\n', true, 'a\r\n'],
    ['a\n.\r\nb\n', true, 'a\r\n'],
    ['a\n.\nb\n', false, 'a\r\n.\r\nb\r\n'],
    ['..\n.x\n', true, '..\r\n.x\r\n'],
    ['', true, ''],
  ]
  for (const [text, dotEnds, expected] of table)
    for (let cut = 0; cut <= text.length; cut++) {
      const lines = new WireLines(dotEnds)
      const out = [lines.push(Buffer.from(text.slice(0, cut))), lines.push(Buffer.from(text.slice(cut))), lines.end()]
      assert.equal(Buffer.concat(out).toString(), expected, JSON.stringify(text))
    }
})

test('-t takes To, Cc and Bcc, or their Resent- forms alone', () => {
  const head = 'From: f@x\nTo: Ana <ana@x.test>, b\nCC: "A, B" <c@x>,\n\td@x\nBcc: e@x\nSubject: To: no@x\n'
  assert.deepEqual(headerRecipients(Buffer.from(head)), ['ana@x.test', 'b', 'c@x', 'd@x', 'e@x'])
  assert.deepEqual(headerRecipients(Buffer.from(`${head}Resent-To: r@x\n`)), ['r@x'])
  assert.deepEqual(headerRecipients(Buffer.from('To: group: a@x, b@x;\n')), ['a@x', 'b@x'])
})

test('the header section ends where a line is no field', () => {
  const table: readonly (readonly [string, number])[] = [
    ['A: b\n c\n\nbody', 8],
    ['A: b\n', -1],
    ['no header\n', 0],
    ['From x Mon\nA: b\n\n', 16],
    ['', -1],
  ]
  for (const [text, end] of table) assert.equal(headerEnd(Buffer.from(text)), end, JSON.stringify(text))
})

test('sendmail_fix_line_endings: a CR at a line end goes always, as the first line says, or never', () => {
  const table: readonly (readonly [text: string, always: string, strict: string, never: string])[] = [
    ['a\r\nb\r\n', 'a\r\nb\r\n', 'a\r\nb\r\n', 'a\r\r\nb\r\r\n'],
    ['a\nb\r\n', 'a\r\nb\r\n', 'a\r\nb\r\r\n', 'a\r\nb\r\r\n'],
    ['a\r\r\n.\r\nb\n', 'a\r\n', 'a\r\n', 'a\r\r\r\n.\r\r\nb\r\n'],
  ]
  for (const [text, always, strict, never] of table)
    for (const [ends, expected] of Object.entries({ always, strict, never } as const)) {
      const lines = new WireLines(true, ends as 'always' | 'strict' | 'never') // keys of the object above
      assert.equal(Buffer.concat([lines.push(Buffer.from(text)), lines.end()]).toString(), expected, ends)
    }
})

test('a mailbox file’s From lines are no end of the header section', () => {
  const head = '>>From a Mon\n>From b\nFrom c\nSubject: x\n\nbody\n'
  assert.equal(headerEnd(Buffer.from(head)), head.indexOf('\nbody'))
  assert.equal(headerEnd(Buffer.from('A: b\nFrom c\n')), 5)
})
