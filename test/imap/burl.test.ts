/** BURL (RFC 4468): what stands in a mailbox is submitted by a URL with URLAUTH, without coming to the client. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test, type TestContext } from 'node:test'
import { dialogue, type Dialogue } from '../support/imap.ts'
import { startServer, type TestServer } from '../support/server.ts'

const LETTER = 'From: ana@mail.example.test\r\nSubject: by URL\r\n\r\none\r\n.two\r\n'

async function world(t: TestContext, mainCf = ''): Promise<{ server: TestServer; ana: Dialogue }> {
  const server = await startServer(t, {
    accounts: ['ana', 'bea'],
    mainCf: `smtpd_burl_enable = yes\n${mainCf}`,
  })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  await ana.append('Sent', LETTER)
  return { server, ana }
}

async function authorised(ana: Dialogue, access: string, part = ''): Promise<string> {
  const rump = `imap://ana@mail.example.test/Sent/;UID=1${part};URLAUTH=${access}`
  return /GENURLAUTH "([^"]+)"/.exec(await ana.ask(`GENURLAUTH "${rump}" INTERNAL`))?.[1] ?? ''
}

/** The replies to commands that are sent one after the other; the first one is the greeting. */
async function smtp(port: number, commands: readonly string[]): Promise<string[]> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  const replies: string[] = []
  let said = ''
  try {
    for (const command of ['', ...commands]) {
      if (command !== '') socket.write(`${command}\r\n`)
      while (!/^\d{3} .*\r\n/m.test(said)) {
        const [chunk] = await once(socket, 'data', { signal: AbortSignal.timeout(20_000) })
        said += String(chunk)
      }
      replies.push(said)
      said = ''
    }
    return replies
  } finally {
    socket.destroy()
  }
}

const LOG_IN = (user: string): string => `AUTH PLAIN ${Buffer.from(`\0${user}\0secret`).toString('base64')}`
const envelope = (user: string): string[] => [
  'EHLO client.example',
  LOG_IN(user),
  `MAIL FROM:<${user}@mail.example.test>`,
  'RCPT TO:<bea@mail.example.test>',
]

/** The last replies to what follows log-in and envelope. */
async function submitted(server: TestServer, user: string, ...commands: string[]): Promise<string[]> {
  const replies = await smtp(server.port('submission'), [...envelope(user), ...commands])
  assert.match(replies[4] ?? '', /^250 2\.1\.5 Ok/)
  return replies.slice(5)
}

async function received(server: TestServer, t: TestContext, n: number): Promise<string> {
  const bea = await dialogue(t, server.port('imap'), 'bea')
  await bea.ask('SELECT INBOX')
  const answer = await bea.ask(`FETCH ${n} BODY.PEEK[]`)
  return /\{\d+\}\r\n([^]*)\)\r\n/.exec(answer)?.[1] ?? answer
}

test('a message is submitted by its URL, alone and between chunks', async (t) => {
  const { server, ana } = await world(t)
  const whole = await authorised(ana, 'submit+ana')
  const [queued] = await submitted(server, 'ana', `BURL ${whole} LAST`)
  assert.match(queued ?? '', /^250 2\.0\.0 Ok: queued as \w+\r\n$/)
  // What submission adds stands behind the fields that were there.
  assert.match(await received(server, t, 1), /^Subject: by URL\r\n[^]*\r\n\r\none\r\n\.two\r\n$/m)
  const text = await authorised(ana, 'user+ana', '/;SECTION=TEXT')
  const head = 'Subject: put together\r\n\r\nabove\r\n'
  const replies = await submitted(
    server,
    'ana',
    `BDAT ${head.length}\r\n${head.slice(0, -2)}`,
    `BURL ${text}`,
    `burl ${await authorised(ana, 'anonymous', '/;SECTION=HEADER.FIELDS%20(SUBJECT)')} last`,
  )
  assert.match(replies[0] ?? '', /^250 2\.0\.0 Ok: \d+ bytes/)
  assert.match(replies[1] ?? '', /^250 2\.5\.0 Ok: 11 bytes, waiting for more/)
  assert.match(replies[2] ?? '', /^250 2\.0\.0 Ok: queued as/)
  const both = await received(server, t, 2)
  assert.match(both, /^Subject: put together\r\n[^]*\r\n\r\nabove\r\none\r\n\.two\r\nSubject: by URL\r\n\r\n$/m)
})

