/** A directory for tables that goes with its test. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { listen } from '../../base/mod.ts'
import type { TablesEvent } from './contract.ts'

export interface TableDirectory {
  readonly path: (name: string) => string
  /** Writes a file; answers its path. */
  readonly write: (name: string, text: string) => string
}

export function tableDirectory(t: TestContext): TableDirectory {
  const directory = mkdtempSync(join(tmpdir(), 'postigo-tables-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const path = (name: string): string => join(directory, name)
  return {
    path,
    write(name, text) {
      writeFileSync(path(name), text)
      return path(name)
    },
  }
}

/** What tables publish until the test ends. */
export function tableEvents(t: TestContext): TablesEvent[] {
  const events: TablesEvent[] = []
  const stop = listen((event) => {
    if (event.event.startsWith('tables.')) events.push(event as TablesEvent) // names of this room only
  })
  t.after(stop)
  return events
}

/** Runs Postfix's own postmap on a text. */
export function postfixPostmap(type: string, file: string): void {
  execFileSync('/usr/sbin/postmap', [`${type}:${file}`], { stdio: 'pipe' })
}

/** Why a comparison with Postfix's own files is not made; false when it is. */
export function postmapMissing(type: string): string | false {
  const types = spawnSync('/usr/sbin/postconf', ['-m'], { encoding: 'utf8' })
  if (types.error !== undefined) return 'postfix is not installed'
  return types.stdout.split('\n').includes(type) ? false : `postfix has no ${type} tables: install postfix-${type}`
}
