/** `postigo deliver` on a disk that is full: 75, so that the script keeps the message, and nothing of it is left. */
import assert from 'node:assert/strict'
import fs, { readdirSync, readlinkSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { deliver } from '#src/main/cli/deliver.ts'
import { messagesIn, until } from '../support/mailbox.ts'
import { startServer } from '../support/server.ts'

/** Writes of this process to files whose path matches fail until it is undone. */
function fill(t: TestContext, path: RegExp): () => void {
  const originals = { writeSync: fs.writeSync, writevSync: fs.writevSync }
  const refuse = (fd: number): void => {
    if (!path.test(readlinkSync(`/proc/self/fd/${fd}`))) return
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', errno: -28 })
  }
  for (const [name, original] of Object.entries(originals)) {
    const call = (fd: number, ...rest: unknown[]): unknown => {
      refuse(fd)
      return Reflect.apply(original, fs, [fd, ...rest])
    }
    Reflect.set(fs, name, call)
  }
  syncBuiltinESMExports()
  const undo = (): void => {
    Object.assign(fs, originals)
    syncBuiltinESMExports()
  }
  t.after(undo)
  return undo
}

test('no room for the message, in the maildrop or in the log: tried again later, it is there once', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const maildrop = join(server.dir, 'data/postigo-public/maildrop')
  const run = async (): Promise<string> => {
    let said = ''
    const io = {
      stdin: Readable.from([Buffer.from('Subject: hi\n\nbody\n')]),
      out: () => {},
      err: (line: string) => void (said += line),
      env: { MAIL_CONFIG: server.dir },
      cwd: '/',
      tty: false,
    }
    return `${await deliver(['-d', 'ana'], io)} ${said.trim()}`.trim()
  }
  for (const path of [/\/maildrop\//, /\/log\/[^/]*$/]) {
    const undo = fill(t, path)
    assert.match(await run(), /^75 postigo deliver: ./, String(path))
    assert.deepEqual(readdirSync(maildrop), [])
    undo()
  }
  assert.equal((await messagesIn(server, 'ana')).length, 0)
  assert.equal(await run(), '0')
  assert.equal((await messagesIn(server, 'ana')).length, 1)

  // What was left while no server ran waits in the maildrop until there is room.
  await server.server.stop()
  assert.equal(await run(), '0')
  const undo = fill(t, /\/log\/[^/]*$/)
  await server.restart()
  await until('it was tried', () => readdirSync(maildrop).length === 1)
  undo()
  await server.restart()
  await until('it is there', async () => (await messagesIn(server, 'ana')).length === 2)
  await until('the maildrop is empty', () => readdirSync(maildrop).length === 0)
})
