/** `postigo backup` beside mail that comes in, what it notices, and `postigo restore --all`. */
import assert from 'node:assert/strict'
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { chooseGeneration, generationsIn, readManifest } from '#src/main/backup/manifest.ts'
import { backup } from '#src/main/cli/backup.ts'
import { EX } from '#src/main/cli/io.ts'
import { mailboxUndelete } from '#src/main/cli/mailbox-undelete.ts'
import { restore } from '#src/main/cli/restore.ts'
import { Server } from '#src/main/server/server.ts'
import { verify } from '#src/main/verify/verify.ts'
import { directory, ran } from '../support/commands.ts'
import { type MailData, makeMail, pathsOf, putMail, USERS } from '../support/mail-data.ts'
import { contents } from '../support/mailbox.ts'
import type { TestServer } from '../support/server.ts'

function findings({ paths }: MailData): string[] {
  const found: string[] = []
  verify({ paths, onFinding: ({ text }) => found.push(text) })
  return found
}

test('a backup while mail flows, a second one of what is new, and a third without the server', async (t) => {
  const dir = join(directory(t), 'kept')
  const data = await makeMail(t, async (server) => {
    const going = putMail(server, 40, 110)
    const first = await ran(backup, [dir, '-c', server.dir, '--keep', '2'])
    assert.equal(first.code, EX.ok, first.err)
    await going
    await putMail(server, 110, 120) // the first one may have had all of it
    const paths = pathsOf(server.dir)
    assert.deepEqual(readdirSync(paths.snapshots), [], 'nothing is held any more')
    await server.restart() // its segments are sealed
    const second = await ran(backup, [dir, '-c', server.dir, '--keep', '2'])
    assert.match(second.out, /, 1 of \d+ segments of the log/)
    await putMail(server, 120, 125)
  })
  const third = await ran(backup, [dir, '-c', data.dir, '--keep', '2', '--without-secrets'])
  assert.match(third.out, /, 1 of \d+ segments of the log/)
  assert.match(third.out, /removed: /)
  assert.equal(generationsIn(dir).length, 2)
  const [older, newer] = generationsIn(dir).map((generation) => readManifest(dir, generation))
  assert.equal(
    older?.files.some(({ path }) => path === 'secrets/credential.key'),
    true,
  )
  assert.equal(
    newer?.files.some(({ path }) => /secrets|credential|\/postigo/.test(path)),
    false,
  )
  assert.ok(newer?.files.some(({ path }) => path === 'config/main.cf'))
  assert.equal((await ran(backup, ['--verify', dir])).code, EX.ok)
  assert.match((await ran(backup, ['--list', dir])).out, /whole\n.*whole\n$/)
  const needed = new Set([...(older?.segments ?? []), ...(newer?.segments ?? [])].map(({ file }) => file))
  assert.deepEqual(new Set(readdirSync(join(dir, 'segments'))), needed)
  for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
    const stat = statSync(join(dir, name))
    assert.equal(stat.mode & 0o777, stat.isDirectory() ? 0o700 : 0o600, name)
  }
})

test('one flipped octet anywhere in a backup is seen, and a segment that rotted is copied anew', async (t) => {
  const dir = directory(t)
  await makeMail(t, async (server) => {
    assert.equal((await ran(backup, [dir, '-c', server.dir])).code, EX.ok)
    const generation = chooseGeneration(dir, undefined)
    const manifest = readManifest(dir, generation)
    const at = join(dir, 'generations', generation)
    const files = [
      ...manifest.files.map(({ path }) => join(at, path)),
      ...manifest.segments.map(({ file }) => join(dir, 'segments', file)),
      join(at, 'manifest.json'),
    ]
    for (const [n, file] of files.entries()) {
      const whole = readFileSync(file)
      const octets = Buffer.from(whole)
      octets[[0, Math.floor(whole.length / 2), whole.length - 1][n % 3] ?? 0]! ^= 0x10
      writeFileSync(file, octets)
      const { code, err } = await ran(backup, ['--verify', dir])
      assert.notEqual(code, EX.ok, file)
      assert.match(err, /not what was written|damaged/, file)
      writeFileSync(file, whole)
    }
    const segment = files.find((file) => file.includes('/segments/')) ?? ''
    rmSync(segment)
    assert.match((await ran(backup, ['--verify', dir])).err, /missing/)
    writeFileSync(segment, Buffer.alloc(manifest.segments[0]?.octets ?? 0))
    assert.match((await ran(backup, [dir, '-c', server.dir])).out, /, 1 of \d+ segments/)
    for (const one of generationsIn(dir))
      assert.equal((await ran(backup, ['--verify', dir, '--generation', one])).code, EX.ok)
  })
})

