/** Asking the issuer about a token that says nothing by itself. RFC 7662. */
import { hash } from 'node:crypto'
import type { JWTPayload } from 'jose'
import type { Clock } from '#src/base/mod.ts'
import { SaslUnavailable } from '../../../formats/sasl/mod.ts'
import type { Issuer } from './issuer.ts'
import { TokenRefused } from './refused.ts'

/** An answer holds for so long, and a token that is taken back for as long after that. */
const BELIEVED_MS = 60_000
const REMEMBERED_MAX = 1000
/** Questions at a time: strangers choose how many there are. */
const MOST_AT_ONCE = 16

export interface Expected {
  readonly issuer: string
  readonly audience: readonly string[]
  readonly toleranceS: number
}

export class Introspection {
  readonly #issuer: Issuer
  readonly #authorization: string
  readonly #clock: Clock
  /** Claims by hash of the token; undefined: it is not active. The oldest first. */
  readonly #remembered = new Map<string, { readonly claims: JWTPayload | undefined; readonly untilMs: number }>()
  #asking = 0

  constructor(issuer: Issuer, { id, secret }: { readonly id: string; readonly secret: string }, clock: Clock) {
    this.#issuer = issuer
    // RFC 6749 §2.3.1: both are form-encoded first.
    const words = [id, secret].map((word) => encodeURIComponent(word)).join(':')
    this.#authorization = `Basic ${Buffer.from(words).toString('base64')}`
    this.#clock = clock
  }

  /** Throws TokenRefused, or SaslUnavailable. */
  async ask(token: string, expected: Expected): Promise<JWTPayload> {
    const key = hash('sha256', token)
    const known = this.#remembered.get(key)
    const isKnown = known !== undefined && known.untilMs > this.#clock.monotonic()
    const claims = isKnown ? known.claims : await this.#fetch(token)
    if (!isKnown) this.#remember(key, claims)
    if (claims === undefined) throw new TokenRefused('the issuer says that the token is not active')
    check(claims, expected, this.#clock.now() / 1000)
    return claims
  }

  async #fetch(token: string): Promise<JWTPayload | undefined> {
    if (this.#asking >= MOST_AT_ONCE) throw new SaslUnavailable('oauth_issuer: too many tokens at a time')
    this.#asking++
    try {
      const { introspectionEndpoint: url } = await this.#issuer.metadata()
      if (url === undefined) throw new TokenRefused('the issuer has no introspection_endpoint')
      const body = new URLSearchParams({ token, token_type_hint: 'access_token' }).toString()
      const answer = await this.#issuer.post(url, body, {
        authorization: this.#authorization,
        'content-type': 'application/x-www-form-urlencoded',
      })
      return answer['active'] === true ? answer : undefined
    } finally {
      this.#asking--
    }
  }

  #remember(key: string, claims: JWTPayload | undefined): void {
    const [oldest] = this.#remembered.keys()
    if (this.#remembered.size >= REMEMBERED_MAX && oldest !== undefined) this.#remembered.delete(oldest)
    this.#remembered.delete(key)
    this.#remembered.set(key, { claims, untilMs: this.#clock.monotonic() + BELIEVED_MS })
  }
}

/** The issuer may leave out what it has checked; what it says must fit. Whom the token is for must be said. */
function check(claims: JWTPayload, { issuer, audience, toleranceS }: Expected, nowS: number): void {
  const { iss, exp, nbf, aud = claims['client_id'] } = claims
  if (iss !== undefined && iss !== issuer) throw new TokenRefused('unexpected "iss" claim value')
  if (exp !== undefined && !(typeof exp === 'number' && exp + toleranceS > nowS))
    throw new TokenRefused('"exp" claim timestamp check failed')
  if (nbf !== undefined && !(typeof nbf === 'number' && nbf - toleranceS <= nowS))
    throw new TokenRefused('"nbf" claim timestamp check failed')
  const meant: readonly unknown[] = [aud].flat()
  if (!meant.some((one) => typeof one === 'string' && audience.includes(one)))
    throw new TokenRefused('unexpected "aud" claim value')
}
