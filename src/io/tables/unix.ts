/**
 * `unix:passwd.byname` and `unix:group.byname`: the system's users and groups. /etc/passwd is read directly; where
 * nsswitch.conf names further sources (sss, ldap, systemd …), `getent` asks them.
 */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Clock } from '../../base/mod.ts'
import type { Table } from './contract.ts'
import { TableError } from './errors.ts'
import { Watched } from './watched.ts'

/** How long getent may take. */
const GETENT_LIMIT_MS = 5000
/** Answers of getent are kept so long, and so many. */
const KEEP_MS = 10_000
const KEEP_COUNT = 1000
/** getent's exit status for "one or more keys could not be found". */
const NOT_FOUND = 2

export interface UnixFiles {
  readonly passwd: string
  readonly group: string
  readonly nsswitch: string
}

const SYSTEM: UnixFiles = { passwd: '/etc/passwd', group: '/etc/group', nsswitch: '/etc/nsswitch.conf' }

/** Opens `passwd.byname` or `group.byname`; the result is the database's line, names are matched as they are. */
export function unixTable(name: string, clock: Clock, files: UnixFiles = SYSTEM): Table {
  const full = `unix:${name}`
  const database = name === 'passwd.byname' ? 'passwd' : name === 'group.byname' ? 'group' : undefined
  if (database === undefined) throw new TableError('configuration', full, `unknown table: ${full}`)
  const lines = new Watched([files[database]], () => readLines(files[database]), clock)
  const elsewhere = new Watched([files.nsswitch], () => hasOtherSources(files.nsswitch, database), clock)
  const asked = new Getent(database, full, clock)
  return {
    name: full,
    type: 'unix',
    fixed: true,
    get(key) {
      const line = lines.get().get(key)
      return line === undefined && elsewhere.get() ? asked.get(key) : line
    },
  }
}

function readLines(file: string): Map<string, string> {
  const entries = new Map<string, string>()
  for (const line of readIfReadable(file).split('\n')) {
    const colon = line.indexOf(':')
    if (colon > 0 && !entries.has(line.slice(0, colon))) entries.set(line.slice(0, colon), line)
  }
  return entries
}

function readIfReadable(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return '' // a container may have no such file: then it has no such users
  }
}

function hasOtherSources(file: string, database: string): boolean {
  const m = new RegExp(`^\\s*${database}:(.*)$`, 'm').exec(readIfReadable(file))
  const sources = (m?.[1] ?? '').replace(/\[.*?\]|#.*/g, ' ').split(/\s+/)
  return sources.some((s) => s !== '' && s !== 'files' && s !== 'compat')
}

class Getent {
  readonly #database: string
  readonly #table: string
  readonly #clock: Clock
  readonly #kept = new Map<string, { readonly until: number; readonly answer: Promise<string | undefined> }>()

  constructor(database: string, table: string, clock: Clock) {
    this.#database = database
    this.#table = table
    this.#clock = clock
  }

  get(key: string): Promise<string | undefined> | undefined {
    // Nothing else can be a name, and getent would take a number for an id.
    if (!/^[A-Za-z_][\w.$-]{0,63}$/.test(key)) return undefined
    const now = this.#clock.monotonic()
    const kept = this.#kept.get(key)
    if (kept !== undefined && kept.until > now) return kept.answer
    if (this.#kept.size >= KEEP_COUNT) this.#kept.clear()
    const answer = this.#ask(key)
    this.#kept.set(key, { until: now + KEEP_MS, answer })
    answer.catch(() => this.#kept.delete(key)) // a failure is not kept
    return answer
  }

  #ask(key: string): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      execFile('getent', ['--', this.#database, key], { timeout: GETENT_LIMIT_MS }, (error, stdout) => {
        const line = stdout.split('\n')[0] ?? ''
        if (error === null) resolve(line.startsWith(`${key}:`) ? line : undefined)
        else if (error.code === NOT_FOUND) resolve(undefined)
        else reject(new TableError('unavailable', this.#table, `getent ${this.#database}: ${error.message}`, error))
      })
    })
  }
}
