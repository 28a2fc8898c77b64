/** A session with a server that takes mail: what is known of the server, and how its connection ends or waits. */
import type { Keepable } from './connection-cache.ts'
import { type Dialogue, DialogueError } from './dialogue.ts'
import type { ClientSettings } from './params.ts'
import type { Offer } from './session.ts'

export interface ServerFacts extends Offer {
  readonly dialogue: Dialogue
  /** `host[address]`, and with `:port`. */
  readonly name: string
  readonly nameAndPort: string
  /** Or a socket's path. */
  readonly address: string
  readonly serverKey: string
  /** Of the cache, as of the settings that the session was opened by. */
  readonly generation: number
  /** It may be kept for another delivery until then (`performance.now()`); 0: it may not. */
  readonly keptUntilMs: number
}

export class ServerSession implements Keepable {
  readonly facts: ServerFacts
  /** Deliveries that it has carried. */
  uses = 0

  constructor(facts: ServerFacts) {
    this.facts = facts
  }

  mayBeKept(cf: ClientSettings): boolean {
    const { dialogue, keptUntilMs } = this.facts
    const limit = cf.smtp_connection_reuse_count_limit
    return performance.now() < keptUntilMs && (limit === 0 || this.uses <= limit) && dialogue.isQuiet
  }

  /** Whether the server answers as it should: what a connection that has waited is asked first. */
  async isAlive(cf: ClientSettings): Promise<boolean> {
    return this.reset('sending RSET probe', cf)
  }

  /** RSET. Whether it was taken. */
  async reset(doing: string, cf: ClientSettings): Promise<boolean> {
    const { dialogue } = this.facts
    dialogue.doing = doing
    try {
      const { code } = await dialogue.ask('RSET', cf.smtp_rset_timeout)
      return code >= 200 && code <= 299
    } catch (error) {
      if (error instanceof DialogueError) return false
      throw error
    }
  }

  async quit(cf: ClientSettings): Promise<void> {
    await this.facts.dialogue.quit(cf.smtp_skip_quit_response ? undefined : cf.smtp_quit_timeout)
  }

  rest(forMs: number, gone: () => void): void {
    this.facts.dialogue.rest(forMs, gone)
  }

  wake(): void {
    this.facts.dialogue.wake()
  }

  close(): void {
    void this.facts.dialogue.quit()
  }
}
