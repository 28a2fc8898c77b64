/** `postigo mailbox import` of folders that the real programs made, compared with what these say of them. */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { test, type TestContext } from 'node:test'
import type { Command } from '#src/main/cli/io.ts'
import { mailboxExport } from '#src/main/cli/mailbox-export.ts'
import { mailboxImport } from '#src/main/cli/mailbox-import.ts'
import { dialogue } from '../support/imap.ts'
import { install, kill } from '../support/process.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { makeSystemUser, type SystemUser, withoutRoot } from '../support/system-user.ts'
import { transcript } from '../support/transcript.ts'

const skip = withoutRoot ?? false

interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

const imported = (dir: string, ...words: readonly string[]): Promise<Ran> => command(mailboxImport, dir, words)
const exported = (dir: string, ...words: readonly string[]): Promise<Ran> => command(mailboxExport, dir, words)

/** A command in this process. */
async function command(run: Command, dir: string, words: readonly string[]): Promise<Ran> {
  const said = { out: '', err: '' }
  const io = {
    stdin: Readable.from([]),
    out: (text: string | Buffer) => void (said.out += String(text)),
    err: (text: string) => void (said.err += text),
    env: {},
    cwd: '/',
    tty: false,
  }
  return { code: await run(['-c', dir, ...words], io), ...said }
}

function asUser(user: SystemUser, program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, {
    uid: user.uid,
    gid: user.uid,
    cwd: user.home,
    env: { ...process.env, HOME: user.home, USER: user.name, LOGNAME: user.name },
    encoding: 'latin1',
  })
}

function write(user: SystemUser, name: string, text: string): string {
  const path = join(user.home, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text, 'latin1')
  for (const one of [dirname(path), path]) chownSync(one, user.uid, user.uid)
  return path
}

async function startFor(t: TestContext, user: SystemUser): Promise<TestServer> {
  return startServer(t, { accounts: [user.name] })
}

test('folders of UW-IMAP keep UIDs, UIDVALIDITY, flags, dates and subscriptions', { skip }, async (t) => {
  const user = makeSystemUser(t)
  write(
    user,
    'old',
    'From bob@example.org  Tue Nov 25 12:05:01 2025\nStatus: RO\nX-Status: AF\nSubject: one\n\nFrom the start\nand on\n\n' +
      'From bob@example.org  Wed Nov 26 08:00:00 2025\nSubject: two\n\nbody\n\n' +
      'From bob@example.org  Thu Nov 27 23:59:59 2025\nStatus: O\nX-Status: T\nSubject: three\n\n\n',
  )
  write(user, 'mail/.keep', '')
  asUser(user, 'mailutil', 'copy', 'old', '#driver.unix/mail/Sent')
  write(user, '.mailboxlist', 'mail/Sent\n')
  const mbox = readFileSync(join(user.home, 'mail/Sent'), 'latin1')
  const [, validity] = /^X-IMAP: ([0-9]+) /m.exec(mbox) ?? []
  assert.match(mbox, /^>From the start$/m)
  const server = await startFor(t, user)
  const ran = await imported(server.dir, '--account', user.name, join(user.home, 'mail'))
  assert.equal(ran.err, '')
  assert.match(ran.out, /3 messages, .*\\Seen 1, \\Flagged 1, \\Answered 1, \\Draft 1\n/)
  assert.match(ran.out, new RegExp(`3 taken in; UIDVALIDITY ${validity}\n +the store has the same 3 messages`))
  const imap = await dialogue(t, server.port('imap'), user.name)
  assert.match(await imap.ask('LSUB "" "Sent"'), /LSUB .*"?Sent"?\r\n/)
  assert.match(await imap.ask('SELECT Sent'), new RegExp(`\\[UIDVALIDITY ${validity}\\][^]*\\[UIDNEXT 4\\]`))
  const fetched = await imap.ask('FETCH 1:* (UID FLAGS INTERNALDATE BODY[TEXT])')
  const utc = (text: string): RegExp => new RegExp(text.replace(/[+]/g, '\\+'))
  assert.match(fetched, /UID 1 .*\\Answered/)
  assert.match(fetched, utc('"25-Nov-2025 12:05:01 +0000" '))
  assert.match(fetched, /\r\nFrom the start\r\nand on\r\n\)/)
  assert.match(fetched, /UID 3 .*\\Draft/)
  assert.doesNotMatch(fetched, /DON'T DELETE/)
})

