/** virtual(8): mailboxes in files with the ids that maps give, accounts of ours before them. */
import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { messagesIn, submit, until } from '../support/mailbox.ts'
import { startServer } from '../support/server.ts'
import { makeSystemUser, withoutRoot } from '../support/system-user.ts'

test(
  'an mbox, a Maildir, ids out of bounds, a full one, an unknown name',
  { skip: withoutRoot ?? false },
  async (t) => {
    const user = makeSystemUser(t)
    const base = join(user.home, 'vhosts')
    mkdirSync(base)
    chownSync(base, user.uid, user.uid)
    const server = await startServer(t, {
      mainCf: `
virtual_mailbox_domains = v.test
virtual_mailbox_base = ${base}
virtual_mailbox_maps = inline:{ {mbox@v.test = mbox}, {dir@v.test = v.test/dir/}, {root@v.test = root}, {none@v.test = none},
  {@wild.test = wild} }
virtual_uid_maps = inline:{ {mbox@v.test = ${user.uid}}, {dir@v.test = ${user.uid}}, {root@v.test = 50} }
virtual_gid_maps = static:${user.uid}
virtual_mailbox_limit = 800
message_size_limit = 700
smtpd_reject_unlisted_recipient = no
`,
    })
    const told = async (name: string, text: string, body = 'x\n'): Promise<void> => {
      assert.equal(
        await submit(server, 's@else.test', [`${name}@v.test`], `Subject: ${name}\n\nFrom here\n${body}`),
        250,
      )
      await until(
        text,
        () => server.log().includes(`to=<${name}@v.test>, relay=virtual`) && server.log().includes(text),
      )
    }
    await told('mbox', 'dsn=2.0.0, status=sent (delivered to mailbox)')
    assert.match(
      readFileSync(join(base, 'mbox'), 'utf8'),
      /^From s@else.test {2}.*\nReturn-Path: .*\nX-Original-To: mbox@v.test\nDelivered-To: mbox@v.test\n[^]*\n>From here\nx\n\n$/,
    )
    await told('dir', 'status=sent (delivered to maildir)')
    assert.equal(readdirSync(join(base, 'v.test/dir/new')).length, 1)
    await told('root', 'bad uid 50 in virtual_uid_maps')
    await told('none', 'uid not found in virtual_uid_maps')
    assert.match(server.log(), /to=<none@v.test>.* dsn=4.3.5, status=deferred \(mail system configuration error\)/)
    await told(
      'mbox',
      `dsn=5.2.2, status=bounced (delivery failed to mailbox ${base}/mbox: error writing message`,
      'y'.repeat(400) + '\n',
    )
    await submit(server, 's@else.test', ['nosuch@v.test'], 'Subject: x\n\nx\n')
    await until('unknown', () => server.log().includes('status=bounced (unknown user: "nosuch@v.test")'))
    const { accounts, store } = server.server.rooms.current
    await accounts.addDomain('v.test')
    const account = await accounts.add('mbox', 'v.test', 'secret')
    await store.provision(account.id)
    await submit(server, 's@else.test', ['mbox@v.test'], 'Subject: to the account\n\nx\n')
    assert.equal((await messagesIn(server, 'mbox@v.test')).length, 1)
  },
)

test(
  'ids that are too low, locks, and whose file it is, as they are set',
  { skip: withoutRoot ?? false },
  async (t) => {
    const user = makeSystemUser(t)
    const table: [setting: string, result: RegExp][] = [
      [`virtual_minimum_uid = ${user.uid}\n`, /status=sent/],
      [`virtual_minimum_uid = ${user.uid + 1}\n`, /dsn=4\.3\.5, status=deferred \(mail system configuration error\)/],
      ['virtual_mailbox_lock = fcntl\n', /status=sent/],
      [
        'virtual_mailbox_lock = dotlock\n',
        /dsn=4\.2\.0, status=deferred \(.*unable to create lock file .*: File exists\)/,
      ],
      ['virtual_mailbox_base = @/foreign\n', /status=deferred \(.*is not owned by recipient\)/],
      ['virtual_mailbox_base = @/foreign\nstrict_mailbox_ownership = no\n', /status=sent/],
    ]
    const base = join(user.home, 'v')
    const foreign = join(base, 'foreign')
    for (const dir of [base, foreign]) {
      mkdirSync(dir)
      chownSync(dir, user.uid, user.uid)
    }
    writeFileSync(join(foreign, 'box'), '')
    chmodSync(join(foreign, 'box'), 0o666)
    for (const [setting, result] of table) {
      if (setting.includes('lock')) writeFileSync(join(base, 'box.lock'), '')
      const server = await startServer(t, {
        mainCf: `virtual_mailbox_domains = v.test
virtual_mailbox_base = ${base}
virtual_mailbox_maps = inline:{ {x@v.test = box} }
virtual_uid_maps = static:${user.uid}
virtual_gid_maps = static:${user.uid}
deliver_lock_attempts = 1
${setting.replace('@', base)}`,
      })
      assert.equal(await submit(server, 's@else.test', ['x@v.test'], 'Subject: x\n\nx\n'), 250)
      await until('there is a result', () => /relay=virtual.* status=/.test(server.log()))
      assert.match(server.log(), result, setting)
      rmSync(join(base, 'box.lock'), { force: true })
    }
  },
)
