import assert from 'node:assert/strict'
import { chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { listen, manualClock } from '#src/base/mod.ts'
import type { DeliveryJob, RecipientResult } from '../../queue/mod.ts'
import { LocalDelivery, rightsOf } from './delivery.ts'
import { createFileTool } from './file-tool.ts'
import { aUser, settings } from './fixture.test.ts'
import { readForward } from './forward-file.ts'
import { Forwarding } from './forwarding.ts'
import type { ForwardedMail, LocalPorts } from './ports.ts'
import { runAsChild } from './run-as.ts'
import type { SystemUser } from './users.ts'

const MESSAGE = Buffer.from('Subject: x\r\n\r\nbody\r\n')
/** Aliases of this world; every other name is a user's. */
const ALIASES: Readonly<Record<string, readonly string[]>> = { team: ['ana', 'eva@else.test'] }
const at = (name: string): string => (name.includes('@') ? name : `${name}@mail.example.test`)

interface World {
  readonly one: LocalDelivery
  readonly user: SystemUser
  readonly sent: ForwardedMail[]
  readonly warnings: string[]
  /** What comsat was told. */
  readonly told: string[]
}

function world(t: TestContext, cf = ''): World {
  const user = aUser(t)
  const sent: ForwardedMail[] = []
  const warnings: string[] = []
  const told: string[] = []
  t.after(listen((event) => 'text' in event && warnings.push(String(event.text))))
  const recipient = { id: 1, address: 'ana+x@mail.example.test', original: '', transport: 'local', nexthop: '' }
  const job: DeliveryJob = {
    queueId: 'Q',
    transport: 'local',
    nexthop: '',
    sender: 's@else.test',
    recipients: [recipient],
    arrivalMs: 0,
    sizeOctets: MESSAGE.length,
    smtpUtf8: false,
    saslUsername: '',
    at: { segment: 1, offset: 0, length: MESSAGE.length },
    read: (from, to) => MESSAGE.subarray(from, to),
  }
  const ports: LocalPorts = {
    cf: () => settings(`recipient_delimiter = +\n${cf}`),
    spoolIsSet: () => false,
    propagates: () => false,
    own: () => ({ TZ: undefined, MAIL_CONFIG: '/' }),
    clock: manualClock(),
    run: runAsChild,
    files: createFileTool(runAsChild),
    router: () => ({
      targets: (text) =>
        text
          .split(/[\n,]/)
          .map((word) => word.trim().replace(/^"(.*)"$/, '$1'))
          .filter(Boolean),
      standard: at,
      expand: async (address) =>
        (ALIASES[address.split('@')[0] ?? ''] ?? [address]).map((name) => ({
          routed: { recipient: at(name), addressClass: at(name).endsWith('else.test') ? 'default' : 'local' },
        })),
    }),
    find: async () => undefined,
    user: async () => user,
    userById: async () => user,
    forward: async (mail) => {
      sent.push(mail)
      return { queueId: 'NEW' }
    },
    // Nothing here files into folders.
    journal: undefined as unknown as LocalPorts['journal'],
    biff: (text) => void told.push(text),
    takeIn: () => assert.fail('nothing is filed'),
    pass: async () => ({ status: 'deferred', dsn: '4.0.0', text: 'not here' }),
  }
  return { one: new LocalDelivery(job, recipient, ports), user, sent, warnings, told }
}

/** What comes of a .forward file with this text; undefined where it sends nothing on. */
async function follow(w: World, text: string): Promise<RecipientResult | undefined> {
  const forwarding = new Forwarding(w.one, w.user)
  if (!(await forwarding.read(text, 'forward', ''))) return undefined
  return forwarding.finish(async () => ({ status: 'sent', dsn: '2.0.0', text: 'own mailbox' }))
}

test('a .forward file sends on, and names its user for the own mailbox', async (t) => {
  const table: [string, string | undefined, string[]][] = [
    ['', undefined, []],
    ['# nobody\n', undefined, []],
    ['eva@else.test', 'forwarded as NEW', ['eva@else.test']],
    ['ana', 'own mailbox', []],
    ['Ana+y@mail.example.test, eva@else.test, eva@else.test', 'own mailbox', ['eva@else.test']],
    ['team', 'own mailbox', ['eva@else.test']],
    ['other', 'forwarded as NEW', ['other@mail.example.test']],
    ['"|cat > /dev/null"', 'delivered to command: cat > /dev/null', []],
    ['"|exit 75", ana, eva@else.test', 'temporary failure', []],
    ['"|exit 67", ana', 'user unknown', []],
    [':include:rel', 'mail system configuration error', []],
    ['~other/x', 'mail system configuration error', []],
  ]
  for (const [text, expected, sent] of table) {
    const w = world(t)
    assert.equal((await follow(w, text))?.text, expected, text)
    assert.deepEqual(
      w.sent.flatMap((mail) => mail.recipients),
      sent,
      text,
    )
  }
})

test('what is sent on carries Delivered-To, where prepend_delivered_header has forward', async (t) => {
  const w = world(t)
  await follow(w, 'eva@else.test')
  assert.equal(w.sent[0]?.deliveredTo, 'ana+x@mail.example.test')
  const without = world(t, 'prepend_delivered_header = command\n')
  await follow(without, 'eva@else.test')
  assert.equal(without.sent[0]?.deliveredTo, undefined)
})

test('files and lists are the user’s own', async (t) => {
  const w = world(t)
  const { home, uid, gid } = w.user
  writeFileSync(join(home, 'list'), `# members\n|/bin/true\n~/box2\neva@else.test\n:include:${join(home, 'list')}\n`)
  chownSync(join(home, 'list'), uid, gid)
  const result = await follow(w, `~/box, :include:${join(home, 'list')}`)
  assert.deepEqual(result, { status: 'bounced', dsn: '5.7.1', text: 'mail to command is restricted' })
  assert.match(
    readFileSync(join(home, 'box'), 'utf8'),
    /^From s@else\.test {2}.*\nReturn-Path: <s@else\.test>\nX-Orig.*\nDelivered-To: ana\+x@.*\nSubject: x\n\nbody\n\n$/,
  )
  assert.deepEqual(w.sent[0]?.recipients, ['eva@else.test'])
  chmodSync(join(home, 'list'), 0o666)
  const open = world(t)
  assert.equal((await follow(open, `:include:${join(home, 'list')}`))?.status, 'bounced')
  assert.match(open.warnings[0] ?? '', /is world writable$/)
})

test('a .forward file is found by forward_path, and believed only when it is the user’s', async (t) => {
  const w = world(t)
  const { home, uid, gid } = w.user
  const read = (): ReturnType<typeof readForward> => readForward(w.one.ports.files, w.one.to, w.user, w.one.cf)
  assert.equal(await read(), undefined)
  writeFileSync(join(home, '.forward'), 'plain')
  chownSync(join(home, '.forward'), uid, gid)
  assert.deepEqual(await read(), { path: join(home, '.forward'), withExtension: false, text: 'plain' })
  writeFileSync(join(home, '.forward+x'), 'extended')
  chownSync(join(home, '.forward+x'), uid, gid)
  assert.deepEqual(await read(), { path: join(home, '.forward+x'), withExtension: true, text: 'extended' })
  chmodSync(join(home, '.forward+x'), 0o646)
  assert.equal(await read(), undefined)
  assert.deepEqual(w.warnings, [`file ${join(home, '.forward+x')} is world writable`])
})

test('biff: comsat is told where a message begins in the user’s own mbox', async (t) => {
  const { one, user, told } = world(t)
  for (let n = 0; n < 2; n++)
    assert.equal((await one.file(join(user.home, 'mbox'), rightsOf(user), 'ana')).status, 'sent')
  const text = readFileSync(join(user.home, 'mbox'), 'latin1')
  assert.deepEqual(told, ['ana@0', `ana@${text.lastIndexOf('\nFrom ') + 1}`])
  assert.equal((await one.file(join(user.home, 'maildir/'), rightsOf(user), 'ana')).status, 'sent')
  assert.equal((await one.file(join(user.home, 'any'), rightsOf(user))).status, 'sent')
  const silent = world(t, 'biff = no\n')
  await silent.one.file(join(silent.user.home, 'mbox'), rightsOf(silent.user), 'ana')
  assert.deepEqual([told.length, silent.told], [2, []])
})
