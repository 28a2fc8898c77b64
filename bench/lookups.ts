/** Lookups a second, and memory, of tables with 100,000 entries; the second half of `npm run bench`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildTable, createTables } from '../src/io/tables/mod.ts'

const ENTRIES = 100_000

interface Case {
  readonly type: string
  readonly text: string
  readonly key: (i: number) => string
  readonly lookups: number
}

const address = (i: number): string => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`
const lines = (of: (i: number) => string): string => Array.from({ length: ENTRIES }, (_, i) => of(i)).join('\n') + '\n'

const CASES: readonly Case[] = [
  { type: 'hash', text: lines((i) => `user${i}@example.com OK`), key: (i) => `user${i}@example.com`, lookups: 400_000 },
  { type: 'cidr', text: lines((i) => `${address(i * 4)}/30 OK`), key: (i) => address(i * 4 + 1), lookups: 400_000 },
  // Patterns are tried one after the other, as in Postfix: a key that matches the last costs all of them.
  { type: 'pcre', text: lines((i) => `/^user${i}@/ OK`), key: (i) => `user${i}@example.com`, lookups: 40 },
]

export async function benchLookups(quick: boolean): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-lookups-'))
  console.log(`\n${ENTRIES} entries: lookups/s, CPU µs a lookup, MiB held`)
  try {
    for (const { type, text, key, lookups } of CASES) {
      const file = join(dir, type)
      writeFileSync(file, text)
      if (type === 'hash') buildTable('hash', file, { aliases: false })
      const before = process.memoryUsage().rss
      const table = createTables({ directory: dir }).open(`${type}:${file}`)
      await table.get(key(0)) // opens and reads it
      const held = (process.memoryUsage().rss - before) / 1_048_576
      const count = quick ? Math.ceil(lookups / 4) : lookups
      const keys = Array.from({ length: Math.min(count, ENTRIES) }, (_, i) => key((i * 7919) % ENTRIES))
      const start = process.cpuUsage()
      let found = 0
      for (let i = 0; i < count; i++) {
        const answer = table.get(keys[i % keys.length] ?? '')
        if ((answer instanceof Promise ? await answer : answer) !== undefined) found++
      }
      const { user, system } = process.cpuUsage(start)
      if (found !== count) throw new Error(`${type}: ${found} of ${count} found`)
      const each = (user + system) / count
      console.log(
        `${type.padStart(6)}  ${(1e6 / each).toFixed(0).padStart(10)}  ${each.toFixed(2).padStart(10)}  ${held.toFixed(0).padStart(5)}`,
      )
    }
  } finally {
    rmSync(dir, { recursive: true })
  }
}
