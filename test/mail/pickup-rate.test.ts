/** local_submission_rate_limit: how much one user brings in a minute; the rest waits in the maildrop. */
import assert from 'node:assert/strict'
import { chownSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { DropWriter, publicPaths } from '#src/main/server/maildrop.ts'
import { tellDropped } from '#src/main/server/public-socket.ts'
import { messagesIn, until } from '../support/mailbox.ts'
import { startServer } from '../support/server.ts'
import { withoutRoot } from '../support/system-user.ts'

/** Root is not counted. */
const NOBODY = 65_534
const MINUTE_MS = 60_000

/** How many of four messages of one user are taken in, when one of root's, which came last, is; and whether all was in one minute. */
async function trial(t: TestContext): Promise<{ taken: number; waiting: number; inOneMinute: boolean }> {
  const server = await startServer(t, { accounts: ['ana'], mainCf: 'local_submission_rate_limit = 2\n' })
  const paths = publicPaths(server.server.rooms.current.config)
  const drop = async (uid: number): Promise<void> => {
    const file = new DropWriter(paths.maildrop, { recipients: [{ address: 'ana' }] })
    file.write(Buffer.from(`Subject: of ${uid}\r\n\r\n`))
    file.finish()
    chownSync(join(paths.maildrop, file.name), uid, uid)
    await tellDropped(paths)
  }
  const minute = (): number => Math.floor(Date.now() / MINUTE_MS)
  const began = minute()
  for (let n = 0; n < 4; n++) await drop(NOBODY)
  await until('two are taken', async () => (await messagesIn(server, 'ana')).length >= 2)
  await drop(0)
  await until('root’s is', async () => (await messagesIn(server, 'ana')).some((text) => text.includes('of 0')))
  const taken = (await messagesIn(server, 'ana')).filter((text) => text.includes(`of ${NOBODY}`)).length
  return { taken, waiting: readdirSync(paths.maildrop).length, inOneMinute: minute() === began }
}

test(
  'what is beyond the rate waits for the next minute; root’s mail does not',
  { skip: withoutRoot ?? false },
  async (t) => {
    let done = await trial(t)
    while (!done.inOneMinute) done = await trial(t)
    assert.equal(done.taken, 2)
    assert.ok(done.waiting >= 2)
  },
)
