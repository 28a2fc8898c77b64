/** Mail that waits goes where the tables say when it is tried again; a filter that was asked for stands. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { buildTable } from '#src/io/tables/mod.ts'
import { answerQueue } from '#src/main/server/queue-control.ts'
import { messagesIn, submit, until } from '../support/mailbox.ts'
import { startServer, type TestServer } from '../support/server.ts'

function farServer(t: Parameters<typeof startServer>[0]): Promise<TestServer> {
  return startServer(t, { accounts: ['bob'], mainCf: 'myhostname = far.test\nmydestination = far.test\n' })
}

function setTable({ dir }: TestServer, name: string, text: string): void {
  writeFileSync(join(dir, name), text)
  buildTable('hash', join(dir, name), { aliases: false })
}

async function flush({ server }: TestServer): Promise<void> {
  await server.rooms.desk.flush('all')
  server.rooms.queued.notify()
}

/** Tables are looked at once a second: flushed until it holds. */
function untilFlushed(what: string, server: TestServer, holds: () => Promise<boolean>): Promise<void> {
  return until(what, async () => {
    await flush(server)
    return holds()
  })
}

const deferrals = (server: TestServer): number => (server.log().match(/status=deferred/g) ?? []).length

test('a changed transport table moves what waits, and only that', async (t) => {
  const far = await farServer(t)
  const server = await startServer(t, {
    mainCf: 'transport_maps = hash:$config_directory/transport\nrelay_domains = far.test, other.test\n',
    files: { transport: '' },
  })
  setTable(server, 'transport', 'far.test smtp:[127.0.0.1]:9\nother.test smtp:[127.0.0.1]:9\n')
  await server.restart()
  await submit(server, 's@else.test', ['bob@far.test', 'x@other.test'], 'Subject: one\n\n')
  await until('both wait', () => deferrals(server) === 2)
  setTable(server, 'transport', `far.test smtp:[127.0.0.1]:${far.port('smtp')}\nother.test smtp:[127.0.0.1]:9\n`)
  await untilFlushed('delivered there', server, async () => (await messagesIn(far, 'bob')).length === 1)
  await until('the other was tried again', () => deferrals(server) > 2)
  assert.equal(server.server.rooms.desk.counts().recipients, 1)
})

test('a domain that has become ours: who waits is looked up here, aliases and all', async (t) => {
  const server = await startServer(t, {
    accounts: ['ana', 'eva'],
    mainCf:
      'transport_maps = hash:$config_directory/transport\nalias_maps = inline:{ {team = ana, eva} }\n' +
      'relay_domains = moved.test\nmydestination = $myhostname, hash:$config_directory/own\n',
    files: { transport: '', own: '' },
  })
  setTable(server, 'transport', 'moved.test smtp:[127.0.0.1]:9\n')
  setTable(server, 'own', '')
  await server.restart()
  await submit(server, 's@else.test', ['team@moved.test'], 'Subject: one\n\n')
  await until('it waits', () => deferrals(server) === 1)
  setTable(server, 'transport', '')
  setTable(server, 'own', 'moved.test x\n')
  await untilFlushed(
    'both have it',
    server,
    async () => (await messagesIn(server, 'ana')).length + (await messagesIn(server, 'eva')).length === 2,
  )
  await until('nothing waits', () => server.server.rooms.desk.counts().messages === 0)
  assert.match((await messagesIn(server, 'eva'))[0] ?? '', /^X-Original-To: team@moved\.test\r\n/m)
})

const LIST = 'alias_maps = inline:{ {list = eva, bob@far.test} {owner-list = ana} }\n'

/** Mail to a list of two, one here and one there, that was routed as something else when it came in. */
async function assertSentByList(server: TestServer, far: TestServer, list: string): Promise<void> {
  for (const [member, at] of [
    ['eva', server],
    ['bob', far],
  ] as const) {
    const [text = ''] = await messagesIn(at, member)
    assert.match(text, /^Return-Path: <owner-list@[\w.]+>\r\n/, member)
    assert.match(text, new RegExp(`^Delivered-To: ${list}\r\n`, 'm'), member)
  }
  assert.match((await messagesIn(server, 'eva'))[0] ?? '', /^X-Original-To: eva@/m)
}

async function haveBoth(server: TestServer, far: TestServer): Promise<boolean> {
  const counts = await Promise.all([messagesIn(server, 'eva'), messagesIn(far, 'bob')])
  return counts.every(({ length }) => length === 1)
}

test('a domain that has become ours: a list there sends on in the name of its owner, marked with its own name', async (t) => {
  const far = await farServer(t)
  const elsewhere = `far.test smtp:[127.0.0.1]:${far.port('smtp')}\n`
  const server = await startServer(t, {
    accounts: ['ana', 'eva'],
    mainCf:
      `transport_maps = hash:$config_directory/transport\n${LIST}` +
      'relay_domains = moved.test\nmydestination = $myhostname, hash:$config_directory/own\n',
    files: { transport: '', own: '' },
  })
  setTable(server, 'transport', `moved.test smtp:[127.0.0.1]:9\n${elsewhere}`)
  setTable(server, 'own', '')
  await server.restart()
  await submit(server, 's@else.test', ['list@moved.test'], 'Subject: one\n\n')
  await until('it waits', () => deferrals(server) === 1)
  setTable(server, 'transport', elsewhere)
  setTable(server, 'own', 'moved.test x\n')
  await untilFlushed('both have it', server, () => haveBoth(server, far))
  await assertSentByList(server, far, 'list@moved\\.test')
})

