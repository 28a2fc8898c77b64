/** A stopped server's data directory with mail of all kinds in it, for tests that damage it; copies of it are made quickly. */
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type DataPaths, dataPaths } from '#src/main/server/data-dir.ts'
import { openMailDatabase } from '#src/main/server/database.ts'
import { readConfig } from '#src/main/server/rooms.ts'
import { messagesIn, submit, until } from './mailbox.ts'
import { startServer, type TestServer } from './server.ts'

export const USERS = ['ana', 'eva']

/** Each message begins so. */
export const subjectOf = (n: number): string => `message ${n}`

const textOf = (n: number): string =>
  `From: Ana <ana@mail.example.test>\nSubject: ${subjectOf(n)}\nMessage-ID: <${n}@mail.example.test>\n\n${`line of ${n}\n`.repeat(n % 7 === 0 ? 900 : 9)}`

export interface MailData {
  /** The configuration directory. */
  readonly dir: string
  readonly paths: DataPaths
}

/** Mail for ana and eva (0 to 39, every fourth for both), one with flags, a copy, an own mailbox, a message in the queue. */
export async function makeMail(t: TestContext, then?: (server: TestServer) => Promise<void>): Promise<MailData> {
  const server = await startServer(t, {
    accounts: USERS,
    mainCf: 'defer_transports = smtp, relay\nrelay_domains = far.test\nsingle_thread = yes\n',
  })
  await putMail(server, 0, 40)
  assert.equal(await submit(server, 'ana@mail.example.test', ['x@far.test', 'y@far.test'], textOf(99)), 250)
  // Success is told of by the queue: an agent delivers this one.
  assert.equal(await submit(server, '', ['eva@mail.example.test'], textOf(98), { notify: ['SUCCESS'] }), 250)
  await until('eva has it', async () => (await messagesIn(server, 'eva')).some((text) => text.includes(subjectOf(98))))
  const { accounts, store } = server.server.rooms.current
  const ana = accounts.find('ana')?.id ?? 0
  await store.createMailbox(ana, 'Kept')
  const selected = await store.select(ana, 'INBOX', { readOnly: false })
  assert.ok(!('refused' in selected))
  await selected.storeFlags([1, 2, 3], 'add', ['\\Seen', '\\Flagged', '$label'])
  await selected.copy([2, 4], 'Kept')
  await selected.storeFlags([5], 'add', ['\\Deleted'])
  await selected.expunge()
  selected.close()
  await then?.(server)
  await server.server.stop()
  const { dir } = server
  return { dir, paths: pathsOf(dir) }
}

export async function putMail(server: TestServer, from: number, to: number): Promise<void> {
  const work: Promise<void>[] = []
  for (let n = from; n < to; n++) {
    const users = n % 4 === 0 ? USERS : [USERS[n % 2] ?? '']
    const recipients = users.map((user) => `${user}@mail.example.test`)
    work.push(submit(server, 'ana@mail.example.test', recipients, textOf(n)).then((code) => assert.equal(code, 250)))
    if (n % 10 === 9) await Promise.all(work.splice(0))
  }
  await Promise.all(work)
}

/** Of a directory that is data_directory itself. */
export function pathsUnder(dir: string): DataPaths {
  writeFileSync(join(dir, 'main.cf'), `data_directory = ${dir}\n`)
  return pathsOf(dir)
}

export function pathsOf(dir: string): DataPaths {
  return dataPaths(readConfig({ directory: dir }))
}

/** The same once more, to be damaged. */
export function copyOf(t: TestContext, { dir }: MailData): MailData {
  const copy = mkdtempSync(join(tmpdir(), 'postigo-copy-'))
  t.after(() => rmSync(copy, { recursive: true, force: true }))
  // Sockets and shared memory are a running server's.
  cpSync(dir, copy, { recursive: true, filter: (path) => !/(?:-shm|control|socket)$/.test(path) })
  return { dir: copy, paths: pathsOf(copy) }
}

/** What upkeep keeps each day. */
export function takeSnapshot({ paths }: MailData, day: string): string {
  const dir = join(paths.dir, 'snapshots')
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const path = join(dir, `mail-${day}.db`)
  const db = openMailDatabase(paths.database)
  db.read.sql('PRAGMA query_only = off').run()
  db.read.sql('VACUUM INTO ?').run(path)
  db.close()
  return path
}
