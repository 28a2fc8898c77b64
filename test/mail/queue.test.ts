/** Mail that waits: reports that were asked for, other hosts that are away or say no, a restart in between. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { submit } from '../support/mailbox.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

const LIMIT_MS = 8000

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + LIMIT_MS
  while (!(await holds())) {
    if (Date.now() > end) assert.fail(`not within ${LIMIT_MS} ms: ${what}`)
    await new Promise((wake) => setTimeout(wake, 20))
  }
}

const inbox = (server: TestServer, user: string): number => {
  const { accounts, store } = server.server.rooms.current
  return store.status(accounts.byLogin(user)?.id ?? 0, 'INBOX')?.messages ?? 0
}

/** The newest message of a user's INBOX. */
async function newest(server: TestServer, user: string): Promise<string> {
  const { accounts, store } = server.server.rooms.current
  const selected = await store.select(accounts.byLogin(user)?.id ?? 0, 'INBOX', { readOnly: true })
  assert.ok(!('refused' in selected))
  await selected.refresh({ expunges: true })
  for await (const [message] of selected.messages([selected.count])) {
    assert.ok(message !== undefined)
    return store.read(message, 0, message.sizeOctets).toString()
  }
  throw new Error('the mailbox is empty')
}

const AUTH = `AUTH PLAIN ${Buffer.from('\0ana\0secret').toString('base64')}`

function send(server: TestServer, recipient: string, parameters = ''): Promise<void> {
  return transcript(
    server.port('submission'),
    `
    S: 220 …
    C: HELO client.test
    S: 250 mail.example.test
    C: ${AUTH}
    S: 235 2.7.0 Authentication successful
    C: MAIL FROM:<ana@mail.example.test>
    S: 250 2.1.0 Ok
    C: RCPT TO:<${recipient}>${parameters}
    S: 250 2.1.5 Ok
    C: DATA
    S: 354 …
    C: Subject: to ${recipient}
    C:
    C: ..dot
    C: .
    S: 250 2.0.0 Ok: queued as …
    C: QUIT
    S: 221 2.0.0 Bye
  `,
  )
}

test('NOTIFY=SUCCESS: delivered here, and reported', async (t) => {
  const server = await startServer(t, { accounts: ['ana', 'eva'] })
  await send(server, 'eva@mail.example.test', ' NOTIFY=SUCCESS')
  await until('delivered and reported', () => inbox(server, 'eva') === 1 && inbox(server, 'ana') === 1)
  assert.match(
    await newest(server, 'eva'),
    /^Return-Path: <ana@mail\.example\.test>\r\nX-Original-To: eva@mail\.example\.test\r\nDelivered-To: eva@/,
  )
  const report = await newest(server, 'ana')
  assert.match(report, /Content-Type: multipart\/report; report-type=delivery-status;/)
  assert.match(
    report,
    /\r\nFinal-Recipient: rfc822; eva@mail\.example\.test\r\n[^]*\r\nAction: delivered\r\nStatus: 2\.0\.0\r\n/,
  )
  await until('nothing waits', async () => (await server.server.status()).queue.messages === 0)
})

test('another host takes it, octet for octet; what it refuses comes back as a report', async (t) => {
  const far = await startServer(t, { accounts: ['bob'], mainCf: 'myhostname = far.test\nmydestination = far.test\n' })
  const routes = `transport_maps = inline:{ far.test=smtp:[127.0.0.1]:${far.port('smtp')} }\n`
  const server = await startServer(t, { accounts: ['ana'], mainCf: routes })
  await send(server, 'bob@far.test')
  await until('delivered there', () => inbox(far, 'bob') === 1)
  assert.match(await newest(far, 'bob'), /\r\nSubject: to bob@far\.test\r\n[^]*\r\n\r\n\.dot\r\n$/)
  await send(server, 'nosuch@far.test')
  await until('reported', () => inbox(server, 'ana') === 1)
  const report = await newest(server, 'ana')
  assert.match(report, /^Return-Path: <>\r\n/)
  assert.match(
    report,
    /\r\nAction: failed\r\nStatus: 5\.1\.1\r\nRemote-MTA: dns; 127\.0\.0\.1\r\nDiagnostic-Code: smtp; 550 5\.1\.1 <nosuch@far\.test>/,
  )
  assert.match(
    report,
    /Content-Type: message\/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n[^]*Subject: to nosuch@far\.test/,
  )
})