test('a folder is not taken in twice, and what came since comes too', { skip }, async (t) => {
  const user = makeSystemUser(t)
  const message = (n: number): string => `From a@b.example  Tue Nov 25 12:05:0${n} 2025\nSubject: ${n}\n\n${n}\n\n`
  const path = write(user, 'mail/Old', message(1) + message(1) + message(2))
  const server = await startFor(t, user)
  assert.match((await imported(server.dir, '--account', user.name, path)).out, /3 messages taken in\n$/)
  assert.match((await imported(server.dir, '--account', user.name, path)).out, / 0 messages taken in\n$/)
  write(user, 'mail/Old', message(1) + message(1) + message(2) + message(3))
  assert.match((await imported(server.dir, '--account', user.name, path)).out, / 1 messages taken in\n$/)
  const { accounts, store } = server.server.rooms.current
  assert.equal(store.status(accounts.find(user.name)?.id ?? 0, 'INBOX')?.messages, 4)
})

const DOVECOT = (dir: string): string => `
base_dir = ${dir}/run
state_dir = ${dir}/state
log_path = /dev/stderr
ssl = no
default_internal_user = root
default_internal_group = root
default_login_user = nobody
mail_location = maildir:~/Maildir
first_valid_uid = 1
`

test(
  'a Maildir of Dovecot keeps UIDs, flags, keywords, dates and what POP3 calls its messages',
  { skip },
  async (t) => {
    const user = makeSystemUser(t)
    const conf = write(user, 'dovecot.conf', DOVECOT(user.home))
    const doveadm = (...args: string[]): string => asUser(user, 'doveadm', '-c', conf, ...args)
    for (const n of [1, 2, 3]) write(user, `message${n}`, `From: a@b.example\nSubject: ${n}\n\nbody ${n}\n`)
    for (const n of [1, 2, 3]) doveadm('save', '-m', 'INBOX', join(user.home, `message${n}`))
    doveadm('mailbox', 'create', 'Entwürfe', 'Sent.2024')
    doveadm('save', '-m', 'Sent.2024', join(user.home, 'message1'))
    doveadm('mailbox', 'subscribe', 'Sent.2024')
    doveadm('flags', 'add', '\\Seen \\Flagged $Junk work', 'mailbox', 'INBOX', 'uid', '2')
    doveadm('expunge', 'mailbox', 'INBOX', 'uid', '1')
    const validity = /uidvalidity=([0-9]+)/.exec(doveadm('mailbox', 'status', 'uidvalidity', 'INBOX'))?.[1]
    const pop3 = asUser(
      user,
      'sh',
      '-c',
      `printf 'UIDL\\r\\nQUIT\\r\\n' | doveconf -c ${conf} -m pop3 -e /usr/lib/dovecot/pop3 2>&1`,
    )
    const [, uidl] = /^1 ([0-9a-f]+)/m.exec(pop3) ?? []
    assert.ok(uidl !== undefined, pop3)
    const server = await startFor(t, user)
    const path = join(user.home, 'Maildir')
    const ran = await imported(server.dir, '--account', user.name, path)
    assert.equal(ran.err, '')
    // What anybody can count by himself.
    const sums = asUser(
      user,
      'sh',
      '-c',
      `find ${path}/cur ${path}/new -type f -exec sha256sum {} + | cut -c1-64 | sort`,
    )
    const content = createHash('sha256').update(sums).digest('hex')
    assert.match(ran.out, new RegExp(`content ${content}\n +2 taken in; UIDVALIDITY ${validity}\n`))
    const imap = await dialogue(t, server.port('imap'), user.name)
    assert.match(await imap.ask('LIST "" "*"'), /Entw&APw-rfe/)
    assert.match(await imap.ask('LSUB "" "*"'), /Sent\/2024/)
    assert.match(await imap.ask('SELECT INBOX'), new RegExp(`\\[UIDVALIDITY ${validity}\\][^]*\\[UIDNEXT 4\\]`))
    const fetched = await imap.ask('FETCH 1:* (UID FLAGS)')
    assert.match(fetched, /1 FETCH \(UID 2 FLAGS \(\\Seen \\Flagged \\Recent \$Junk work\)\)/)
    assert.match(fetched, /2 FETCH \(UID 3 /)
    imap.close()
    await transcript(
      server.port('pop3'),
      `S: +OK …\nC: USER ${user.name}\nS: +OK\nC: PASS secret\nS: +OK …\nC: UIDL 1\nS: +OK 1 ${uidl}\n`,
    )
  },
)

test('an mbox that another has locked is told of, and taken in the next time', { skip }, async (t) => {
  const user = makeSystemUser(t)
  const path = write(user, 'mail/Old', 'From a@b.example  Tue Nov 25 12:05:01 2025\nSubject: 1\n\n1\n\n')
  const server = await startServer(t, {
    accounts: [user.name],
    mainCf: 'deliver_lock_attempts = 2\ndeliver_lock_delay = 0\n',
  })
  const script =
    'use Fcntl qw(:DEFAULT :flock :seek); sysopen(my $f, $ARGV[0], O_RDWR) or die;' +
    'my $l = pack("s s x4 q q l x4", F_WRLCK, SEEK_SET, 0, 0, 0); fcntl($f, F_SETLK, $l) or die; $| = 1; print "held\\n"; <STDIN>'
  const holder = spawn('perl', ['-e', script, path], { stdio: ['pipe', 'pipe', 'inherit'] })
  await new Promise((resolve) => holder.stdout.once('data', resolve))
  const refused = await imported(server.dir, '--account', user.name, path)
  assert.equal(refused.code, 65)
  assert.match(refused.err, /mail\/Old: it is locked .* nothing of it was taken in/)
  holder.stdin.end()
  await new Promise((resolve) => holder.once('exit', resolve))
  write(user, 'mail/Old.lock', '') // as another delivery leaves it
  assert.match((await imported(server.dir, '--account', user.name, path)).err, /Old\.lock/)
  rmSync(`${path}.lock`)
  assert.match((await imported(server.dir, '--account', user.name, path)).out, /1 messages taken in/)
  chmodSync(path, 0o444)
  const readOnly = await imported(server.dir, '--account', user.name, path)
  assert.match(readOnly.err, /warning: .*Old: not locked: Permission denied/)
  assert.match(readOnly.out, / 0 messages taken in/)
})

test('a Maildir file that is a link to somebody else’s is not read, and the rest is taken in', { skip }, async (t) => {
  const user = makeSystemUser(t)
  write(user, 'Maildir/cur/1.good:2,S', 'Subject: good\n\n')
  write(user, 'Maildir/new/2.good', 'Subject: good too\n\n')
  execFileSync('ln', ['-s', '/etc/shadow', join(user.home, 'Maildir/cur/3.link:2,')])
  write(user, 'Maildir/dovecot-uidlist', '3 V77 N9\n5 :1.good\nfive :2.good\n')
  const server = await startFor(t, user)
  const ran = await imported(server.dir, '--account', user.name, join(user.home, 'Maildir'))
  assert.match(ran.err, /dovecot-uidlist, line 3: not "UID NAME"/)
  assert.match(ran.err, /cur\/3\.link:2,: ELOOP/)
  assert.equal(ran.code, 65)
  assert.match(ran.out, /2 taken in; UIDVALIDITY 77\n/)
})

const COUNT = 3000

test(
  'killed in the middle and run again, with a server and without, nothing is missing or twice',
  { skip },
  async (t) => {
    const installed = await install(t)
    const folder = mkdtempSync(join(tmpdir(), 'postigo-folder-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const one = (n: number): string =>
      `From a@b.example  Tue Nov 25 12:05:01 2025\nSubject: ${n}\nX-UID: ${n * 2}\n\n${'x'.repeat(300)}\n\n`
    const base = `From a@b.example  Tue Nov 25 12:05:01 2025\nX-IMAPbase: 4711 ${COUNT * 2}\nSubject: 0\nX-UID: 1\n\n\n`
    writeFileSync(join(folder, 'Big'), base + Array.from({ length: COUNT - 1 }, (_, i) => one(i + 1)).join(''))
    assert.equal((await installed.postigo(['account', 'add', 'ana', '-p'], 'secret\n')).code, 0)
    const words = ['mailbox', 'import', '--account', 'ana', folder]
    const stopped = async (afterMs: number): Promise<void> => {
      const child = spawn(join(import.meta.dirname, '../../bin/postigo'), [...words, '-c', installed.dir], {
        stdio: 'ignore',
      })
      await new Promise((wake) => setTimeout(wake, afterMs))
      if (child.exitCode === null) await kill(child)
    }
    await stopped(800)
    const server = await installed.foreground()
    await stopped(700)
    const done = await installed.postigo([...words, '--json'])
    assert.equal(done.code, 0, done.err)
    const { reports } = JSON.parse(done.out) as {
      reports: {
        messages: number
        taken: number
        already: number
        stored: { messages: number; hash: string }
        hash: string
      }[]
    }
    const [report] = reports
    assert.equal(report?.messages, COUNT)
    assert.equal(report?.stored.messages, COUNT)
    assert.equal(report?.stored.hash, report?.hash)
    assert.equal((report?.taken ?? 0) + (report?.already ?? 0), COUNT)
    const again = await installed.postigo(words)
    assert.match(again.out, / 0 messages taken in\n/)
    const imap = await dialogue(t, 143 + installed.offset, 'ana')
    assert.match(
      await imap.ask('SELECT Big'),
      new RegExp(`\\* ${COUNT} EXISTS[^]*UIDVALIDITY 4711\\][^]*UIDNEXT ${COUNT * 2 + 1}\\]`),
    )
    assert.match(await imap.ask(`FETCH ${COUNT} UID`), new RegExp(`UID ${(COUNT - 1) * 2}\\)`))
    imap.close()
    await kill(server)
  },
)

test('procmail’s Maildir and mbox come in', { skip }, async (t) => {
  const user = makeSystemUser(t)
  const rc = write(user, 'rc', `MAILDIR=${user.home}\n:0c\nMaildir/\n\n:0:\nbox\n`)
  for (const n of [1, 2]) {
    const input = `From x@y.example  Tue Nov 25 12:05:0${n} 2025\nFrom: x@y.example\nSubject: ${n}\n\nFrom here\n`
    const message = write(user, 'message', input)
    asUser(user, 'sh', '-c', `procmail -m ${rc} < ${message}`)
  }
  const server = await startFor(t, user)
  const paths = ['Maildir', 'box'].map((name) => join(user.home, name))
  const ran = await imported(server.dir, '--account', user.name, '--into', 'Old', ...paths)
  assert.equal(ran.err, '')
  assert.match(ran.out, /4 messages, [0-9]+ octets in 2 folders, 4 messages taken in/)
})

for (const format of ['maildir', 'mbox'])
  test(`mailboxes go out as ${format} and come in again as they were`, { skip }, async (t) => {
    const user = makeSystemUser(t)
    const server = await startServer(t, { accounts: [user.name, 'eva'] })
    const imap = await dialogue(t, server.port('imap'), user.name)
    const message = 'From: a@b.example\r\nSubject: x\r\n\r\nFrom the start\r\n>From\r\n'
    await imap.append('INBOX', message, '(\\Seen $Junk) "24-Nov-2025 10:00:00 +0000" ')
    await imap.append('INBOX', message, '(\\Flagged) "25-Nov-2025 10:00:00 +0000" ')
    await imap.ask('CREATE Wörk/2024'.replace('ö', '&APY-'))
    await imap.append('W&APY-rk/2024', message, '(\\Draft) ')
    const seen = async (who: typeof imap): Promise<string> => {
      const said = [
        await who.ask('SELECT INBOX'),
        await who.ask('FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY[])'),
      ]
      return said
        .join('')
        .replaceAll(
          /^t\d+ .*\r\n|\* \d+ (?:EXISTS|RECENT)\r\n|\* OK \[(?:HIGHEST|MAILBOXID|UNSEEN).*\r\n| ?\\Recent|\* FLAGS.*\r\n/gm,
          '',
        )
    }
    const to = mkdtempSync(join(tmpdir(), 'postigo-export-'))
    t.after(() => rmSync(to, { recursive: true, force: true }))
    const out = await exported(server.dir, '--account', user.name, '--as', format, to)
    assert.equal(out.err, '')
    assert.match(out.out, /INBOX {2}2 messages, 112 octets\n/)
    const since = await exported(
      server.dir,
      '--account',
      user.name,
      '--since',
      '2025-11-25',
      '--mailbox',
      'INBOX',
      join(to, 'x'),
    )
    assert.match(since.out, /INBOX {2}1 messages/)
    rmSync(join(to, 'x'), { recursive: true })
    if (format === 'maildir') {
      assert.match(
        (await exported(server.dir, '--account', user.name, to)).out,
        /INBOX {2}2 messages, 112 octets, 2 were there\n/,
      )
      // Dovecot agrees.
      const conf = write(user, 'dovecot.conf', DOVECOT(user.home))
      execFileSync('cp', ['-a', to, join(user.home, 'Maildir')])
      execFileSync('chown', ['-R', user.name, user.home])
      const said = asUser(
        user,
        'doveadm',
        '-c',
        conf,
        '-f',
        'tab',
        'fetch',
        'uid flags date.received',
        'mailbox',
        'INBOX',
        'all',
      )
      assert.match(said, /^1\t.*\\Seen.*\$Junk.*\t2025-11-24 /m)
      assert.match(said, /^2\t.*\\Flagged.*\t2025-11-25 /m)
    }
    const back = await imported(server.dir, '--account', 'eva', to)
    assert.equal(back.err, '')
    const eva = await dialogue(t, server.port('imap'), 'eva')
    assert.equal(await seen(eva), await seen(imap))
    const nested = format === 'maildir' ? 'W&APY-rk/2024' : 'W&APY-rk.2024'
    assert.match(await eva.ask(`STATUS ${nested} (MESSAGES)`), /MESSAGES 1/)
  })

test('everybody’s folders come in from where main.cf says', { skip }, async (t) => {
  const user = makeSystemUser(t)
  const spool = mkdtempSync(join(tmpdir(), 'postigo-spool-'))
  t.after(() => rmSync(spool, { recursive: true, force: true }))
  chmodSync(spool, 0o755)
  const mbox = 'From a@b.example  Tue Nov 25 12:05:01 2025\nSubject: spooled\n\nx\n\n'
  writeFileSync(join(spool, user.name), mbox)
  chownSync(join(spool, user.name), user.uid, user.uid)
  write(user, 'Old-Maildir/cur/1.home:2,S', 'Subject: home\n\n')
  write(user, 'Old-Maildir/new/2.home', 'Subject: home too\n\n')
  write(user, 'old-mail/Old', mbox)
  mkdirSync(join(spool, 'v/eva/cur'), { recursive: true })
  mkdirSync(join(spool, 'v/eva/new'))
  writeFileSync(join(spool, 'v/eva/new/3.virtual'), 'Subject: virtual\n\n')
  const server = await startServer(t, {
    mainCf:
      `home_mailbox = Old-Maildir/\nmail_spool_directory = ${spool}\nvirtual_mailbox_base = ${spool}/v\n` +
      'virtual_mailbox_domains = v.example\nvirtual_mailbox_maps = texthash:$config_directory/boxes\n',
    files: { boxes: 'eva@v.example eva/\nleo@v.example eva/\nnone@v.example none/\n@v.example eva/\n' },
  })
  const { accounts, store } = server.server.rooms.current
  await accounts.addDomain('v.example')
  const eva = await accounts.add('eva', 'v.example', 'secret')
  const ran = await imported(server.dir, '--all', '--folders', 'old-mail')
  assert.equal(ran.code, 65)
  assert.match(ran.err, /\/v\/eva\/: there is no account leo@v\.example: "postigo account add leo@v\.example"/)
  assert.doesNotMatch(ran.err, /none@v|account @v/)
  assert.match(ran.out, /5 messages, [0-9]+ octets in 4 folders, 5 messages taken in\n$/)
  assert.equal(store.status(eva.id, 'INBOX')?.messages, 1)
  const id = accounts.find(user.name)?.id ?? 0
  assert.deepEqual([store.status(id, 'INBOX')?.messages, store.status(id, 'Old')?.messages], [3, 1])
})