test('damage in the data is named in the backup, and takes no whole one away', async (t) => {
  const [dir, another] = [directory(t), directory(t)]
  await makeMail(t, async (server) => {
    const { log } = pathsOf(server.dir)
    assert.equal((await ran(backup, [dir, '-c', server.dir, '--keep', '1'])).code, EX.ok)
    const whole = chooseGeneration(dir, undefined)
    const [segment = ''] = readdirSync(log).filter((name) => name.endsWith('.log'))
    const octets = readFileSync(join(log, segment))
    octets[Math.floor(octets.length / 2)]! ^= 0x10
    writeFileSync(join(log, segment), octets)
    // The copy that is there already is what the segment was: nothing of it is lost.
    assert.equal((await ran(backup, [dir, '-c', server.dir, '--keep', '2'])).code, EX.ok)
    const found = await ran(backup, [another, '-c', server.dir])
    assert.equal(found.code, EX.dataErr)
    assert.match(found.err, /1 messages that rows refer to are damaged or missing/)

    await putMail(server, 40, 41) // the segment is another one now, and copied as it is
    assert.equal((await ran(backup, [dir, '-c', server.dir, '--keep', '1'])).code, EX.dataErr)
    assert.equal(generationsIn(dir).length, 2, 'the last whole one, and the damaged one')
    assert.ok(!generationsIn(dir).includes(whole))
    const kept = chooseGeneration(dir, generationsIn(dir)[0])
    assert.equal((await ran(backup, [dir, '-c', server.dir, '--keep', '1'])).code, EX.dataErr)
    assert.deepEqual(generationsIn(dir).length, 2, 'damaged ones do not pile up')
    assert.equal(generationsIn(dir)[0], kept)
  })
})

test('all comes back: the same mail, numbers above those of then, the queue on hold', async (t) => {
  const dir = directory(t)
  let before: ReadonlyMap<string, string>[] = []
  let uidNext = 0
  const data = await makeMail(t, async (server) => {
    before = await Promise.all(USERS.map((user) => contents(server, user, 'INBOX')))
    uidNext = uidNextOf(server.server)
    assert.equal((await ran(backup, [dir, '-c', server.dir])).code, EX.ok)
    await putMail(server, 40, 45)
  })
  assert.match((await ran(restore, ['--all', dir, '-c', data.dir])).err, /is not empty/)
  const to = directory(t)
  copyFileSync(join(data.dir, 'main.cf'), join(to, 'main.cf'))
  const { code, out } = await ran(restore, ['--all', dir, '-c', to])
  assert.equal(code, EX.ok)
  assert.match(out, /1 messages wait in the queue as of then and are on hold/)
  const paths = pathsOf(to)
  assert.deepEqual(findings({ dir: to, paths }), [])
  assert.equal(existsSync(join(paths.dir, 'restoring')), false)
  const server = await Server.start({ directory: to, portOffset: 0, freePorts: true, singleThread: true })
  t.after(() => server.server.stop())
  assert.equal((await server.server.status()).queue.held, 1)
  assert.deepEqual(server.report.damaged, [])
  const restored = { server: server.server } as TestServer // `contents` asks for no more
  for (const [n, user] of USERS.entries()) assert.deepEqual(await contents(restored, user, 'INBOX'), before[n])
  assert.ok(uidNextOf(server.server) >= uidNext + 65_536)
  assert.match((await ran(restore, ['--all', dir, '-c', to])).err, /a server runs/)
})

function uidNextOf({ rooms }: Server): number {
  const { accounts, store } = rooms.current
  const status = store.status(accounts.find('ana')?.id ?? 0, 'INBOX')
  assert.ok(status !== undefined && !('refused' in status))
  return status.uidNext
}

test('postigo mailbox undelete lists and brings back what was expunged', async (t) => {
  await makeMail(t, async (server) => {
    const words = ['ana', '-c', server.dir]
    assert.match((await ran(mailboxUndelete, [...words, '--list'])).out, /INBOX +expunged +1 messages/)
    assert.match((await ran(mailboxUndelete, [...words, 'Other'])).out, /nothing to bring back/)
    const before = (await contents(server, 'ana', 'INBOX')).size
    assert.equal((await ran(mailboxUndelete, [...words, 'INBOX', '--since', '1h'])).out, 'INBOX  1 messages are back\n')
    assert.equal((await contents(server, 'ana', 'INBOX')).size, before + 1)
    assert.equal((await ran(mailboxUndelete, ['nobody', '-c', server.dir])).code, EX.unavailable)
    assert.equal((await ran(mailboxUndelete, [...words, '--since', 'once'])).code, EX.usage)
    assert.deepEqual(findings({ dir: server.dir, paths: pathsOf(server.dir) }), [])
  })
})
