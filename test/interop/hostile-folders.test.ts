/** `postigo mailbox import` of folders whose owner means harm: what is no file is left, lists that lie are told, the rest comes. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { mailboxImport } from '#src/main/cli/mailbox-import.ts'
import { startServer } from '../support/server.ts'
import { makeSystemUser, type SystemUser, withoutRoot } from '../support/system-user.ts'

const skip = withoutRoot ?? false

async function imported(dir: string, ...words: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const said = { out: '', err: '' }
  const io = {
    stdin: Readable.from([]),
    out: (text: string | Buffer) => void (said.out += String(text)),
    err: (text: string) => void (said.err += text),
    env: {},
    cwd: '/',
    tty: false,
  }
  return { code: await mailboxImport(['-c', dir, ...words], io), ...said }
}

function maildir(user: SystemUser, name: string, files: Readonly<Record<string, string>>): string {
  const root = join(user.home, name)
  for (const sub of ['cur', 'new', 'tmp']) mkdirSync(join(root, sub), { recursive: true })
  for (const [file, text] of Object.entries(files)) writeFileSync(join(root, file), text)
  execFileSync('chown', ['-R', `${user.uid}:${user.uid}`, root])
  return root
}

const MESSAGE = 'Subject: mine\n\nbody\n'

test('links, fifos and devices in a Maildir lead nowhere', { skip, timeout: 60_000 }, async (t) => {
  const user = makeSystemUser(t)
  const server = await startServer(t, { accounts: [user.name] })
  const theirs = mkdtempSync(join(tmpdir(), 'postigo-theirs-'))
  t.after(() => rmSync(theirs, { recursive: true }))
  writeFileSync(join(theirs, 'secret'), 'Subject: secret\n\nTOP SECRET\n', { mode: 0o600 })
  mkdirSync(join(theirs, 'cur'), { mode: 0o700 })
  const root = maildir(user, 'Maildir', { 'cur/1.a.x:2,S': MESSAGE })
  symlinkSync(join(theirs, 'secret'), join(root, 'cur/2.link.x:2,S'))
  linkSync(join(theirs, 'secret'), join(root, 'cur/3.hard.x:2,S'))
  execFileSync('mkfifo', [join(root, 'new/4.fifo.x'), join(root, 'dovecot-uidlist'), join(root, 'subscriptions')])
  mkdirSync(join(root, 'cur/5.dir.x:2,'))
  symlinkSync('/dev/zero', join(root, 'dovecot-keywords'))
  symlinkSync(theirs, join(root, '.Theirs'))
  symlinkSync('/', join(root, 'Root'))
  mkdirSync(join(root, 'new/6.\u001b]0;owned\u0007\nroot: all is well.x'))
  const { code, out, err } = await imported(server.dir, '--account', user.name, root)
  assert.equal(code, 65)
  assert.match(out, /^1 messages, 23 octets in 1 folders, 1 messages taken in$/m)
  for (const name of ['cur/2.link', 'cur/3.hard', 'new/4.fifo', 'cur/5.dir', 'new/6.'])
    assert.ok(err.includes(`/${name}`), `${name}: ${err}`)
  // oxlint-disable-next-line no-control-regex -- what a terminal would obey
  assert.doesNotMatch(err + out, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
  assert.doesNotMatch(err, /^root: all is well/m)
})

test('a list of UIDs that lies is told, and no message is lost to it', { skip, timeout: 60_000 }, async (t) => {
  const user = makeSystemUser(t)
  const server = await startServer(t, { accounts: [user.name] })
  const two = { 'cur/1.a.x:2,S': MESSAGE, 'cur/2.b.x:2,': MESSAGE }
  const lists: Readonly<Record<string, string>> = {
    twice: '3 V17 N9\n5 :1.a.x\n5 :2.b.x\n',
    highest: '3 V17 N4294967295\n4294967294 :1.a.x\n4294967295 :2.b.x\n',
    beyond: '3 V17 N99999999999999999999\n1 :1.a.x\n9999999999 :2.b.x\n',
    validity: '3 V99999999999 N3\n1 :1.a.x\n2 :2.b.x\n',
    zero: '3 V0 N0\n0 :1.a.x\n2 :2.b.x\n',
    paths: '3 V17 N3\n1 :../../../../etc/passwd\n2 :/etc/shadow\n',
    uidl: '3 V17 N3\n1 Psame :1.a.x\n2 Psame :2.b.x\n',
    noise: `3 V17 N3\n${'\u001b[2J rubbish\n'.repeat(5000)}1 :1.a.x\n`,
  }
  for (const [name, list] of Object.entries(lists)) {
    const root = maildir(user, name, { ...two, 'dovecot-uidlist': list })
    const { code, out, err } = await imported(server.dir, '--account', user.name, '--into', name, root)
    assert.match(out, /2 messages taken in/, `${name}: ${code} ${out}${err}`)
    assert.ok(err.length < 4096, `${name}: ${err.length} characters of complaint`)
    // oxlint-disable-next-line no-control-regex -- what a terminal would obey
    assert.doesNotMatch(err, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
  }
})
