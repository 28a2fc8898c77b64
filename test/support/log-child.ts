/**
 * A process that is killed: recovers the log in a directory, commits the messages named on its command line, writes
 * `accepted NAME` for each that is durable, and kills itself at the nth moment of a kind, when it is told one.
 *
 *     log-child.ts DIR POINT NTH NAME…      a name with `big` is spooled, one with `bad` has a consequence that throws
 */
import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { LogFailedError, logSchema, recover, type Replay, retainContent, SegmentLog } from '#src/io/blobs/mod.ts'
import { beginRun, endRun, lastRun, openDatabase, type Schema, type Tx, WriteTurn } from '#src/io/db/mod.ts'

export const childSchema: Schema = {
  room: 'child',
  steps: ['CREATE TABLE entry (name TEXT, segment INTEGER, "offset" INTEGER, length INTEGER) STRICT'],
}

/** What a message of that name holds. */
export const contentOf = (name: string): Buffer => Buffer.alloc(2000, `${name} `)

const enter: (tx: Tx, name: string, at: Parameters<typeof retainContent>[1]) => void = (tx, name, at) => {
  tx.sql('INSERT INTO entry VALUES (?, ?, ?, ?)').run(name, at.segment, at.offset, at.length)
  retainContent(tx, at)
}

async function main(dir: string, point: string, nth: number, names: readonly string[]): Promise<void> {
  const path = join(dir, 'mail.db')
  const memory = WriteTurn.memory()
  const one = openDatabase({ path, schemas: [logSchema, childSchema], turn: new WriteTurn(memory, 0) })
  const two = openDatabase({ path, schemas: [], migrated: true, turn: new WriteTurn(memory, 1) })
  const logDir = join(dir, 'log')
  const replay: Replay = (tx, { facts, at }) => enter(tx, facts.toString(), at)
  await recover({
    dir: logDir,
    db: one,
    replay: { mail: replay, append: replay, moved: () => {} },
    sameBoot: lastRun(one).sameBoot,
  })
  await beginRun(one)
  let seen = 0
  const onPoint = (now: string): void => {
    if (now === point && ++seen === nth) process.kill(process.pid, 'SIGKILL')
  }
  const logs = [one, two].map(
    (db) => new SegmentLog({ dir: logDir, db, memoryLimit: 1e6, segmentLimit: 5000, onPoint }),
  )
  const commits = names.map(async (name, i) => {
    const log = logs[i % logs.length]
    if (log === undefined) return
    const draft = log.draft(name.includes('big') ? 1e7 : 0)
    void draft.write(contentOf(name))
    try {
      await log.commit('mail', draft, Buffer.from(name), (tx, at) => {
        if (name.includes('bad')) throw new Error('a defect')
        enter(tx, name, at)
      })
      writeSync(1, `accepted ${name}\n`)
    } catch (error) {
      if (!(error instanceof LogFailedError)) throw error
      writeSync(1, `refused ${name}\n`)
    }
  })
  await Promise.all(commits)
  for (const log of logs) await log.close()
  await endRun(one)
  two.close()
  one.close()
}

if (import.meta.main) {
  const [dir = '', point = '', nth = '', ...names] = process.argv.slice(2)
  await main(dir, point, Number(nth), names)
}
