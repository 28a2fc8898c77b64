/** An issuer of tokens: its discovery document and its keys, fetched within bounds and kept for a while. */
import type { JSONWebKeySet } from 'jose'
import type { Clock } from '#src/base/mod.ts'
import { SaslUnavailable } from '../../../formats/sasl/mod.ts'
import type { SendHttp } from '../../../io/net/mod.ts'
import { isFetchable, type TokenSettings } from './settings.ts'

/** Of a document of the issuer's. */
const DOCUMENT_MAX_OCTETS = 256 * 1024
/** How long the discovery document and the keys are believed. */
const FRESH_MS = 3_600_000
/** The issuer is not asked again sooner: not after a failure, and not because a stranger names a key that it has not. */
const PAUSE_MS = 30_000

export interface Metadata {
  readonly jwksUri: string
  readonly introspectionEndpoint: string | undefined
}

export interface IssuerDeps {
  readonly send: SendHttp
  readonly clock: Pick<Clock, 'monotonic'>
}

export class Issuer {
  readonly configuration: string
  readonly #settings: Pick<TokenSettings, 'issuer' | 'ca' | 'timeoutMs'>
  readonly #send: SendHttp
  readonly #metadata: Kept<Metadata>
  readonly #keys: Kept<JSONWebKeySet>

  constructor(settings: Pick<TokenSettings, 'issuer' | 'ca' | 'timeoutMs'>, { send, clock }: IssuerDeps) {
    this.#settings = settings
    this.#send = send
    // OpenID Connect Discovery 1.0 §4.1.
    this.configuration = `${settings.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
    this.#metadata = new Kept(clock, () => this.#discover())
    this.#keys = new Kept(clock, async () => keySetOf(await this.#fetch((await this.metadata()).jwksUri)))
  }

  /** Throws SaslUnavailable. */
  metadata(): Promise<Metadata> {
    return this.#metadata.get()
  }

  /** @param anew there is a token under a key that those known are not. Throws SaslUnavailable. */
  keys(anew = false): Promise<JSONWebKeySet> {
    return this.#keys.get(anew)
  }

  /** What an endpoint of the issuer answers. Throws SaslUnavailable. */
  async post(url: string, body: string, headers: Readonly<Record<string, string>>): Promise<Record<string, unknown>> {
    return this.#fetch(url, { method: 'POST', body, headers })
  }

  async #discover(): Promise<Metadata> {
    const document = await this.#fetch(this.configuration)
    // §4.3: else another's keys would be taken for this issuer's.
    if (document['issuer'] !== this.#settings.issuer)
      throw this.#away(`it calls itself ${JSON.stringify(document['issuer'])?.slice(0, 200)}`)
    const jwksUri = document['jwks_uri']
    const introspection = document['introspection_endpoint']
    if (typeof jwksUri !== 'string' || !isFetchable(jwksUri)) throw this.#away('no jwks_uri under https:')
    const usable = typeof introspection === 'string' && isFetchable(introspection)
    return { jwksUri, introspectionEndpoint: usable ? introspection : undefined }
  }

  async #fetch(url: string, more: Partial<Parameters<SendHttp>[0]> = {}): Promise<Record<string, unknown>> {
    const { ca, timeoutMs } = this.#settings
    const headers = { accept: 'application/json', ...more.headers }
    const options = {
      url,
      timeoutMs,
      maxOctets: DOCUMENT_MAX_OCTETS,
      ...(ca !== undefined && { ca }),
      ...more,
      headers,
    }
    const answer = await this.#send(options).catch((error: unknown) => {
      throw this.#away(`${url}: ${error instanceof Error ? error.message : String(error)}`, error)
    })
    if (answer.status !== 200) throw this.#away(`${url}: status ${answer.status}`)
    const value = jsonOf(answer.body)
    if (value === undefined) throw this.#away(`${url}: no JSON object`)
    return value
  }

  #away(why: string, cause?: unknown): SaslUnavailable {
    return new SaslUnavailable(`oauth_issuer ${this.#settings.issuer}: ${why}`, { cause })
  }
}

function jsonOf(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString())
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}

/** What is no key is left out; what kind of key it is, jose finds. */
function keySetOf({ keys }: Record<string, unknown>): JSONWebKeySet {
  const list: readonly unknown[] = Array.isArray(keys) ? keys : []
  return { keys: list.filter((key): key is JSONWebKeySet['keys'][number] => typeof key === 'object' && key !== null) }
}

/** A value that is got again when it is old; who asks meanwhile waits for the same answer. */
class Kept<T> {
  readonly #clock: IssuerDeps['clock']
  readonly #make: () => Promise<T>
  #value: { readonly value: T; readonly atMs: number } | undefined
  #failed: { readonly error: unknown; readonly atMs: number } | undefined
  #flight: Promise<T> | undefined

  constructor(clock: IssuerDeps['clock'], make: () => Promise<T>) {
    this.#clock = clock
    this.#make = make
  }

  get(anew = false): Promise<T> {
    const now = this.#clock.monotonic()
    const age = this.#value === undefined ? Infinity : now - this.#value.atMs
    if (this.#value !== undefined && (anew ? age < PAUSE_MS : age < FRESH_MS)) return Promise.resolve(this.#value.value)
    if (this.#failed !== undefined && now - this.#failed.atMs < PAUSE_MS) return this.#orOld(this.#failed.error)
    this.#flight ??= this.#ask().finally(() => (this.#flight = undefined))
    return this.#flight
  }

  async #ask(): Promise<T> {
    try {
      const value = await this.#make()
      this.#value = { value, atMs: this.#clock.monotonic() }
      this.#failed = undefined
      return value
    } catch (error) {
      this.#failed = { error, atMs: this.#clock.monotonic() }
      return this.#orOld(error)
    }
  }

  /** Keys that were good an hour ago are better than nobody's mail. */
  #orOld(error: unknown): Promise<T> {
    return this.#value === undefined ? Promise.reject(error) : Promise.resolve(this.#value.value)
  }
}
