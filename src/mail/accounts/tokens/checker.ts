/** Whether a token opens an account: signed by the issuer or vouched for by it, for us, now, with the scopes asked for. */
import type { JWTPayload, JWTVerifyGetKey } from 'jose'
import type { Clock } from '#src/base/mod.ts'
import { type BearerVerdict, SaslUnavailable } from '../../../formats/sasl/mod.ts'
import type { SendHttp } from '../../../io/net/mod.ts'
import { Introspection } from './introspection.ts'
import { Issuer } from './issuer.ts'
import { TokenRefused } from './refused.ts'
import type { TokenSettings } from './settings.ts'

/** Signatures alone: with a shared secret, or none, anybody's word would do. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']
/** How far the issuer's clock and ours may be apart. */
const CLOCK_TOLERANCE_S = 30
/** RFC 7519 §3: three parts. */
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/

export type TokenRefusal = Exclude<BearerVerdict, { identity: unknown }>
export type TokenVerdict = { readonly name: string } | TokenRefusal

export interface TokenDeps {
  readonly send: SendHttp
  readonly clock: Clock
}

export class TokenChecker {
  readonly #settings: TokenSettings
  readonly #clock: Clock
  readonly #issuer: Issuer
  readonly #introspection: Introspection | undefined

  constructor(settings: TokenSettings, { send, clock }: TokenDeps) {
    const { introspection } = settings
    this.#settings = settings
    this.#clock = clock
    this.#issuer = new Issuer(settings, { send, clock })
    this.#introspection = introspection && new Introspection(this.#issuer, introspection, clock)
  }

  /** Throws SaslUnavailable when the issuer would have to be asked and cannot be. */
  async check(token: string): Promise<TokenVerdict> {
    try {
      const claims = await this.#claims(token)
      const missing = this.#settings.scope.filter((scope) => !scopesOf(claims).has(scope))
      if (missing.length > 0) return this.refusal('insufficient_scope', `no scope ${missing.join(' ')}`)
      return { name: nameOf(claims, this.#settings.claim) }
    } catch (error) {
      if (!(error instanceof TokenRefused)) throw error
      return this.refusal('invalid_token', error.message)
    }
  }

  #claims(token: string): Promise<JWTPayload> {
    if (token === '') throw new TokenRefused('no token')
    if (JWT.test(token)) return this.#verified(token)
    if (this.#introspection === undefined) throw new TokenRefused('the token is no JWT')
    const { issuer, audience } = this.#settings
    return this.#introspection.ask(token, { issuer, audience, toleranceS: CLOCK_TOLERANCE_S })
  }

  async #verified(token: string): Promise<JWTPayload> {
    const { jwtVerify, createLocalJWKSet, errors } = await import('jose')
    const { issuer, audience } = this.#settings
    const getKey: JWTVerifyGetKey = async (header, jws) => {
      try {
        return await createLocalJWKSet(await this.#issuer.keys())(header, jws)
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
        return createLocalJWKSet(await this.#issuer.keys(true))(header, jws) // it has been given a new one
      }
    }
    try {
      const { payload } = await jwtVerify(token, getKey, {
        issuer,
        audience: [...audience],
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_TOLERANCE_S,
        requiredClaims: ['exp', 'aud', 'iss'],
        currentDate: new Date(this.#clock.now()),
      })
      return payload
    } catch (error) {
      if (error instanceof SaslUnavailable) throw error
      // jose's words name claims and algorithms; a key that cannot be read is the issuer's fault, and no token's proof.
      throw new TokenRefused(error instanceof errors.JOSEError ? error.message : 'the key cannot be used', {
        cause: error,
      })
    }
  }

  /** What a client hears of it. */
  refusal(status: TokenRefusal['status'], why: string): TokenRefusal {
    return { status, scope: this.#settings.scope.join(' '), configuration: this.#issuer.configuration, why }
  }
}

/** `scope` of RFC 8693 §4.2 and RFC 7662; `scp` is Microsoft's. */
function scopesOf(claims: JWTPayload): ReadonlySet<string> {
  const values: readonly unknown[] = [claims['scope'], claims['scp']].flat()
  return new Set(values.flatMap((value) => (typeof value === 'string' ? value.split(' ') : [])))
}

function nameOf(claims: JWTPayload, claim: string): string {
  const name = claims[claim]
  if (typeof name !== 'string' || name === '') throw new TokenRefused(`no claim ${claim}`)
  // OpenID Connect Core 1.0 §5.1: anybody may have typed it there. Some issuers say so in a string.
  const isVerified = claims['email_verified']
  if (claim === 'email' && (isVerified === false || isVerified === 'false'))
    throw new TokenRefused('the email is not verified')
  return name
}
