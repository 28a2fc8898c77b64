/** TLS sessions of servers, in memory, so that the next connection to one resumes where the last began. RFC 8446 §2.2. */
import type { TlsSession } from '../../../io/net/mod.ts'

interface Known {
  readonly session: TlsSession
  readonly untilMs: number
}

/** Servers whose session is remembered; beyond it the one that came first is forgotten. */
const SESSIONS_LIMIT = 1000

export class TlsSessions {
  readonly #limit: number
  readonly #known = new Map<string, Known>()

  constructor(limit = SESSIONS_LIMIT) {
    this.#limit = limit
  }

  get(key: string, nowMs: number): TlsSession | undefined {
    const known = this.#known.get(key)
    if (known === undefined || nowMs < known.untilMs) return known?.session
    this.#known.delete(key)
    return undefined
  }

  set(key: string, session: TlsSession, untilMs: number): void {
    this.#known.delete(key)
    this.#known.set(key, { session, untilMs })
    for (const first of this.#known.keys()) {
      if (this.#known.size <= this.#limit) return
      this.#known.delete(first)
    }
  }

  clear(): void {
    this.#known.clear()
  }
}
