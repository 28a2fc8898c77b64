/** `postigo deliver`: a script's message in a mailbox, and exit codes that tell what to do. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { deliver } from '#src/main/cli/deliver.ts'
import { messagesIn, until } from '../support/mailbox.ts'
import { startServer } from '../support/server.ts'

test('a message goes where it is meant to; faults have codes of sysexits(3)', async (t) => {
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf: 'message_size_limit = 2000\nmailbox_size_limit = 2500\n',
  })
  const run = async (words: readonly string[], text = 'From x  y\nSubject: hi\n\nbody\n'): Promise<string> => {
    let said = ''
    const io = {
      stdin: Readable.from([Buffer.from(text.slice(0, 7)), Buffer.from(text.slice(7))]),
      out: () => {},
      err: (line: string) => void (said += line),
      env: { MAIL_CONFIG: server.dir },
      cwd: '/',
      tty: false,
    }
    const code = await deliver(words, io)
    return `${code} ${said.trim()}`.trim()
  }
  assert.equal(await run(['-d', 'ana', '-f', 's@else.test']), '0')
  assert.equal(await run(['-d', 'ana@mail.example.test', '-m', 'lists/postfix']), '0')
  assert.deepEqual(await messagesIn(server, 'ana'), ['Return-Path: <s@else.test>\r\nSubject: hi\r\n\r\nbody\r\n'])
  assert.deepEqual(await messagesIn(server, 'ana', 'lists/postfix'), ['Subject: hi\r\n\r\nbody\r\n'])
  const table: [readonly string[], string, RegExp][] = [
    [['-d', 'nosuch'], 'x', /^67 postigo deliver: unknown user: "nosuch"$/],
    [['-d', 'ana', '-m', 'a\0b'], 'x', /^73 postigo deliver: a\0b: /],
    [['-d', 'ana'], 'x'.repeat(3000), /^65 postigo deliver: message file too big$/],
    [['-d', 'ana'], 'x\n'.repeat(600), /^0$/],
    [['-d', 'ana'], 'x\n'.repeat(600), /^75 postigo deliver: .*quota/],
    [['-Z'], '', /^64 postigo deliver: invalid option -- 'Z'/],
    [['word'], '', /^64 postigo deliver: unknown word: word/],
  ]
  for (const [words, text, expected] of table) assert.match(await run(words, text), expected, words.join(' '))
  const maildrop = join(server.dir, 'data/postigo-public/maildrop')
  assert.deepEqual(readdirSync(maildrop), [])
  await server.server.stop()
  assert.equal(await run(['-d', 'ana', '-m', 'later', '-f', 's@else.test']), '0')
  assert.equal(await run(['-d', 'nosuch']), '0')
  assert.match(await run(['-d', 'ana'], 'x'.repeat(3000)), /^65 postigo deliver: message file too big$/)
  await server.restart()
  await until('it is there', async () => (await messagesIn(server, 'ana', 'later')).length === 1)
  assert.deepEqual(await messagesIn(server, 'ana', 'later'), [
    'Return-Path: <s@else.test>\r\nSubject: hi\r\n\r\nbody\r\n',
  ])
  await server.logged(/to=<root@mail\.example\.test>|status=bounced|unknown user: "nosuch"/)
  await until('the maildrop is empty', () => readdirSync(maildrop).length === 0)
})
