/** A process killed between any two writes of the log: nothing accepted is missing, nothing is there twice. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { logSchema, SegmentLog } from '#src/io/blobs/mod.ts'
import { openDatabase } from '#src/io/db/mod.ts'
import { childSchema, contentOf } from './support/log-child.ts'

const names = ['a1', 'a2', 'a3 bad', 'a4', 'a5 big', 'a6 big', 'a7', 'a8', 'a9 bad', 'b1', 'b2 big', 'b3']

interface Outcome {
  readonly signal: string | null
  readonly accepted: readonly string[]
  readonly refused: readonly string[]
}

function runChild(dir: string, point: string, nth: number, messages: readonly string[]): Outcome {
  const child = join(import.meta.dirname, 'support', 'log-child.ts')
  const done = spawnSync(process.execPath, [child, dir, point, String(nth), ...messages], { encoding: 'utf8' })
  const named = (word: string): string[] =>
    done.stdout
      .split('\n')
      .filter((line) => line.startsWith(`${word} `))
      .map((line) => line.slice(word.length + 1))
  assert.equal(done.stderr, '')
  return { signal: done.signal, accepted: named('accepted'), refused: named('refused') }
}

/** Names of the entries, each read back and compared. */
function entries(dir: string): string[] {
  const db = openDatabase({ path: join(dir, 'mail.db'), schemas: [logSchema, childSchema] })
  const log = new SegmentLog({ dir: join(dir, 'log'), db, memoryLimit: 0 })
  const rows = db.read.sql('SELECT name, segment, "offset", length FROM entry ORDER BY name').all()
  for (const [name, segment, offset, length] of rows) {
    const at = { segment: Number(segment), offset: Number(offset), length: Number(length) }
    assert.deepEqual(log.read(at, 0, at.length), contentOf(String(name)))
  }
  db.close()
  return rows.map(([name]) => String(name))
}

const points: readonly (readonly [string, number])[] = [
  ['appended', 1],
  ['appended', 2],
  ['synced', 1],
  ['synced', 2],
  ['committed', 1],
  ['committed', 3],
  ['cut', 1],
  ['cut', 2],
  ['spool-header', 1],
  ['spool-synced', 2],
  ['spool-renamed', 1],
  ['spool-renamed', 2],
  ['spool-dir-synced', 1],
]

for (const [point, nth] of points) {
  test(`killed at ${point}, number ${nth}`, (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'postigo-kill-'))
    t.after(() => rmSync(dir, { recursive: true }))
    const killed = runChild(dir, point, nth, names)
    assert.equal(killed.signal, 'SIGKILL')
    const answered = new Set([...killed.accepted, ...killed.refused])
    const again = names.filter((name) => !answered.has(name)).map((name) => `${name} again`)
    const second = runChild(dir, '', 0, again)
    assert.equal(second.signal, null)
    assert.equal(second.accepted.length + second.refused.length, again.length)

    const there = entries(dir)
    assert.deepEqual(there, [...new Set(there)], 'nothing is there twice')
    for (const name of [...killed.accepted, ...second.accepted]) assert.ok(there.includes(name), `${name} was accepted`)
    for (const name of [...killed.refused, ...second.refused]) assert.ok(!there.includes(name), `${name} was refused`)
    // Only a commit whose reply was lost may stand beside its retry.
    const lost = there.filter((name) => !answered.has(name) && !name.endsWith(' again'))
    if (point !== 'committed') assert.ok(lost.every((name) => again.includes(`${name} again`)) && lost.length <= 4)
    if (['appended', 'spool-header', 'spool-synced'].includes(point) && nth === 1) assert.deepEqual(lost, [])
  })
}
