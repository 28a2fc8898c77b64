import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { run, sampleMessage } from '../support/client.ts'
import { PASSWORD, startServer } from '../support/server.ts'

const MESSAGES = 500

test('mbsync: 500 messages both ways; the second run moves nothing', async (t) => {
  const server = await startServer(t, { accounts: ['eva'] })
  const { accounts, store } = server.server.rooms.current
  const eva = accounts.byLogin('eva')
  assert.ok(eva !== undefined)
  for (let i = 0; i < MESSAGES / 2; i++) {
    const octets = Buffer.from(sampleMessage(`far-${i}`))
    await store.append(eva.id, 'INBOX', [octets], { sizeOctets: octets.length, flags: i % 2 === 0 ? ['\\Seen'] : [] })
  }
  const near = join(server.dir, 'near')
  for (const part of ['cur', 'new', 'tmp']) mkdirSync(join(near, 'INBOX', part), { recursive: true })
  for (let i = 0; i < MESSAGES / 2; i++) {
    writeFileSync(
      join(near, 'INBOX', 'cur', `1700000000.${i}.host:2,${i % 3 === 0 ? 'FS' : ''}`),
      sampleMessage(`near-${i}`).replaceAll('\r\n', '\n'),
    )
  }
  const rc = join(server.dir, 'mbsyncrc')
  writeFileSync(
    rc,
    `IMAPAccount far\nHost 127.0.0.1\nPort ${server.port('imap')}\nUser eva\nPass ${PASSWORD}\nSSLType None\nAuthMechs LOGIN\n\n` +
      `IMAPStore far\nAccount far\n\nMaildirStore near\nPath ${near}/\nInbox ${near}/INBOX\n\n` +
      `Channel both\nFar :far:\nNear :near:\nCreate Both\nExpunge Both\nSync All\nSyncState *\n`,
  )
  const sync = async (): Promise<void> => {
    const ran = await run('mbsync', ['-c', rc, '-V', 'both'], { package: 'isync', env: { HOME: server.dir } })
    assert.equal(ran.code, 0, ran.out + ran.err)
  }
  await sync()
  assert.equal(store.status(eva.id, 'INBOX')?.messages, MESSAGES)
  const files = (): string[] =>
    ['cur', 'new'].flatMap((part) =>
      readdirSync(join(near, 'INBOX', part)).map((name) => join(near, 'INBOX', part, name)),
    )
  assert.equal(files().length, MESSAGES)
  const before = store.status(eva.id, 'INBOX')
  const names = files().toSorted()
  await sync()
  assert.deepEqual(store.status(eva.id, 'INBOX'), before)
  assert.deepEqual(files().toSorted(), names)
  // A flag set here shows there.
  const one = files().find((name) => name.endsWith(',')) ?? files().find((name) => !name.includes('S'))
  assert.ok(one !== undefined)
  const unseen = store.status(eva.id, 'INBOX')?.unseen ?? 0
  renameSync(
    one,
    one
      .replace('/new/', '/cur/')
      .replace(/:2,$/, ':2,S')
      .replace(/(U=\d+)$/, '$1:2,S'),
  )
  await sync()
  assert.equal(store.status(eva.id, 'INBOX')?.unseen, unseen - 1)
  const text = readFileSync(files()[0] ?? '', 'latin1').replaceAll('\r\n', '\n')
  assert.ok(text.includes(Buffer.from('ñandú 日本\n').toString('latin1')))
})