test('postsuper -r of mail that waited for a filter: a list sends on in the name of its owner, marked with its own name', async (t) => {
  const far = await farServer(t)
  const routes = `transport_maps = inline:{ far.test=smtp:[127.0.0.1]:${far.port('smtp')} }\n${LIST}`
  const server = await startServer(t, {
    accounts: ['ana', 'eva'],
    mainCf: `${routes}content_filter = smtp:[127.0.0.1]:9\n`,
  })
  await submit(server, 's@else.test', ['list@mail.example.test'], 'Subject: one\n\n')
  await until('it waits', () => deferrals(server) === 1)
  const mainCf = join(server.dir, 'main.cf')
  writeFileSync(mainCf, readFileSync(mainCf, 'utf8').replace(/^content_filter = .*$/m, ''))
  await server.restart()
  const request = { command: 'queue-requeue', queueIds: 'ALL', queues: ['deferred', 'active', 'incoming'] }
  await answerQueue(server.server.rooms, request)
  await until('both have it', () => haveBoth(server, far))
  await assertSentByList(server, far, 'list@mail\\.example\\.test')
})

test('postsuper -r of what waits of an alias: that part alone; a part that the alias has no more is all that it is now', async (t) => {
  const server = await startServer(t, {
    accounts: ['ana', 'eva'],
    mainCf: 'alias_maps = texthash:$config_directory/aliases\ndefault_privs = nobody\n',
    files: { aliases: 'team ana, "|exit 75", "|exit 75; true"\n' },
  })
  await submit(server, 's@else.test', ['team@mail.example.test'], 'Subject: one\n\n')
  await until('both commands wait', () => deferrals(server) === 2)
  const { rooms } = server.server
  const request = { command: 'queue-requeue', queueIds: 'ALL', queues: ['deferred', 'active', 'incoming'] }
  await until('requeued', async () => {
    const answer = await answerQueue(rooms, request)
    return answer.ok && Array.isArray(answer['changed']) && answer['changed'].length === 1
  })
  await until('tried again', () => deferrals(server) === 4)
  assert.equal((await messagesIn(server, 'ana')).length, 1)
  assert.equal(rooms.desk.counts().recipients, 2)

  writeFileSync(join(server.dir, 'aliases'), 'team eva, "|exit 75; true"\n')
  rooms.reload()
  await until('requeued', async () => {
    const answer = await answerQueue(rooms, request)
    return answer.ok && Array.isArray(answer['changed']) && answer['changed'].length === 1
  })
  await until('the new member has it', async () => (await messagesIn(server, 'eva')).length === 1)
  await until('the command is tried again', () => deferrals(server) >= 5)
  assert.equal(rooms.desk.counts().recipients, 1)
  assert.equal((await messagesIn(server, 'ana')).length, 1)
})

test('FILTER stands, whatever the tables say', async (t) => {
  const far = await farServer(t)
  const server = await startServer(t, {
    mainCf:
      `transport_maps = inline:{ far.test=smtp:[127.0.0.1]:${far.port('smtp')} }\n` +
      'header_checks = regexp:{{/^Subject: filtered/ FILTER smtp:[127.0.0.1]:9}}\n',
  })
  await submit(server, 's@else.test', ['bob@far.test'], 'Subject: filtered\n\n')
  await until('it waits for the filter', () => deferrals(server) === 1)
  await flush(server)
  await until('it still waits for the filter', () => deferrals(server) === 2)
  assert.equal((await messagesIn(far, 'bob')).length, 0)
})

test('sender_dependent_relayhost_maps chooses by the envelope sender, at once and later', async (t) => {
  const far = await farServer(t)
  const server = await startServer(t, {
    mainCf: 'relayhost = [127.0.0.1]:9\nsender_dependent_relayhost_maps = hash:$config_directory/relays\n',
    files: { relays: '' },
  })
  setTable(server, 'relays', `boss@else.test [127.0.0.1]:${far.port('smtp')}\n`)
  await server.restart()
  await submit(server, 'boss@else.test', ['bob@far.test'], 'Subject: one\n\n')
  await until('by the own relay', async () => (await messagesIn(far, 'bob')).length === 1)
  await submit(server, 'other@else.test', ['bob@far.test'], 'Subject: two\n\n')
  await until('by the common one', () => deferrals(server) === 1)
  setTable(server, 'relays', `@else.test [127.0.0.1]:${far.port('smtp')}\n`)
  await untilFlushed('by the own relay now', server, async () => (await messagesIn(far, 'bob')).length === 2)
})
