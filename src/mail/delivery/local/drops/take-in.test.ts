import assert from 'node:assert/strict'
import { appendFileSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { openDatabase } from '../../../../io/db/mod.ts'
import type { RecipientResult } from '../../../queue/mod.ts'
import { createFileTool } from '../file-tool.ts'
import { aUser, settings } from '../fixture.test.ts'
import { runAsChild } from '../run-as.ts'
import { deliverySchema, DropJournal } from './journal.ts'
import { DropDelivery } from './take-in.ts'

const KEY = { queueId: 'Q', recipient: 7, command: '/usr/bin/procmail' }
const SENT: RecipientResult = { status: 'sent', dsn: '2.0.0', text: 'delivered to command' }
const mail = (subject: string): string => `From a@b  Tue Nov 24 12:05:02 2026\nSubject: ${subject}\n\nx\n\n`

class Stopped extends Error {}

interface World {
  readonly box: string
  readonly journal: DropJournal
  readonly taken: string[]
  /** Runs the delivery; the server stops before message number `stopAt` is in the store. */
  deliver(command: () => RecipientResult, stopAt?: number): Promise<RecipientResult>
  runs: number
}

function world(t: TestContext): World {
  const user = aUser(t)
  const box = join(user.home, 'mail', 'box')
  mkdirSync(join(user.home, 'mail'))
  writeFileSync(box, mail('old'))
  writeFileSync(join(user.home, '.procmailrc'), 'MAILDIR=$HOME/mail\n')
  for (const path of [join(user.home, 'mail'), box]) chownSync(path, user.uid, user.gid)
  const db = openDatabase({ path: ':memory:', schemas: [deliverySchema] })
  t.after(() => db.close())
  const journal = new DropJournal(db)
  const taken: string[] = []
  const one: World = {
    box,
    journal,
    taken,
    runs: 0,
    deliver(command, stopAt = Infinity) {
      let calls = 0
      const ports = {
        files: createFileTool(runAsChild),
        journal,
        locks: { ...settings('deliver_lock_attempts = 1\n'), locks: ['fcntl', 'dotlock'] },
        takeIn: async (folder: string, message: Buffer, also: (tx: Parameters<typeof journal.progress>[0]) => void) => {
          if (++calls === stopAt) throw new Stopped()
          await db.write((tx) => {
            taken.push(`${folder} ${/Subject: (.*)\r/.exec(message.toString())?.[1]}`)
            also(tx)
          })
          return {}
        },
      }
      const spool = join(user.home, 'spool')
      const drop = new DropDelivery(ports, { ...user, spool, spoolGid: user.gid, rights: user }, KEY)
      return drop.run(async () => {
        one.runs++
        return command()
      })
    },
  }
  return one
}

test('killed at any point after the command ended: all is taken in once, and the command is not run again', async (t) => {
  for (const stopAt of [1, 2, 3]) {
    const w = world(t)
    const files = (): RecipientResult => {
      appendFileSync(w.box, mail('one') + mail('two'))
      writeFileSync(`${w.box}2`, mail('three'))
      chownSync(`${w.box}2`, 65_534, 65_534)
      return SENT
    }
    await assert.rejects(w.deliver(files, stopAt), Stopped)
    assert.deepEqual(await w.deliver(files), SENT)
    assert.deepEqual(w.taken.toSorted(), ['box one', 'box two', 'box2 three'])
    assert.equal(w.runs, 1)
    assert.equal(readFileSync(w.box, 'utf8'), mail('old'))
    assert.equal(w.journal.find(KEY), undefined)
  }
})

test('killed while the command ran: what it filed is the delivery; where it filed nothing it runs again', async (t) => {
  const w = world(t)
  const killed = (): RecipientResult => {
    throw new Stopped()
  }
  await assert.rejects(w.deliver(killed), Stopped)
  await assert.rejects(
    w.deliver(() => {
      appendFileSync(w.box, mail('one'))
      throw new Stopped()
    }),
    Stopped,
  )
  assert.equal(w.runs, 2)
  assert.equal((await w.deliver(() => SENT)).status, 'sent')
  assert.deepEqual([w.runs, w.taken], [2, ['box one']])
})

test('a command that failed after filing: the copy is shown, the failure is told', async (t) => {
  const w = world(t)
  const failure: RecipientResult = { status: 'deferred', dsn: '4.3.0', text: 'temporary failure' }
  const files = (): RecipientResult => {
    appendFileSync(w.box, mail('copy'))
    return failure
  }
  assert.deepEqual(await w.deliver(files), failure)
  assert.deepEqual(w.taken, ['box copy'])
  assert.deepEqual(await w.deliver(files), failure)
  assert.equal(w.runs, 2)
})

test('an mbox that grew while it waited is not cut', async (t) => {
  const w = world(t)
  const files = (): RecipientResult => {
    appendFileSync(w.box, mail('one'))
    return SENT
  }
  await assert.rejects(w.deliver(files, 1), Stopped)
  appendFileSync(w.box, mail('by somebody else'))
  await w.deliver(files)
  assert.deepEqual(w.taken, ['box one'])
  assert.match(readFileSync(w.box, 'utf8'), /by somebody else/)
})
