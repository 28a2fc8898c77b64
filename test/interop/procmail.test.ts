/** mailbox_command with Debian's procmail: what its recipes file appears in IMAP, once, before the delivery is told as done. */
import assert from 'node:assert/strict'
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { messagesIn, submit, until } from '../support/mailbox.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { makeSystemUser, type SystemUser, withoutRoot } from '../support/system-user.ts'

const SKIP = { skip: withoutRoot ?? (existsSync('/usr/bin/procmail') ? false : 'needs procmail') }

interface World {
  readonly server: TestServer
  readonly user: SystemUser
  readonly mail: string
}

const RECIPES = `SHELL=/bin/sh
MAILDIR=$HOME/mail
LOGFILE=$MAILDIR/from
:0:
* ^Subject: mbox
box
:0
* ^Subject: maildir
lists/
:0
* ^Subject: mh
numbers/.
:0
* ^Subject: sub
.lists.deep/
:0c:
* ^Subject: both
box
:0
* ^Subject: forward
! eva
:0
* ^Subject: nowhere
/dev/null
:0
* ^Subject: pipe
| cat > $HOME/piped
:0
* ^Subject: refused
{
  EXITCODE=77
  :0
  /dev/null
}
:0
* ^Subject: later
{
  EXITCODE=75
  :0
  /dev/null
}
`

async function started(t: TestContext, recipes = RECIPES, mainCf = ''): Promise<World> {
  const user = makeSystemUser(t)
  const mail = join(user.home, 'mail')
  mkdirSync(mail)
  chownSync(mail, user.uid, user.uid)
  writeAs(user, '.procmailrc', recipes)
  const server = await startServer(t, {
    mainCf: `mailbox_command = /usr/bin/procmail -a "$EXTENSION"\nrecipient_delimiter = +\ndeliver_lock_attempts = 2\ndeliver_lock_delay = 0\n${mainCf}`,
    accounts: ['eva'],
  })
  return { server, user, mail }
}

function writeAs(user: SystemUser, file: string, text: string): void {
  writeFileSync(join(user.home, file), text)
  chownSync(join(user.home, file), user.uid, user.uid)
}

/** Sends, waits until it is told as done, and answers the log's line. */
async function deliver({ server, user }: World, subject: string, body = 'x\n'): Promise<string> {
  const before = server.log().length
  const text = `Subject: ${subject}\nMessage-ID: <${subject}@test>\n\n${body}`
  assert.equal(await submit(server, 's@else.test', [`${user.name}@mail.example.test`], text), 250)
  const line = (): string | undefined =>
    server
      .log()
      .slice(before)
      .split('\n')
      .find((l) => l.includes(`to=<${user.name}@`) && l.includes('status='))
  await until('told', () => line() !== undefined)
  return line() ?? ''
}

const subjects = async ({ server, user }: World, mailbox?: string): Promise<string[]> =>
  (await messagesIn(server, user.name, mailbox)).map((m) => /^Subject: (.*)$/m.exec(m)?.[1]?.trim() ?? '')

test('mbox, Maildir, Maildir++, MH and the default mailbox are folders of that name', SKIP, async (t) => {
  const world = await started(t)
  const { user, mail } = world
  const table: [string, string][] = [
    ['mbox', 'box'],
    ['maildir', 'lists'],
    ['mh', 'numbers'],
    ['sub', 'lists/deep'],
    ['else', 'INBOX'],
  ]
  for (const [subject, folder] of table) {
    assert.match(await deliver(world, subject), /status=sent \(delivered to command: \/usr\/bin\/procmail/)
    assert.deepEqual(await subjects(world, folder), [subject], folder)
  }
  const [message = ''] = await messagesIn(world.server, user.name, 'box')
  assert.match(message, /^Return-Path: <s@else.test>\r\nX-Original-To: .*\r\nDelivered-To: [^]*\r\n\r\nx\r\n$/)
  assert.equal(readFileSync(join(mail, 'box'), 'utf8'), '')
  assert.deepEqual(readdirSync(join(mail, 'lists/new')), [])
  assert.deepEqual(readdirSync(join(mail, 'numbers')), [])
  assert.equal(readFileSync(`/var/mail/${user.name}`, 'utf8'), '')
  assert.match(readFileSync(join(mail, 'from'), 'utf8'), /^From s@else.test/)
})

test('a message in two folders is in both; forwarded, piped and dropped mail is in none', SKIP, async (t) => {
  const world = await started(t)
  for (const subject of ['both', 'forward', 'nowhere', 'pipe']) await deliver(world, subject)
  assert.deepEqual([await subjects(world, 'box'), await subjects(world)], [['both'], ['both']])
  assert.match(readFileSync(join(world.user.home, 'piped'), 'utf8'), /Subject: pipe/)
})

test('exit codes are procmail’s own', SKIP, async (t) => {
  const world = await started(t)
  assert.match(await deliver(world, 'refused'), /dsn=5.7.0, status=bounced \(permission denied/)
  assert.match(await deliver(world, 'later'), /dsn=4.3.0, status=deferred \(temporary failure/)
})

test('what was in a folder before is not taken as new, and stays', SKIP, async (t) => {
  const world = await started(t)
  const old = 'From old@else.test  Tue Nov 24 12:05:02 2026\nSubject: old\n\nFrom here\n\n'
  writeAs(world.user, 'mail/box', old)
  await deliver(world, 'mbox one', 'a\n\nFrom me to you\n')
  await deliver(world, 'mbox two')
  assert.deepEqual(await subjects(world, 'box'), ['mbox one', 'mbox two'])
  assert.equal(readFileSync(join(world.mail, 'box'), 'utf8'), old)
})

test('a folder that stays locked defers, and the command is not run again', SKIP, async (t) => {
  const recipes = `:0w\n| echo run >> $HOME/runs; cat > $HOME/in; (printf 'From x y\\n'; cat $HOME/in; echo) >> $HOME/mail/box; touch $HOME/mail/box.lock\n`
  const world = await started(
    t,
    `SHELL=/bin/sh\nMAILDIR=$HOME/mail\n${recipes}`,
    'minimal_backoff_time = 1s\nqueue_run_delay = 1s\n',
  )
  writeAs(world.user, 'mail/box', '')
  assert.match(
    await deliver(world, 'one'),
    /dsn=4.2.0, status=deferred \(cannot take in what the command filed: .*File exists/,
  )
  rmSync(join(world.mail, 'box.lock'))
  await until('it is taken in', async () => (await subjects(world, 'box')).length === 1)
  await until('and told', () => /status=sent/.test(world.server.log()))
  assert.equal(readFileSync(join(world.user.home, 'runs'), 'utf8'), 'run\n')
})
