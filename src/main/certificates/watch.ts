/**
 * Sees that files of certificates have changed, as after certbot's renewal, and has them read again. Postfix needs no reload
 * for it either: its processes end after a while, and new ones read the files.
 */
import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { publish } from '#src/base/mod.ts'
import type { Config } from '../../io/config/mod.ts'
import { tlsFiles } from '../launcher/configured.ts'

const LOOK_EVERY_MS = 60_000

export interface CertificateWatchDeps {
  readonly config: () => Config
  /** What the launcher reads of files that this process may not even see (/etc/letsencrypt/live). */
  readonly handed: () => Promise<ReadonlyMap<string, string>>
  /** The services are to show what there is now. */
  readonly take: () => Promise<void>
}

export class CertificateWatch {
  readonly #deps: CertificateWatchDeps
  #timer: NodeJS.Timeout | undefined
  #seen: string | undefined
  /** What was found changed at the last look: it is taken once it has stood still for one. */
  #moving: string | undefined

  constructor(deps: CertificateWatchDeps) {
    this.#deps = deps
  }

  start(everyMs = LOOK_EVERY_MS): void {
    void this.look()
    this.#timer = setInterval(() => void this.look(), everyMs)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Key and certificate are two files: not between the one and the other. */
  async look(): Promise<void> {
    const now = await this.#now()
    this.#seen ??= now
    const hasSettled = now === this.#moving
    this.#moving = now === this.#seen ? undefined : now
    if (now === this.#seen || !hasSettled) return
    this.#seen = now
    this.#moving = undefined
    try {
      await this.#deps.take()
      publish({ event: 'main.certificate', text: 'changed certificate files are read again' })
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      publish({
        event: 'main.certificate',
        text: `warning: changed certificate files: ${why}; shown is what was before`,
      })
    }
  }

  /** The names, and what tells that a file is another. */
  async #now(): Promise<string> {
    const { config, handed } = this.#deps
    const given = await handed().catch(() => new Map<string, string>())
    return [...tlsFiles(config())].map((file) => `${file} ${mark(file, given.get(file))}`).join('\n')
  }
}

function mark(file: string, given: string | undefined): string {
  if (given !== undefined) return createHash('sha256').update(given).digest('hex')
  try {
    const { ino, size, mtimeNs } = statSync(file, { bigint: true })
    return `${ino} ${size} ${mtimeNs}`
  } catch {
    return '' // it is not there, or not to be seen: whoever needs it says so
  }
}