test('a host that is away: the message waits, and survives a restart', async (t) => {
  const far = await startServer(t, { accounts: ['bob'], mainCf: 'myhostname = far.test\nmydestination = far.test\n' })
  // Port 9 of the loopback: nobody listens there.
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf: 'transport_maps = hash:$config_directory/transport\n',
    files: { transport: '' },
  })
  const { buildTable } = await import('#src/io/tables/mod.ts')
  const { writeFileSync } = await import('node:fs')
  writeFileSync(`${server.dir}/transport`, 'far.test smtp:[127.0.0.1]:9\n')
  buildTable('hash', `${server.dir}/transport`, { aliases: false })
  await server.restart()
  await send(server, 'bob@far.test')
  await until('deferred', async () => (await server.server.status()).queue.deferred === 1)
  assert.match(
    server.log(),
    /to=<bob@far\.test>, relay=none, .*status=deferred \(connect to 127\.0\.0\.1\[127\.0\.0\.1\]:9: Connection refused\)/,
  )
  await server.restart()
  assert.equal((await server.server.status()).queue.deferred, 1)
  assert.equal(inbox(far, 'bob'), 0)
})

test('mail to a list leaves in the name of its owner', async (t) => {
  const far = await startServer(t, { accounts: ['bob'], mainCf: 'myhostname = far.test\nmydestination = far.test\n' })
  const server = await startServer(t, {
    accounts: ['ana', 'eva'],
    mainCf:
      'alias_maps = inline:{ {list = bob@far.test, eva} {owner-list = ana} }\n' +
      `transport_maps = inline:{ far.test=smtp:[127.0.0.1]:${far.port('smtp')} }\n`,
  })
  await send(server, 'list@mail.example.test')
  await until('delivered to both', () => inbox(far, 'bob') === 1 && inbox(server, 'eva') === 1)
  assert.match(await newest(far, 'bob'), /^Return-Path: <owner-list@mail\.example\.test>\r\n/)
  assert.match(await newest(server, 'eva'), /^Return-Path: <owner-list@mail\.example\.test>\r\n/)
})

test('ETRN sends what waits for a domain of fast_flush_domains at once', async (t) => {
  const far = await startServer(t, { accounts: ['bob'], mainCf: 'myhostname = far.test\nmydestination = far.test\n' })
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf:
      `transport_maps = inline:{ far.test=smtp:[127.0.0.1]:${far.port('smtp')} }\n` +
      'defer_transports = smtp\nfast_flush_domains = far.test\n',
  })
  await send(server, 'bob@far.test')
  await until('deferred', () => server.log().includes('status=deferred (deferred transport)'))
  await transcript(
    server.port('smtp'),
    `
    S: 220 …
    C: HELO client.test
    S: 250 mail.example.test
    C: ETRN else.test
    S: 459 <else.test>: service unavailable
    C: ETRN far.test
    S: 250 Queuing started
  `,
  )
  await until('delivered there', () => inbox(far, 'bob') === 1)
})

test('what is held waits for its release, and what is expired comes back', async (t) => {
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf: 'transport_maps = inline:{ {late.test=retry:4.4.1 nobody there} }\n',
  })
  const { desk, queued } = server.server.rooms
  const ids = (): string[] => desk.page().messages.map(({ queueId }) => queueId)
  // smtpd tells of such a transport at RCPT already.
  assert.equal(await submit(server, 'ana@mail.example.test', ['a@late.test'], 'Subject: late\n\nx\n'), 250)
  await until('deferred', () => server.log().includes('status=deferred (nobody there)'))
  const selection = { queueIds: ids(), queues: ['deferred' as const] }
  assert.equal((await desk.operate('hold', selection)).length, 1)
  await desk.flush('all')
  queued.notify()
  assert.equal(desk.page().messages[0]?.queue, 'hold')
  await desk.operate('expire', { ...selection, queues: ['hold'] })
  await desk.operate('release', { ...selection, queues: ['hold'] })
  await desk.flush('all')
  queued.notify()
  await until('returned', () => inbox(server, 'ana') === 1)
  assert.match(await newest(server, 'ana'), /Action: failed\r\nStatus: 5\.4\.1\r\n/)
})

test('soft_bounce keeps what was refused for good', async (t) => {
  const far = await startServer(t, { mainCf: 'myhostname = far.test\nmydestination = far.test\n' })
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf: `transport_maps = inline:{ far.test=smtp:[127.0.0.1]:${far.port('smtp')} }\nsoft_bounce = yes\n`,
  })
  await send(server, 'nosuch@far.test')
  await until('kept', () => server.server.rooms.desk.counts().deferred === 1)
  assert.equal(inbox(server, 'ana'), 0)
})
