/** Mail moved from one account to another by sync programs keeps its octets, flags and dates; a second run moves nothing. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { run, sampleMessage } from '../support/client.ts'
import { contents, FLAGS } from '../support/mailbox.ts'
import { PASSWORD, startServer, type TestServer } from '../support/server.ts'

const MESSAGES = 40

async function withMail(t: TestContext): Promise<TestServer> {
  const server = await startServer(t, { accounts: ['ana', 'eva'] })
  const { accounts, store } = server.server.rooms.current
  const ana = accounts.byLogin('ana')?.id ?? 0
  assert.ok(!('refused' in (await store.createMailbox(ana, 'Work'))))
  for (let i = 0; i < MESSAGES; i++) {
    const octets = Buffer.from(sampleMessage(`message-${i}`))
    const flags = FLAGS.filter((_, bit) => ((i >> bit) & 1) === 1)
    const internalDateMs = Date.UTC(2011, 5, 1) + i * 86_401_000
    const options = { sizeOctets: octets.length, flags, internalDateMs }
    assert.ok('uid' in (await store.append(ana, i % 2 === 0 ? 'INBOX' : 'Work', [octets], options)))
  }
  return server
}

const PROGRAMS = {
  mbsync: {
    package: 'isync',
    config: (port: number) =>
      ['ana', 'eva']
        .map(
          (user) =>
            `IMAPAccount ${user}\nHost 127.0.0.1\nPort ${port}\nUser ${user}\nPass ${PASSWORD}\nSSLType None\n` +
            `AuthMechs LOGIN\n\nIMAPStore ${user}\nAccount ${user}\n\n`,
        )
        .join('') +
      'Channel move\nFar :ana:\nNear :eva:\nPatterns INBOX Work\nCreate Near\nExpunge Both\nSync All\nCopyArrivalDate yes\n',
    args: (file: string) => ['-c', file, 'move'],
  },
  offlineimap: {
    package: 'offlineimap3',
    config: (port: number) =>
      '[general]\naccounts = move\nui = basic\nmetadata = METADATA\n[Account move]\nlocalrepository = eva\nremoterepository = ana\n' +
      ['ana', 'eva']
        .map(
          (user) =>
            `[Repository ${user}]\ntype = IMAP\nremotehost = 127.0.0.1\nremoteport = ${port}\nssl = no\nstarttls = no\n` +
            `auth_mechanisms = LOGIN\nremoteuser = ${user}\nremotepass = ${PASSWORD}\n` +
            "folderfilter = lambda name: name in ('INBOX', 'Work')\n",
        )
        .join(''),
    args: (file: string) => ['-c', file, '-o'],
  },
}

for (const [program, { package: name, config, args }] of Object.entries(PROGRAMS))
  test(`${program} from one account to another: flags, dates, octets; a second run moves nothing`, async (t) => {
    const server = await withMail(t)
    const file = join(server.dir, 'rc')
    mkdirSync(join(server.dir, '.mbsync'))
    writeFileSync(file, config(server.port('imap')).replace('METADATA', join(server.dir, 'offline')))
    const sync = async (): Promise<void> => {
      const ran = await run(program, args(file), { package: name, env: { HOME: server.dir } })
      assert.equal(ran.code, 0, ran.out + ran.err)
      assert.doesNotMatch(ran.out + ran.err, /ERROR|Traceback/)
    }
    await sync()
    const status = (user: string, mailbox: string): unknown => {
      const { accounts, store } = server.server.rooms.current
      return store.status(accounts.byLogin(user)?.id ?? 0, mailbox)
    }
    const places = ['ana', 'eva'].flatMap((user) => ['INBOX', 'Work'].map((mailbox) => [user, mailbox] as const))
    for (const mailbox of ['INBOX', 'Work']) {
      const [from, to] = [await contents(server, 'ana', mailbox), await contents(server, 'eva', mailbox)]
      assert.equal(to.size, MESSAGES / 2)
      assert.deepEqual(to, from)
    }
    const before = places.map(([user, mailbox]) => status(user, mailbox))
    await sync()
    assert.deepEqual(
      places.map(([user, mailbox]) => status(user, mailbox)),
      before,
    )
  })
