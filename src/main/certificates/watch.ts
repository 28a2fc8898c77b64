/**
 * Sees that files of certificates have changed, as after certbot's renewal, and has them read again. Postfix needs no reload
 * for it either: its processes end after a while, and new ones read the files.
 */
import { statSync } from 'node:fs'
import { publish } from '#src/base/mod.ts'
import type { Config } from '../../io/config/mod.ts'
import { tlsFiles } from '../launcher/configured.ts'

const LOOK_EVERY_MS = 60_000

export class CertificateWatch {
  readonly #config: () => Config
  readonly #take: () => Promise<void>
  #timer: NodeJS.Timeout | undefined
  #seen = ''
  /** What was found changed at the last look: it is taken once it has stood still for one. */
  #moving: string | undefined

  constructor(config: () => Config, take: () => Promise<void>) {
    this.#config = config
    this.#take = take
  }

  start(everyMs = LOOK_EVERY_MS): void {
    this.#seen = this.#now()
    this.#timer = setInterval(() => void this.look(), everyMs)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Key and certificate are two files: not between the one and the other. */
  async look(): Promise<void> {
    const now = this.#now()
    if (now === this.#seen) return void (this.#moving = undefined)
    if (now !== this.#moving) return void (this.#moving = now)
    this.#seen = now
    this.#moving = undefined
    try {
      await this.#take()
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
  #now(): string {
    return [...tlsFiles(this.#config())].map((file) => `${file} ${mark(file)}`).join('\n')
  }
}

function mark(file: string): string {
  const at = statSync(file, { throwIfNoEntry: false, bigint: true })
  return at === undefined ? '' : `${at.ino} ${at.size} ${at.mtimeNs}`
}
