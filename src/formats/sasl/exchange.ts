/** What all server-side exchanges share: order of steps, bounds, and errors as values. */
import type { SaslExchange, SaslIdentity, SaslStep } from './contract.ts'
import { BAD_PROTOCOL, GENERIC_FAILURE, SaslError, SaslUnavailable } from './errors.ts'
import { RESPONSE_MAX_OCTETS } from './octets.ts'

/** What a mechanism answers to a response: one more challenge, or whom it found. */
export type Turn = { readonly challenge: Buffer } | { readonly identity: SaslIdentity; readonly finalData?: Buffer }

/** A mechanism's own part. It throws SaslError or SaslUnavailable; both end the exchange. */
export interface ServerMechanism {
  /** The longest response that it reads, where that is not RESPONSE_MAX_OCTETS. */
  readonly responseMaxOctets?: number
  /** The first challenge of a mechanism in which the server speaks first; absent where the client does. */
  start?(): Buffer
  /** An initial response where the server speaks first; absent: it is an error (RFC 4954 §4). */
  initial?(response: Buffer): Promise<Turn>
  next(response: Buffer): Promise<Turn>
}

const EMPTY = Buffer.alloc(0)

export class Exchange implements SaslExchange {
  readonly mechanism: string
  readonly clientFirst: boolean
  readonly #inner: ServerMechanism
  #phase: 'new' | 'running' | 'over' = 'new'

  constructor(mechanism: string, inner: ServerMechanism) {
    this.mechanism = mechanism
    this.clientFirst = inner.start === undefined
    this.#inner = inner
  }

  async step(response: Buffer | undefined): Promise<SaslStep> {
    const phase = this.#phase
    this.#phase = 'over' // until the turn ends well: whoever asks twice at once gets a failure
    try {
      const turn = await this.#turn(phase, response)
      if ('identity' in turn) return { state: 'done', ...turn }
      this.#phase = 'running'
      return { state: 'continue', challenge: turn.challenge }
    } catch (error) {
      return failed(error)
    }
  }

  async #turn(phase: 'new' | 'running' | 'over', response: Buffer | undefined): Promise<Turn> {
    if (phase === 'over' || (phase === 'running' && response === undefined)) throw new SaslError(BAD_PROTOCOL)
    const { responseMaxOctets = RESPONSE_MAX_OCTETS } = this.#inner
    if (response !== undefined && response.length > responseMaxOctets) throw new SaslError(BAD_PROTOCOL)
    if (response === undefined) return { challenge: this.#inner.start?.() ?? EMPTY }
    if (phase === 'running' || this.clientFirst) return this.#inner.next(response)
    if (!this.#inner.initial) throw new SaslError(BAD_PROTOCOL)
    return this.#inner.initial(response)
  }
}

function failed(error: unknown): SaslStep {
  if (error instanceof SaslUnavailable)
    return { state: 'failed', reason: GENERIC_FAILURE, temporary: true, detail: error.message }
  if (!(error instanceof SaslError)) throw error
  const { message: reason, detail } = error
  const outcome = { state: 'failed', reason, temporary: false, ...(detail !== undefined && { detail }) } as const
  if (error.scramError === undefined) return outcome
  return { ...outcome, finalData: Buffer.from(`e=${error.scramError}`) }
}
