/** System users: a mailbox without further steps, .forward files, Postfix's mailbox parameters, aliases with rights. */
import assert from 'node:assert/strict'
import { chownSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { messagesIn, submit, until } from '../support/mailbox.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { makeSystemUser, type SystemUser, withoutRoot } from '../support/system-user.ts'

const SKIP = { skip: withoutRoot ?? false }
const at = (name: string): string => `${name}@mail.example.test`

async function started(t: TestContext, mainCf = ''): Promise<{ server: TestServer; user: SystemUser }> {
  const user = makeSystemUser(t)
  const server = await startServer(t, {
    mainCf: `recipient_delimiter = +\n${mainCf.replaceAll('USER', user.name)}`,
    accounts: ['eva'],
  })
  return { server, user }
}

const send = ({ server }: { server: TestServer }, name: string): Promise<number> =>
  submit(server, 's@else.test', [at(name)], 'Subject: x\n\nFrom here\n')

function writeAs(user: SystemUser, file: string, text: string): void {
  writeFileSync(join(user.home, file), text)
  chownSync(join(user.home, file), user.uid, user.uid)
}

const sent = ({ server }: { server: TestServer }, text: string): Promise<void> =>
  until(text, () => server.log().includes(text))

test('a user of the system has a mailbox, at once and through a .forward file', SKIP, async (t) => {
  const world = await started(t)
  const { server, user } = world
  assert.equal(await send(world, user.name), 250)
  assert.equal((await messagesIn(server, user.name)).length, 1)
  writeAs(user, '.forward', `\\${user.name}, eva, "|cat > ${join(user.home, 'copy')}"\n`)
  assert.equal(await send(world, user.name), 250)
  await until('both have it', async () => (await messagesIn(server, user.name)).length === 2)
  assert.match(readFileSync(join(user.home, 'copy'), 'utf8'), /^From s@else\.test {2}/)
  await until('eva has it', async () => (await messagesIn(server, 'eva')).length === 1)
  const [eva = ''] = await messagesIn(server, 'eva')
  assert.match(eva, new RegExp(`\r\nDelivered-To: ${user.name}@mail.example.test\r\n`))
  writeAs(user, '.forward+list', 'nosuch\n')
  assert.equal(await send(world, `${user.name}+list`), 250)
  await sent(world, 'status=sent (forwarded as ')
  await sent(world, 'dsn=5.1.1, status=bounced (unknown user: "nosuch")')
})

test('two .forward files that name each other end in a bounce', SKIP, async (t) => {
  const world = await started(t)
  const other = makeSystemUser(t)
  writeAs(world.user, '.forward', other.name)
  writeAs(other, '.forward', world.user.name)
  await send(world, world.user.name)
  await sent(world, `(mail forwarding loop for ${at(world.user.name)})`)
})

test('home_mailbox, mail_spool_directory and mail_spool_copy are files of the user', SKIP, async (t) => {
  const maildir = await started(t, 'home_mailbox = Maildir/\n')
  await send(maildir, maildir.user.name)
  await sent(maildir, 'status=sent (delivered to maildir)')
  assert.equal(readdirSync(join(maildir.user.home, 'Maildir/new')).length, 1)
  const spool = await started(t, 'mail_spool_directory = /var/mail\n')
  await send(spool, spool.user.name)
  await sent(spool, 'status=sent (delivered to mailbox)')
  assert.match(readFileSync(`/var/mail/${spool.user.name}`, 'utf8'), /\nSubject: x\n\n>From here\n\n$/)
  assert.deepEqual(await messagesIn(spool.server, spool.user.name), [])
  const copy = await started(t, 'mail_spool_copy = yes\n')
  await send(copy, copy.user.name)
  await until('it is in the store', async () => (await messagesIn(copy.server, copy.user.name)).length === 1)
  await until('and in the spool', () => existsSync(`/var/mail/${copy.user.name}`))
})

test('commands of aliases run as default_privs, or as who owns the list', SKIP, async (t) => {
  const world = await started(t, 'default_privs = USER\nallow_mail_to_commands = alias, include\n')
  const { server, user } = world
  const file = join(user.home, 'ran')
  writeFileSync(join(server.dir, 'list'), `"|id -u > ${file}.list"\n`)
  chownSync(join(server.dir, 'list'), user.uid, user.uid)
  writeFileSync(
    join(server.dir, 'main.cf'),
    readFileSync(join(server.dir, 'main.cf'), 'utf8') + `alias_maps = texthash:${join(server.dir, 'alias')}\n`,
  )
  writeFileSync(join(server.dir, 'alias'), `cmd "|id -u > ${file}"\nlist :include:${join(server.dir, 'list')}\n`)
  await server.restart()
  for (const name of ['cmd', 'list']) {
    await send(world, name)
    await sent(world, `to=<${at(name)}>, relay=local`)
  }
  assert.match(server.log(), /status=sent \(delivered to command: id -u > /)
  for (const name of [file, `${file}.list`]) assert.equal(readFileSync(name, 'utf8').trim(), String(user.uid))
})

test('what is sent on is sent on once, though the own mailbox has to be tried again', SKIP, async (t) => {
  const world = await started(t, 'home_mailbox = mbox\ndeliver_lock_attempts = 1\n')
  const { server, user } = world
  writeAs(user, '.forward', `\\${user.name}, eva\n`)
  writeAs(user, 'mbox.lock', 'another program\n')
  await send(world, user.name)
  await sent(world, 'status=deferred (')
  await until('eva has it', async () => (await messagesIn(server, 'eva')).length === 1)
  rmSync(join(user.home, 'mbox.lock'))
  await server.server.rooms.desk.flush('all')
  server.server.rooms.queued.notify()
  await sent(world, `to=<${at(user.name)}>, relay=local, delay=`)
  await until('nothing waits', () => server.server.rooms.desk.counts().messages === 0)
  assert.match(readFileSync(join(user.home, 'mbox'), 'utf8'), /\nSubject: x\n/)
  assert.equal((await messagesIn(server, 'eva')).length, 1)
})

test('who asks for success is told that a .forward file sent the mail on', SKIP, async (t) => {
  const { server, user } = await started(t)
  writeAs(user, '.forward', 'eva\n')
  await submit(server, at('eva'), [at(user.name)], 'Subject: x\n\ny\n', { notify: ['SUCCESS'] })
  await until('mail and report', async () => (await messagesIn(server, 'eva')).length === 2)
  const report = (await messagesIn(server, 'eva')).find((text) => text.includes('multipart/report')) ?? ''
  assert.match(
    report,
    /\r\nAction: expanded\r\nStatus: 2\.0\.0\r\nDiagnostic-Code: X-Postigo; delivery via local: alias expanded\r\n/,
  )
  assert.match(server.log(), /status=sent \(forwarded as /)
})
