/** Aliases in a whole server: what is sent on is new mail that cannot come back, and its owner hears of failures. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { messagesIn, submit, until } from '../support/mailbox.ts'
import { startServer } from '../support/server.ts'

const ALIASES = `alias_maps = inline:{ {team = ana}, {away = x@else.test, y@else.test}, {list = ana, x@else.test},
  {owner-list = eva}, {gone = nosuch} }
defer_transports = smtp
`

test('Delivered-To names the alias; a list sends on in the name of its owner', async (t) => {
  const server = await startServer(t, { mainCf: ALIASES, accounts: ['ana', 'eva'] })
  assert.equal(await submit(server, 's@else.test', ['team@mail.example.test'], 'Subject: one\n\nx\n'), 250)
  assert.equal(await submit(server, 's@else.test', ['list@mail.example.test'], 'Subject: two\n\nx\n'), 250)
  const [one = '', two = ''] = await messagesIn(server, 'ana')
  assert.match(
    one,
    /^Return-Path: <s@else.test>\r\nX-Original-To: team@mail.*\r\nDelivered-To: team@mail.*\r\nReceived/,
  )
  const heads = two.split('\r\nReceived')[0]?.split('\r\n')
  assert.deepEqual(heads, [
    'Return-Path: <owner-list@mail.example.test>',
    'X-Original-To: ana@mail.example.test',
    'Delivered-To: ana@mail.example.test',
    'Delivered-To: list@mail.example.test',
  ])
  const [queued] = server.server.rooms.desk.page().messages
  assert.equal(queued?.sender, 'owner-list@mail.example.test')
  assert.deepEqual(
    queued?.recipients.map((r) => r.address),
    ['x@else.test'],
  )
  assert.match(server.log(), /to=<list@mail.example.test>, relay=local, .*status=sent \(forwarded as \w+\)/)
})

test('what an alias sends elsewhere carries Delivered-To, and does not go round', async (t) => {
  const server = await startServer(t, { mainCf: ALIASES, accounts: ['ana', 'eva'] })
  await submit(server, 's@else.test', ['away@mail.example.test'], 'Subject: one\n\nx\n')
  const { desk } = server.server.rooms
  const jobs = desk.page().messages.flatMap(({ queueId }) => desk.message(queueId)?.jobs ?? [])
  const [first] = jobs
  assert.deepEqual(
    jobs.flatMap((job) => job.recipients.map((r) => r.address)),
    ['x@else.test', 'y@else.test'],
  )
  const sent = first?.read(0, first.sizeOctets).toString() ?? ''
  const text = sent + (first?.read(sent.length, first.sizeOctets).toString() ?? '')
  assert.match(text, /^Delivered-To: away@mail.example.test\r\nReceived: /)
  assert.equal(await submit(server, 's@else.test', ['away@mail.example.test'], text.replaceAll('\r\n', '\n')), 250)
  await until('the loop was seen', () => server.log().includes('(mail forwarding loop for away@mail.example.test)'))
  assert.equal(server.log().match(/to=<away@mail.example.test>.* dsn=5.4.6, status=bounced/g)?.length, 1)
})
