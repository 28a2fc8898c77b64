/** What is too large, too many or too deep is refused by a bound that has a name, and the session goes on or ends with a word. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NESTING_LIMIT, SEARCH_KEY_LIMIT } from '#src/formats/imap/mod.ts'
import { dialogue } from '../support/imap.ts'
import { startServer } from '../support/server.ts'

test('a literal over the limit is refused before it is sent; one that does not wait ends the connection', async (t) => {
  const server = await startServer(t, { accounts: ['ana'], mainCf: 'imapd_literal_limit = 4096\n' })
  const port = server.port('imap')
  for (const command of ['LOGIN ', 'LOGIN ana ', 'NOOP ', 'x y z ']) {
    const nobody = await dialogue(t, port)
    assert.match(await nobody.ask(`${command}{5000}`), /^t1 NO \[TOOBIG\] [^\r]*\r\n$/, command)
    assert.match(await nobody.ask('NOOP'), /^t2 OK /)
    nobody.send(`a ${command}{5000+}\r\n`)
    assert.match(await nobody.until(/never/), /^\* BYE Literal is too large\r\n$/, command)
  }
  const ana = await dialogue(t, port, 'ana')
  await ana.ask('SELECT INBOX')
  for (const command of ['SEARCH SUBJECT ', 'STATUS ', 'CREATE ', 'SETMETADATA INBOX (/private/x ', 'URLFETCH '])
    assert.match(await ana.ask(`${command}{5000}`), /^t\d+ NO \[TOOBIG\] /, command)
  // Several small ones that are too much together.
  ana.send(`a SEARCH${' SUBJECT {4000+}\r\n'.concat('x'.repeat(4000)).repeat(30)}\r\n`)
  assert.match(await ana.until(/never/), /\* BYE Literal is too large\r\n$/)
})

test('tens of thousands of search keys, deep parentheses and long lines are refused', async (t) => {
  const server = await startServer(t, { accounts: ['ana'], mainCf: 'imapd_line_limit = 300000\n' })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  await ana.ask('SELECT INBOX')
  const many = SEARCH_KEY_LIMIT + 1
  for (const keys of ['SEEN '.repeat(many), `OR SEEN SEEN `.repeat(many / 3 + 1), 'NOT SEEN '.repeat(many)])
    assert.match(await ana.ask(`SEARCH ${keys.trim()}`), /^t\d+ NO \[LIMIT\] Too many search keys\r\n$/)
  for (const [open, close] of [
    ['(', ')'],
    ['NOT ', ''],
    ['OR SEEN ', ''],
    ['FUZZY ', ''],
  ])
    assert.match(
      await ana.ask(`SEARCH ${open!.repeat(NESTING_LIMIT + 1)}SEEN${close!.repeat(NESTING_LIMIT + 1)}`),
      /^t\d+ BAD [^\r]*nested too deeply[^\r]*\r\n$/,
    )
  assert.match(await ana.ask(`SEARCH ${'('.repeat(200_000)}`), /^t\d+ BAD /)
  assert.match(await ana.ask(`FETCH ${'1,'.repeat(20_000)}1 UID`), /^t\d+ BAD [^\r]*sequence set is too long/)
  assert.match(await ana.ask(`UID FETCH 1 (${'UID '.repeat(20_000)}UID)`), /^t\d+ BAD [^\r]*too long/)
  assert.match(await ana.ask('NOOP'), /^t\d+ OK/)
  ana.send(`a SEARCH ${'x'.repeat(400_000)}\r\n`)
  assert.match(await ana.until(/never/), /^\* BAD Command line too long\r\n\* BYE Command line too long\r\n$/)
})
