/** The same configuration and the same session, through Debian's Postfix and through Postigo: every reply alike. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { actions } from './cases/access.ts'
import { commands } from './cases/commands.ts'
import { outgoing } from './cases/outgoing.ts'
import { copiesAndRoutes } from './cases/copies.ts'
import { reports } from './cases/reports.ts'
import { keys, replies, settings, syntax } from './cases/replies.ts'
import { rewriting } from './cases/rewriting.ts'
import { tables } from './cases/tables.ts'
import { compareCommands, compareDefaults } from './commands.ts'
import { Comparison } from './compare.ts'
import { startDns, parseZone, type TestDns } from './dns.ts'
import { reasonToSkip } from './namespace.ts'
import { prepareWorld } from './postfix.ts'
import { compareWorld } from './run.ts'
import type { Place, World } from './world.ts'
import { ZONE } from './zone.ts'

const WORLDS: readonly World[] = [
  replies,
  keys,
  syntax,
  settings,
  tables,
  actions,
  ...rewriting,
  outgoing,
  reports,
  ...copiesAndRoutes,
]
/** Ports between two worlds. */
const STEP = 1000
const FIRST_PORT = 11_000
/** As many replies must have been compared at least. */
const ENOUGH = 1200

const reason = reasonToSkip()

describe('Postfix and Postigo, side by side', { skip: reason ?? false }, () => {
  const comparison = new Comparison()
  // An address of this run's own: port 53 is taken on no other.
  const address = `127.77.${(process.pid >> 8) & 255}.${process.pid & 255}`
  const dir = mkdtempSync(join(tmpdir(), 'postigo-beside-postfix-'))
  let dns: TestDns
  before(async () => {
    chmodSync(dir, 0o755)
    dns = await startDns(address, parseZone(ZONE))
  })
  after(() => {
    dns.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  for (const [i, world] of WORLDS.entries())
    test(world.name, { timeout: 110_000 }, async () => {
      const before = comparison.unexplained.length
      await compareWorld(world, { dir: join(dir, `world-${i}`), address, base: FIRST_PORT + i * STEP }, comparison)
      const differing = comparison.unexplained.slice(before)
      assert.equal(differing.length, 0, `${differing.length} differ:\n${differing.join('\n')}`)
    })

  test('postmap, postalias and postconf', { timeout: 110_000 }, async () => {
    const seen = comparison.unexplained.length
    const place = (name: string): Place => ({ dir: join(dir, name), address, sinkPort: FIRST_PORT })
    const [postfix, postigo] = [place('postfix'), place('postigo')]
    for (const one of [postfix, postigo]) prepareWorld(tables, one, FIRST_PORT)
    await compareCommands(commands, { postfix: postfix.dir, postigo: postigo.dir }, comparison)
    await compareDefaults({ postfix: postfix.dir, postigo: postigo.dir }, comparison)
    const differing = comparison.unexplained.slice(seen)
    assert.equal(differing.length, 0, `${differing.length} differ:\n${differing.join('\n')}`)
  })

  test('enough was compared, and every line of differences.ts is needed', () => {
    assert.ok(comparison.count >= ENOUGH, `${comparison.count} replies compared`)
    assert.deepEqual(comparison.unused, [])
  })
})
