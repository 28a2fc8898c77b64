/** OAUTHBEARER, RFC 7628, and XOAUTH2: a token that an issuer gave says who the client is. */
import type { BearerVerdict, SaslBackend } from './contract.ts'
import { AUTHENTICATION_FAILURE, AUTHORIZATION_FAILURE, badProtocol, SaslError } from './errors.ts'
import type { ServerMechanism, Turn } from './exchange.ts'
import { type BearerMessage, parseOauthBearer, parseXoauth2 } from './bearer-messages.ts'
import { saslprep } from './saslprep.ts'

/** Tokens of some issuers hold whole lists of groups; what a line of an exchange has room for. */
const MESSAGE_MAX_OCTETS = 12_288

export type BearerForm = 'OAUTHBEARER' | 'XOAUTH2'

export class BearerServer implements ServerMechanism {
  readonly responseMaxOctets = MESSAGE_MAX_OCTETS
  readonly #backend: SaslBackend
  readonly #form: BearerForm
  /** Why it was refused: the client has been told, and its answer to that ends the exchange. */
  #refused: string | undefined

  constructor(backend: SaslBackend, form: BearerForm) {
    this.#backend = backend
    this.#form = form
  }

  async next(response: Buffer): Promise<Turn> {
    if (this.#refused !== undefined) throw new SaslError(AUTHENTICATION_FAILURE, { detail: this.#refused })
    const { authzid, token } = this.#form === 'XOAUTH2' ? parseXoauth2(response) : parseOauthBearer(response)
    const verdict = await this.#judge({ authzid, token })
    if ('identity' in verdict) {
      if (authzid === '' || this.#backend.mayActAs(verdict.identity, saslprep(authzid) ?? authzid))
        return { identity: verdict.identity }
      throw new SaslError(AUTHORIZATION_FAILURE, { detail: `a token of ${verdict.identity.username}` })
    }
    this.#refused = verdict.why
    return { challenge: Buffer.from(JSON.stringify(challengeOf(this.#form, verdict))) }
  }

  #judge({ token }: BearerMessage): Promise<BearerVerdict> {
    if (this.#backend.bearer === undefined) throw badProtocol()
    return this.#backend.bearer(token)
  }
}

/** RFC 7628 §3.2.2. What old clients of XOAUTH2 read is Google's form of it. */
function challengeOf(form: BearerForm, verdict: Exclude<BearerVerdict, { identity: unknown }>): object {
  const { status, scope, configuration } = verdict
  const scoped = scope === '' ? {} : { scope }
  if (form === 'XOAUTH2') return { status: status === 'invalid_token' ? '401' : '403', schemes: 'bearer', ...scoped }
  return { status, ...scoped, 'openid-configuration': configuration }
}
