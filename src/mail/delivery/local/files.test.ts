import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { RecipientResult } from '../../queue/mod.ts'
import { createFileTool } from './file-tool.ts'
import { deliverToFile, type FileDelivery } from './files.ts'
import { aUser, settings } from './fixture.test.ts'
import { runAsChild } from './run-as.ts'
import type { SystemUser } from './users.ts'

const tool = createFileTool(runAsChild)
const MESSAGE = 'From s@else.test  Tue Nov 24 12:05:02 2026\nSubject: x\n\nbody\n\n'

function deliver(user: SystemUser, path: string, given: Partial<FileDelivery> = {}, cf = ''): Promise<RecipientResult> {
  const fast = `deliver_lock_attempts = 2\ndeliver_lock_delay = 0\n${cf}`
  const bound = settings(fast)
  const delivery: FileDelivery = {
    path,
    rights: user,
    copy: () => [Buffer.from(MESSAGE)],
    limit: 0,
    what: { mailboxOf: user.name, strictOwner: true },
    nowMs: 1_795_521_903_424.5,
    ...given,
  }
  return deliverToFile(tool, delivery, { ...bound, locks: bound.mailbox_delivery_lock })
}

test('an mbox grows by whole messages, for its user alone', async (t) => {
  const user = aUser(t)
  const path = join(user.home, 'mbox')
  for (let n = 1; n <= 2; n++) {
    assert.deepEqual(await deliver(user, path), { status: 'sent', dsn: '2.0.0', text: 'delivered to mailbox' })
    assert.equal(readFileSync(path, 'utf8'), MESSAGE.repeat(n))
  }
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal(statSync(path).uid, user.uid)
  const full = await deliver(user, path, { limit: MESSAGE.length * 2 + 10 })
  assert.deepEqual([full.status, full.dsn], ['bounced', '5.2.2'])
  assert.equal(full.text, `cannot update mailbox ${path} for user ana. error writing message: File too large`)
  assert.equal(readFileSync(path, 'utf8'), MESSAGE.repeat(2))
  assert.deepEqual(readdirSync(user.home), ['mbox'])
})

test('a lock file is waited for; a stale one goes', async (t) => {
  const user = aUser(t)
  const path = join(user.home, 'mbox')
  writeFileSync(path, '')
  chownSync(path, user.uid, user.gid)
  writeFileSync(`${path}.lock`, '')
  const locked = await deliver(user, path)
  assert.deepEqual([locked.status, locked.dsn], ['deferred', '4.2.0'])
  assert.match(locked.text, /unable to create lock file .*mbox\.lock: File exists$/)
  utimesSync(`${path}.lock`, 1000, 1000)
  assert.equal((await deliver(user, path)).status, 'sent')
  assert.equal(existsSync(`${path}.lock`), false)
})

test('Maildirs are made, with a name that nothing else has', async (t) => {
  const user = aUser(t)
  const path = join(user.home, 'a', 'Maildir/')
  assert.deepEqual(await deliver(user, path), { status: 'sent', dsn: '2.0.0', text: 'delivered to maildir' })
  await deliver(user, path)
  const names = readdirSync(join(path, 'new'))
  assert.equal(names.length, 2)
  for (const name of names) assert.match(name, /^1795521903\.V[0-9a-f]+I[0-9a-f]+M424500\./)
  assert.deepEqual(readdirSync(path).sort(), ['cur', 'new', 'tmp'])
  assert.deepEqual(readdirSync(join(path, 'tmp')), [])
})

test('files that an alias names: what is refused, and with which words', async (t) => {
  const user = aUser(t)
  const file = (name: string): string => join(user.home, name)
  writeFileSync(file('run'), '#!/bin/sh\n')
  chmodSync(file('run'), 0o700)
  mkdirSync(file('dir'))
  symlinkSync('/etc/passwd', file('link'))
  for (const name of ['run', 'dir']) chownSync(file(name), user.uid, user.gid)
  const table: [string, string, string, string][] = [
    [file('new'), 'sent', '2.0.0', `delivered to file: ${file('new')}`],
    ['/dev/null', 'sent', '2.0.0', 'delivered to file: /dev/null'],
    [file('run'), 'bounced', '5.2.0', `cannot append message to file ${file('run')}: destination file is executable`],
    [
      file('no/x'),
      'bounced',
      '5.2.0',
      `cannot append message to file ${file('no/x')}: cannot create file exclusively: No such file or directory`,
    ],
    [file('dir'), 'bounced', '5.2.0', `cannot append message to file ${file('dir')}: cannot open file: Is a directory`],
    [
      file('link'),
      'bounced',
      '5.2.0',
      `cannot append message to file ${file('link')}: cannot open file: Permission denied`,
    ],
  ]
  for (const [path, status, dsn, text] of table)
    assert.deepEqual(await deliver(user, path, { what: 'file' }), { status, dsn, text })
})

/** Holds a lock that another program would hold, until its input ends. */
function lockHolder(t: TestContext, path: string, how: string): Promise<void> {
  const text = `open(my $f, '+<', $ARGV[0]) or die; ${how} or die; $| = 1; print "locked"; <STDIN>`
  const child = spawn('perl', ['-MFcntl=:DEFAULT,:flock', '-e', text, path])
  t.after(() => child.stdin.end())
  return new Promise((resolve, reject) => {
    child.stdout.once('data', () => resolve())
    child.once('exit', () => reject(new Error('no lock was taken')))
  })
}

test('fcntl and flock locks of others are waited for, if they are among ours', async (t) => {
  const user = aUser(t)
  const fcntl = "fcntl($f, F_SETLK, my $l = pack('s s x4 q q l x4', F_WRLCK, 0, 0, 0, 0))"
  for (const [how, ours, other] of [
    [fcntl, 'fcntl', 'flock'],
    ['flock($f, LOCK_EX)', 'flock', 'fcntl'],
  ] as const) {
    const path = join(user.home, ours)
    writeFileSync(path, '')
    chownSync(path, user.uid, user.gid)
    await lockHolder(t, path, how)
    const waits = await deliver(user, path, {}, `mailbox_delivery_lock = ${ours}\n`)
    assert.deepEqual([waits.status, waits.dsn], ['deferred', '4.2.0'])
    assert.match(waits.text, /unable to lock for exclusive access: Resource temporarily unavailable$/)
    assert.equal((await deliver(user, path, {}, `mailbox_delivery_lock = ${other}\n`)).status, 'sent')
  }
})