test('BURL is offered to those who asked for it in main.cf, and trusted once it is known who they are', async (t) => {
  const { server } = await world(t)
  const [, before, , after] = await smtp(server.port('submission'), ['EHLO a', LOG_IN('ana'), 'EHLO a'])
  assert.match(before ?? '', /^250[ -]BURL\r\n/m)
  assert.match(after ?? '', /^250[ -]BURL imap\r\n/m)
  const plain = await startServer(t, { accounts: ['ana'] })
  const [, ehlo, unknown] = await smtp(plain.port('submission'), ['EHLO a', 'BURL imap://x LAST'])
  assert.doesNotMatch(ehlo ?? '', /BURL/)
  assert.match(unknown ?? '', /^500 5\.5\.2 Error: command not recognized/)
})

test('what cannot be had by a URL fails the whole transaction', async (t) => {
  const { server, ana } = await world(t, 'message_size_limit = 3000\n')
  const whole = await authorised(ana, 'submit+ana')
  const forBea = await authorised(ana, 'submit+bea')
  assert.match((await submitted(server, 'ana', `BURL ${forBea} LAST`))[0] ?? '', /^554 5\.6\.6 /)
  assert.match((await submitted(server, 'bea', `BURL ${whole} LAST`))[0] ?? '', /^554 5\.6\.6 /)
  assert.match((await submitted(server, 'ana', `BURL ${whole.slice(0, -1)}x LAST`))[0] ?? '', /^554 5\.6\.6 /)
  assert.match((await submitted(server, 'ana', 'BURL'))[0] ?? '', /^501 5\.5\.4 Syntax: BURL url \[LAST\]/)
  const [failed, discarded, ended] = await submitted(
    server,
    'ana',
    'BURL imap://x',
    `BURL ${whole}`,
    `BURL ${whole} LAST`,
  )
  assert.match(failed ?? '', /^554 5\.6\.6 /)
  assert.match(discarded ?? '', /^551 5\.0\.0 Discarded/)
  assert.match(ended ?? '', /^551 5\.0\.0 Discarded/)
  await ana.append('Sent', `Subject: large\r\n\r\n${'x'.repeat(2900)}\r\n`)
  const large = (await authorised(ana, 'submit+ana')).replace('UID=1', 'UID=2')
  assert.match((await submitted(server, 'ana', `BURL ${large} LAST`))[0] ?? '', /^554 5\.6\.6 /, 'another URL')
  const rump = 'imap://ana@mail.example.test/Sent/;UID=2;URLAUTH=submit+ana'
  const url = /GENURLAUTH "([^"]+)"/.exec(await ana.ask(`GENURLAUTH "${rump}" INTERNAL`))?.[1]
  assert.match((await submitted(server, 'ana', `BURL ${url}`, `BURL ${url} LAST`))[1] ?? '', /^55[12] 5\.[03]\./)
  const nobody = await smtp(server.port('smtp'), [
    'EHLO a',
    `BURL ${whole} LAST`,
    'MAIL FROM:<x@mail.example.test>',
    'RCPT TO:<bea@mail.example.test>',
    `BURL ${whole} LAST`,
  ])
  assert.match(nobody[2] ?? '', /^503 5\.5\.1 Error: need RCPT command/)
  assert.match(nobody[5] ?? '', /^554 5\.7\.8 URL resolution requires trust relationship/)
  const bea = await dialogue(t, server.port('imap'), 'bea')
  assert.match(await bea.ask('STATUS INBOX (MESSAGES)'), /MESSAGES 0/)
})
