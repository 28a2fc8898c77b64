/** A day of each common kind of site, carried by the installed Postfix and by Postigo on the same files. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Comparison } from '../interop/postfix/compare.ts'
import { reasonToSkip } from '../interop/postfix/namespace.ts'
import { ldapCompany, virtualPgsql } from './cases/databases.ts'
import { dovecotHost } from './cases/dovecot.ts'
import { amavisFilter, rspamdMilter } from './cases/filters.ts'
import { screened } from './cases/fronts.ts'
import { howto, listServer, provider } from './cases/offices.ts'
import { backupMx, nullClient, satellite } from './cases/relays.ts'
import { handedOn } from './cases/transports.ts'
import { compareDay } from './day.ts'
import type { Layout } from './layout.ts'

const LAYOUTS: readonly Layout[] = [
  satellite,
  nullClient,
  backupMx,
  listServer,
  provider,
  howto,
  screened,
  dovecotHost,
  rspamdMilter,
  amavisFilter,
  virtualPgsql,
  ldapCompany,
  handedOn,
]

/** Days at a time: most of one is waiting for programs to start and to end. */
const PARALLEL = 4
/** Addresses of a day: the second octet of its own, and behind it those of the hosts of others. */
const [FIRST, EACH] = [130, 9]

const reason = reasonToSkip()

describe('a day of', { skip: reason ?? false, concurrency: PARALLEL }, () => {
  for (const [i, layout] of LAYOUTS.entries())
    test(layout.name, { timeout: 110_000 }, async (t) => {
      const address = `127.${FIRST + i * EACH}.${(process.pid >> 8) & 255}.${process.pid & 255}`
      const dir = mkdtempSync(join(tmpdir(), 'postigo-layout-'))
      chmodSync(dir, 0o755)
      t.after(() => rmSync(dir, { recursive: true, force: true }))
      const comparison = new Comparison(layout.differences ?? [])
      const { statuses, out } = await compareDay(t, layout, { dir, address }, comparison)
      const { unexplained, unused } = comparison
      assert.equal(unexplained.length, 0, `${unexplained.length} differ:\n${unexplained.join('\n')}`)
      assert.deepEqual(unused, [])
      for (const [status, count] of Object.entries(layout.expect))
        assert.ok((statuses[status] ?? 0) >= count, `${status}: ${JSON.stringify(statuses)}`)
      assert.ok(layout.day.length >= 10 && out >= 5 && (statuses['bounced'] ?? 0) >= 1, `${out} messages went out`)
    })
})
