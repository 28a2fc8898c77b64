import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { startServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

test('commands before and after log-in, pipelined ones in order', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  await transcript(
    server.port('imap'),
    `
    S: * OK …
    C: a SELECT INBOX
    S: a BAD …
    C: b LOGIN ana wrong
    S: b NO [AUTHENTICATIONFAILED] …
    C: c LOGIN ana secret
    S: c OK …
    C: d CREATE &AAo-
    S: d NO [CANNOT] …
    C: e NOOP
    C: f CREATE Work
    C: g CREATE Work
    C: h DELETE Work
    C: i DELETE Work
    S: e OK …
    S: f OK …
    S: g NO [ALREADYEXISTS] …
    S: h OK …
    S: i NO [NONEXISTENT] …
    C: j LOGOUT
    S: * BYE …
    S: j OK …
  `,
  )
})

/** What the server says to these octets, sent in these pieces, until it ends. */
async function answer(port: number, pieces: readonly Buffer[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.on('close', () => resolve()).on('error', () => resolve())
  const timer = setTimeout(() => socket.destroy(new Error('hangs')), 3000)
  for (const piece of pieces) socket.write(piece)
  socket.end()
  await promise
  clearTimeout(timer)
  assert.ok(!(socket.errored instanceof Error && socket.errored.message === 'hangs'), 'the server ends')
  return text
}

test('any octets in any cuts get an answer or an end', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const words = fc.constantFrom(
    '\r\n',
    'x ',
    'FETCH 1 ',
    'BODY[',
    '{3}\r\n',
    '{9+}\r\n',
    '(',
    '"',
    'IDLE',
    'SEARCH ',
    'STORE 1 ',
  )
  const octets = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array)),
    words.map((word) => Buffer.from(word)),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(octets, { maxLength: 10 }), async (pieces) => {
      const said = await answer(server.port('imap'), [
        Buffer.from('l LOGIN ana secret\r\ns SELECT INBOX\r\n'),
        ...pieces,
      ])
      assert.match(said, /^\* OK /)
      assert.doesNotMatch(said, /SERVERBUG/)
    }),
    { numRuns: 60 },
  )
  await transcript(server.port('imap'), 'S: * OK …\nC: a NOOP\nS: a OK …')
})
