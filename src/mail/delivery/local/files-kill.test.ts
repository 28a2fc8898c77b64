/** What is left of a delivery into a file whose server, or whose own process, is killed in the middle: never part of a message. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { RecipientResult } from '../../queue/mod.ts'
import { createFileTool } from './file-tool.ts'
import { deliverToFile } from './files.ts'
import { aUser, settings } from './fixture.test.ts'
import { type RunAs, runAsChild } from './run-as.ts'
import type { SystemUser } from './users.ts'

const MESSAGE = `From s@else.test  Tue Nov 24 12:05:02 2026\nSubject: x\n\n${'body\n'.repeat(20_000)}\n`

/** A message comes in pieces, as it is read. */
const copy = (): Buffer[] =>
  Array.from({ length: Math.ceil(MESSAGE.length / 10_000) }, (_, n) =>
    Buffer.from(MESSAGE.slice(n * 10_000, (n + 1) * 10_000)),
  )

function deliver(run: RunAs, user: SystemUser, path: string): Promise<RecipientResult> {
  const cf = settings('mailbox_delivery_lock = fcntl\ndeliver_lock_attempts = 1\n')
  const what = { mailboxOf: user.name, strictOwner: true }
  const one = { path, rights: user, copy, limit: 0, what, nowMs: 1_795_521_903_424.5 }
  return deliverToFile(createFileTool(run), one, { ...cf, locks: cf.mailbox_delivery_lock })
}

/** The server is killed when it has handed over so many pieces: the pipe ends there. */
const endedAfter =
  (pieces: number): RunAs =>
  (request) =>
    runAsChild({ ...request, input: [...(request.input as Iterable<Buffer>)].slice(0, pieces) }) // the tool hands in arrays

/** The process is killed before or after its nth change of a file. */
const killedAt =
  (nth: number): RunAs =>
  (request) => {
    const [perl = '', e = '', text = '', ...words] = request.argv
    return runAsChild({ ...request, argv: [perl, e, `${KILLER.replace('NTH', String(nth))}${text}`, ...words] })
  }

const KILLER = `BEGIN {
  my $n = NTH;
  my $point = sub { kill KILL => $$ if --$n == 0 };
  *CORE::GLOBAL::unlink = sub (@) { $point->(); my $r = CORE::unlink(@_); $point->(); $r };
  *CORE::GLOBAL::link = sub ($$) { $point->(); my $r = CORE::link($_[0], $_[1]); $point->(); $r };
  *CORE::GLOBAL::mkdir = sub ($$) { $point->(); my $r = CORE::mkdir($_[0], $_[1]); $point->(); $r };
  *CORE::GLOBAL::syswrite = sub (*$;$$) { $point->(); my $r = CORE::syswrite($_[0], $_[1], $_[2], $_[3]); $point->(); $r };
}
`

function entries(path: string): string[] {
  const inNew = `${path}new`
  return existsSync(inNew) ? readdirSync(inNew).map((name) => readFileSync(join(inNew, name), 'utf8')) : []
}

test('a server killed while it hands a message over leaves nothing of it', async (t) => {
  const user = aUser(t)
  const mbox = join(user.home, 'mbox')
  const maildir = join(user.home, 'maildir/')
  assert.equal((await deliver(runAsChild, user, mbox)).status, 'sent')
  for (const pieces of [0, 1, copy().length - 1, copy().length]) {
    const cut = endedAfter(pieces)
    assert.equal((await deliver(cut, user, mbox)).status, 'deferred', `mbox after ${pieces}`)
    assert.equal((await deliver(cut, user, maildir)).status, 'deferred', `Maildir after ${pieces}`)
  }
  assert.equal(readFileSync(mbox, 'utf8'), MESSAGE)
  assert.deepEqual(entries(maildir), [])
  assert.deepEqual(readdirSync(join(maildir, 'tmp')), [])
})

test('a Maildir holds whole messages, wherever its writer is killed', async (t) => {
  const user = aUser(t)
  const maildir = join(user.home, 'maildir/')
  let deferred = 0
  for (let nth = 1; ; nth++) {
    const { status } = await deliver(killedAt(nth), user, maildir)
    for (const text of entries(maildir)) assert.ok(text === MESSAGE, `killed at ${nth}`)
    if (status === 'sent') break
    deferred++
  }
  assert.ok(deferred >= 8, `${deferred} places`)
  // The last, and those that were killed once the message had its name: of these the queue does not know.
  assert.ok(entries(maildir).length <= 4)
})
