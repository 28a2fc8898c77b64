/** POP3 as clients speak it; deletions only at QUIT, ids that stay, any octets. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { startServer, type TestServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

async function withMail(t: TestContext, ...messages: readonly string[]): Promise<TestServer> {
  const server = await startServer(t, { accounts: ['ana'], mainCf: 'pop3d_error_limit = 5\n' })
  const { accounts, store } = server.server.rooms.current
  for (const message of messages) {
    await store.append(accounts.byLogin('ana')?.id ?? 0, 'INBOX', [Buffer.from(message)], {
      sizeOctets: message.length,
      flags: [],
    })
  }
  return server
}

const LOGIN = 'S: +OK …\nC: USER ana\nS: +OK\nC: PASS secret\nS: +OK Logged in.'
const ONE = 'Subject: one\r\n\r\n.dot\r\nlast\r\n'
const TWO = 'Subject: two\r\n\r\nno line end'

test('log-in, lists, retrieval, TOP, and deletion at QUIT alone', async (t) => {
  const server = await withMail(t, ONE, TWO)
  await transcript(
    server.port('pop3'),
    `
    S: +OK …
    C: STAT
    S: -ERR Log in first.
    C: USER ana
    S: +OK
    C: PASS wrong
    S: -ERR [AUTH] Authentication failed.
    C: AUTH PLAIN ${Buffer.from('\0ana\0secret').toString('base64')}
    S: +OK Logged in.
    C: STAT
    S: +OK 2 ${ONE.length + TWO.length}
    C: LIST
    S: +OK 2 messages:
    S: 1 ${ONE.length}
    S: 2 ${TWO.length}
    S: .
    C: RETR 1
    S: +OK ${ONE.length} octets
    S: Subject: one
    S:
    S: ..dot
    S: last
    S: .
    C: RETR 2
    S: +OK ${TWO.length} octets
    S: Subject: two
    S:
    S: no line end
    S: .
    C: TOP 1 1
    S: +OK
    S: Subject: one
    S:
    S: ..dot
    S: .
    C: DELE 1
    S: +OK Marked to be deleted.
    C: RETR 1
    S: -ERR Message is deleted.
    C: RETR 3
    S: -ERR There's no message 3.
    C: RSET
    S: +OK
    C: DELE 2
    S: +OK Marked to be deleted.
    C: QUIT
    S: +OK Bye, 1 removed.
  `,
  )
  await transcript(server.port('pop3'), `${LOGIN}\nC: STAT\nS: +OK 1 ${ONE.length}\nC: DELE 1\nS: +OK …`)
  // That session ended without QUIT: nothing was removed.
  await transcript(server.port('pop3'), `${LOGIN}\nC: STAT\nS: +OK 1 ${ONE.length}\nC: QUIT\nS: +OK Bye.`)
})

test('RETR of many, one after the other, back and forth, with some deleted: each is its own', async (t) => {
  const server = await withMail(t, ...Array.from({ length: 70 }, (_, i) => `Subject: ${i + 1}\r\n\r\n`))
  const order = [...Array.from({ length: 40 }, (_, i) => i + 1), 3, 41, 42, 7, 8, 70, 69, 43, 44, 45]
  const retrieval = (n: number): string => `C: RETR ${n}\nS: +OK …\nS: Subject: ${n}\nS: \nS: .\n`
  const deleted = 'C: DELE 46\nS: +OK …\nC: RETR 46\nS: -ERR Message is deleted.\n'
  const rest = [47, 48, 65, 66].map(retrieval).join('')
  await transcript(server.port('pop3'), `${LOGIN}\n${order.map(retrieval).join('')}${deleted}${rest}`)
})

test('UIDL is the same in every session and after a restart', async (t) => {
  const server = await withMail(t, ONE)
  const ids: string[] = []
  for (let n = 0; n < 3; n++) {
    if (n === 2) await server.restart()
    const socket = connect(server.port('pop3'), '127.0.0.1')
    let said = ''
    socket.on('data', (chunk: Buffer) => (said += chunk.toString()))
    socket.end('USER ana\r\nPASS secret\r\nUIDL 1\r\nQUIT\r\n')
    await new Promise((resolve) => socket.once('close', resolve))
    ids.push(/\+OK 1 ([0-9a-f]{32})\r\n/.exec(said)?.[1] ?? `none in ${said}`)
  }
  assert.match(ids[0] ?? '', /^[0-9a-f]{32}$/)
  assert.equal(new Set(ids).size, 1, ids.join(' '))
})

test('capabilities, pipelining, two sessions at once, too many errors', async (t) => {
  const server = await withMail(t, ONE, TWO)
  await transcript(
    server.port('pop3'),
    `
    1S: +OK …
    2S: +OK …
    1C: CAPA
    1S: +OK
    1S: TOP
    1S: UIDL
    1S: RESP-CODES
    1S: AUTH-RESP-CODE
    1S: PIPELINING
    1S: EXPIRE NEVER
    1S: UTF8 USER
    1S: LANG
    1S: USER
    1S: SASL PLAIN …
    1S: STLS
    1S: IMPLEMENTATION Postigo
    1S: .
    1C: USER ana
    1C: PASS secret
    1C: DELE 1
    1S: +OK
    1S: +OK Logged in.
    1S: +OK …
    2C: USER ana
    2S: +OK
    2C: PASS secret
    2S: +OK …
    1C: QUIT
    1S: +OK Bye, 1 removed.
    2C: RETR 2
    2S: +OK ${TWO.length} octets
    2S: Subject: two
    2S:
    2S: no line end
    2S: .
    2C: ${'x'.repeat(300)}
    2S: -ERR Line too long.
    2C: FROB
    2S: -ERR Unknown command.
    2C: RETR x
    2S: -ERR Invalid message number: x
    2C: TOP 2
    2S: -ERR Invalid number of lines: missing
    2C: USER again
    2S: -ERR Already logged in.
    2S: -ERR Too many errors.
  `,
  )
})

test('any octets get an answer or the end, and no other session notices', async (t) => {
  const server = await withMail(t, ONE)
  const port = server.port('pop3')
  const word = fc.constantFrom(
    'USER ',
    'ana',
    'PASS secret',
    '\r\n',
    'RETR 1',
    'TOP 1 1',
    'AUTH PLAIN',
    ' ',
    '=',
    '*',
    '\0',
    '\xff',
    'QUIT',
    'DELE 1',
    'RSET',
    'UTF8',
    'LANG ',
    'APOP ana ',
    'UIDL',
    'x'.repeat(260),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 20 }), async (words) => {
      const socket = connect(port, '127.0.0.1')
      let said = ''
      socket.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')))
      socket.on('error', () => {})
      socket.end(Buffer.from(`${words.join('')}\r\n`, 'latin1'))
      await new Promise((resolve) => socket.once('close', resolve))
      assert.match(said, /^\+OK /)
      assert.ok(!said.includes('Internal error'), JSON.stringify(words.join('')))
    }),
    { numRuns: 100 },
  )
  await transcript(port, 'S: +OK …\nC: USER ana\nS: +OK\nC: PASS secret\nS: +OK …\nC: NOOP\nS: +OK')
})
