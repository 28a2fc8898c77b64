/** virtual(8): Debian's Postfix and Postigo deliver the same mail to the same files, and say the same of it. */
import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
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
import { startServer } from '../../support/server.ts'
import { makeSystemUser, type SystemUser } from '../../support/system-user.ts'
import { reasonToSkip, writeView } from './namespace.ts'
import { startPostfix } from './postfix.ts'

const PORT = 21_970

/** Address, mailbox below the base, uid; `USER` is the user's. */
const BOXES: readonly (readonly [address: string, mailbox: string, uid: string])[] = [
  ['mbox@v.test', 'mbox', 'USER'],
  ['deep@v.test', 'a/b/mbox', 'USER'],
  ['dir@v.test', 'v.test/dir/', 'USER'],
  ['old@v.test', 'old/', 'USER'],
  ['case@v.test', 'case', 'USER'],
  ['plus+x@v.test', 'plus-x', 'USER'],
  ['plus@v.test', 'plus', 'USER'],
  ['low@v.test', 'low', '50'],
  ['word@v.test', 'word', 'abc'],
  ['noid@v.test', 'noid', ''],
  ['isdir@v.test', 'isdir', 'USER'],
  ['link@v.test', 'link', 'USER'],
  ['full@v.test', 'full', 'USER'],
  ['closed@v.test', 'closed/mbox', 'USER'],
  ['null@v.test', 'null', 'USER'],
  ['foreign@v.test', 'foreign', 'USER'],
  ['foreigndir@v.test', 'closed/dir/', 'USER'],
  ['blocked@v.test', 'full/dir/', 'USER'],
  ['@any.test', 'any', 'USER'],
]

const RECIPIENTS = [
  ...BOXES.map(([address]) => (address.startsWith('@') ? `someone${address}` : address.replace(/^c/, 'C'))),
  'plus+other@v.test',
  'UPPER@any.test',
  'Nosuch@v.test',
]

function settings(base: string, user: SystemUser): string {
  const ids = BOXES.filter(([, , uid]) => uid !== '').map(
    ([address, , uid]) => `{${address}=${uid.replace('USER', String(user.uid))}}`,
  )
  return `
virtual_mailbox_domains = v.test, any.test
virtual_mailbox_base = ${base}
virtual_mailbox_maps = inline:{ ${BOXES.map(([address, mailbox]) => `{${address}=${mailbox}}`).join(' ')} }
virtual_uid_maps = inline:{ ${ids.join(' ')} }
virtual_gid_maps = static:${user.uid}
virtual_mailbox_limit = 3000
message_size_limit = 2500
recipient_delimiter = +
`
}

/** The base with what is there before. */
function makeBase(dir: string, user: SystemUser): string {
  mkdirSync(dir)
  for (const name of ['isdir', 'old', 'old/tmp', 'old/new', 'old/cur']) mkdirSync(join(dir, name))
  mkdirSync(join(dir, 'closed'), { mode: 0o700 })
  writeFileSync(join(dir, 'full'), 'x'.repeat(2900))
  writeFileSync(join(dir, 'target'), '')
  symlinkSync('/dev/null', join(dir, 'null'))
  writeFileSync(join(dir, 'foreign'), '')
  chmodSync(join(dir, 'foreign'), 0o666)
  for (const name of ['.', 'isdir', 'old', 'old/tmp', 'old/new', 'old/cur', 'full', 'target'])
    chownSync(join(dir, name), user.uid, user.uid)
  return dir
}

interface Told {
  readonly log: string
  readonly base: string
}

/** Postfix's bounce(8) is not always there in time just after the start. */
const NO_BOUNCE = 'bounce or trace service failure'

/** `to dsn status (text)` without what is each one's own. */
function told({ log, base }: Told): string[] {
  const lines = log.matchAll(
    /: \w+: to=<([^>]*@(?:v|any)\.test)>,.* relay=(?:virtual|none),.* dsn=([\d.]+), status=(\w+ \(.*\))$/gm,
  )
  return [
    ...new Set(
      Array.from(
        lines,
        ([, to, dsn, status = '']) =>
          `${to} ${dsn} ${status.replaceAll(base, 'BASE').replace(/\/\d+\.P\d+\./, '/TIME.PID.')}`,
      ),
    ),
  ]
    .filter((line) => !line.includes(NO_BOUNCE))
    .toSorted()
}

/** Files and their owners, and what they hold without its trace. */
function shapes(base: string): string[] {
  return readdirSync(base, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const path = join(entry.parentPath, entry.name)
      const { uid, mode } = statSync(path)
      const text = readFileSync(path, 'latin1')
        .replace(/^From (\S+) {2}.*$/gm, 'From $1  DATE')
        .replace(/^(?:Received|Message-I[dD]|Date|From): .*\n(?:[ \t].*\n)*/gm, '')
        .split(/^(?=From s@)/m)
        .toSorted() // deliveries to one file may overtake one another
        .join('')
      const name = path.slice(base.length).replace(/\/new\/.*/, '/new/NAME')
      return `${name} ${uid} ${(mode & 0o777).toString(8)} ${text}`
    })
    .toSorted()
}

test('virtual(8), side by side', { skip: reasonToSkip() ?? false }, async (t) => {
  const user = makeSystemUser(t)
  const dir = mkdtempSync(join(tmpdir(), 'postigo-virtual-'))
  chmodSync(dir, 0o755)
  t.after(() => rmSync(dir, { recursive: true }))
  const [theirs, ours] = [makeBase(join(dir, 'theirs'), user), makeBase(join(dir, 'ours'), user)]
  writeView(dir, '127.0.0.1')
  const place = { dir: join(dir, 'instance'), address: '127.0.0.1', sinkPort: 9 }
  mkdirSync(place.dir)
  const world = {
    name: 'virtual',
    mainCf: settings(theirs, user),
    files: {},
    indexed: [],
    sessions: [{ name: 'in', steps: [] }],
  }
  const message = 'Subject: x\n\nFrom here\n'
  const postfix = await startPostfix(world, place, PORT, dir)
  try {
    const sent = await run('/usr/sbin/sendmail', ['-C', place.dir, '-f', 's@else.test', ...RECIPIENTS], {
      input: message,
    })
    assert.equal(sent.code, 0, sent.err)
    await until('all is told by Postfix', async () => {
      if (told({ log: postfix.log(), base: theirs }).length >= RECIPIENTS.length) return true
      if (postfix.log().includes(NO_BOUNCE)) await run('postqueue', ['-c', place.dir, '-f'])
      return false
    })
    const server = await startServer(t, { mainCf: `${settings(ours, user)}smtpd_reject_unlisted_recipient = no\n` })
    assert.equal(await submit(server, 's@else.test', RECIPIENTS, message), 250)
    await until('all is told by Postigo', () => told({ log: server.log(), base: ours }).length >= RECIPIENTS.length)
    assert.deepEqual(told({ log: server.log(), base: ours }), told({ log: postfix.log(), base: theirs }))
    assert.deepEqual(shapes(ours), shapes(theirs))
  } finally {
    await postfix.stop()
  }
})
