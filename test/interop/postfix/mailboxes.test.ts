/** home_mailbox with all that can stand in its way: Debian's Postfix and Postigo say the same, and leave the same files. */
import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../../support/client.ts'
import { submit, until } from '../../support/mailbox.ts'
import { DOMAIN, startServer } from '../../support/server.ts'
import { makeSystemUser, type SystemUser } from '../../support/system-user.ts'
import { reasonToSkip, writeView } from './namespace.ts'
import { startPostfix } from './postfix.ts'

const PORT = 22_000

/** What each user's home is like before a message comes. */
const HOMES: Readonly<Record<string, (home: string, user: SystemUser) => void>> = {
  plain: () => {},
  directory: (home) => mkdirSync(join(home, 'mbox')),
  link: (home, { uid }) => {
    writeFileSync(join(home, 'other'), '')
    chownSync(join(home, 'other'), uid, uid)
    symlinkSync('other', join(home, 'mbox'))
  },
  foreign: (home) => writeFileSync(join(home, 'mbox'), '', { mode: 0o666 }),
  locked: (home, { uid }) => {
    writeFileSync(join(home, 'mbox.lock'), '')
    chownSync(join(home, 'mbox.lock'), uid, uid)
  },
  full: (home, { uid }) => {
    writeFileSync(join(home, 'mbox'), 'x'.repeat(2900))
    chownSync(join(home, 'mbox'), uid, uid)
  },
  closed: (home) => {
    chownSync(home, 0, 0)
    chmodSync(home, 0o755)
  },
  gone: (home) => renameSync(home, `${home}.gone`),
}

const SETTINGS = `
home_mailbox = mbox
mailbox_size_limit = 3000
message_size_limit = 2500
deliver_lock_attempts = 1
require_home_directory = REQUIRED
`

/** The user's kind, and what was said. */
function told(log: string, users: ReadonlyMap<string, SystemUser>): string[] {
  const kinds = new Map(Array.from(users, ([kind, { name }]) => [name, kind]))
  const lines = log.matchAll(/: \w+: to=<([^@>]*)@[^>]*>,.* relay=local,.* dsn=([\d.]+), status=(\w+ \(.*\))$/gm)
  const said = Array.from(lines, ([, name = '', dsn, status = '']) => {
    const home = users.get(kinds.get(name) ?? '')?.home ?? ''
    return `${kinds.get(name)} ${dsn} ${status.replaceAll(home, 'HOME').replaceAll(name, 'USER')}`
  })
  // Postfix's bounce(8) is not always there in time just after the start.
  return [...new Set(said)].filter((line) => !line.includes('bounce or trace service failure')).toSorted()
}

/** The files that a delivery may have touched. */
function left(users: ReadonlyMap<string, SystemUser>): string[] {
  return Array.from(users, ([kind, { home, uid }]) => {
    const path = join(home, 'mbox')
    if (!existsSync(path) || statSync(path).isDirectory()) return `${kind} -`
    const { mode, uid: owner } = statSync(path)
    const text = readFileSync(path, 'latin1')
      .replace(/^From (\S+) {2}.*$/gm, 'From $1  DATE')
      .replace(/^(?:Received|Message-I[dD]|Date|From|To|X-Original-To|Delivered-To): .*\n(?:[ \t].*\n)*/gm, '')
    return `${kind} ${owner === uid ? 'own' : owner} ${(mode & 0o777).toString(8)} ${text}`
  })
}

for (const required of ['no', 'yes'])
  test(`home_mailbox, require_home_directory = ${required}`, { skip: reasonToSkip() ?? false }, async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'postigo-homes-'))
    chmodSync(dir, 0o755)
    t.after(() => rmSync(dir, { recursive: true }))
    const usersOf = (): Map<string, SystemUser> =>
      new Map(
        Object.entries(HOMES).map(([kind, prepare]) => {
          const user = makeSystemUser(t)
          prepare(user.home, user)
          return [kind, user]
        }),
      )
    const [theirs, ours] = [usersOf(), usersOf()]
    const mainCf = SETTINGS.replace('REQUIRED', required)
    const addresses = (users: ReadonlyMap<string, SystemUser>): string[] =>
      Array.from(users.values(), ({ name }) => `${name}@${DOMAIN}`)
    const message = 'Subject: x\n\nFrom here\n'
    writeView(dir, '127.0.0.1')
    const place = { dir: join(dir, 'instance'), address: '127.0.0.1', sinkPort: 9 }
    mkdirSync(place.dir)
    const world = { name: 'homes', mainCf, files: {}, indexed: [], sessions: [{ name: 'in', steps: [] }] }
    const postfix = await startPostfix(world, place, PORT, dir)
    try {
      const words = ['-C', place.dir, '-f', 's@else.test', ...addresses(theirs)]
      const sent = await run('/usr/sbin/sendmail', words, { input: message })
      assert.equal(sent.code, 0, sent.err)
      const all = Object.keys(HOMES).length
      await until('all is told by Postfix', async () => {
        if (told(postfix.log(), theirs).length >= all) return true
        if (postfix.log().includes('bounce or trace service failure')) await run('postqueue', ['-c', place.dir, '-f'])
        return false
      })
      const server = await startServer(t, { mainCf })
      assert.equal(await submit(server, 's@else.test', addresses(ours), message), 250)
      await until('all is told by Postigo', () => told(server.log(), ours).length >= all)
      assert.deepEqual(told(server.log(), ours), told(postfix.log(), theirs))
      assert.deepEqual(left(ours), left(theirs))
    } finally {
      await postfix.stop()
    }
  })
