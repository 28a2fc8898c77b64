/** Speaking with an ACME server: its directory, nonces, signed requests, and what its refusals mean. RFC 8555 §6 and §7.1. */
import type { HttpAnswer, HttpRequest, SendHttp } from '../https.ts'
import { type AccountKey, signed } from './jws.ts'

/** The authority refused, or could not be spoken with. */
export class AcmeError extends Error {
  /** `rateLimited`, `badNonce` …; `''` where the answer was none of ACME's. */
  readonly type: string
  /** Nothing is to be asked before, by the authority's word; 0: it said nothing. */
  readonly retryAfterMs: number
  constructor(text: string, { type = '', retryAfterMs = 0, cause }: AcmeErrorDetails = {}) {
    super(text, { cause })
    this.type = type
    this.retryAfterMs = retryAfterMs
  }
}

interface AcmeErrorDetails {
  readonly type?: string
  readonly retryAfterMs?: number
  readonly cause?: unknown
}

export interface Directory {
  readonly newNonce: string
  readonly newAccount: string
  readonly newOrder: string
  readonly renewalInfo: string | undefined
  /** The terms that are to be agreed to. */
  readonly terms: string | undefined
  readonly needsExternalAccount: boolean
}

export interface AcmeAnswer {
  readonly body: Readonly<Record<string, unknown>>
  readonly text: string
  /** The Location field. */
  readonly location: string | undefined
  readonly retryAfterMs: number
}

export interface AcmeClientOptions {
  readonly directoryUrl: string
  readonly key: AccountKey
  readonly send: SendHttp
  readonly ca: readonly string[] | undefined
  readonly userAgent: string
  readonly now: () => number
  readonly signal: AbortSignal
}

/** Of one exchange. */
const TIMEOUT_MS = 30_000
/** A chain of certificates is the longest answer. */
const MAX_ANSWER = 256 * 1024
/** How often a request is said again because its nonce was stale. */
const MAX_NONCES = 10
/** A Retry-After beyond this is taken for this. */
const MAX_RETRY_AFTER_MS = 7 * 86_400_000

export class AcmeClient {
  readonly #options: AcmeClientOptions
  #directory: Directory | undefined
  #nonce: string | undefined
  /** The account's URL, once it is known. */
  kid: string | undefined

  constructor(options: AcmeClientOptions) {
    this.#options = options
  }

  get key(): AccountKey {
    return this.#options.key
  }

  async directory(): Promise<Directory> {
    if (this.#directory !== undefined) return this.#directory
    const { body } = this.#read(await this.#exchange({ url: this.#options.directoryUrl }))
    const meta = isRecord(body['meta']) ? body['meta'] : {}
    return (this.#directory = {
      newNonce: urlIn(body, 'newNonce'),
      newAccount: urlIn(body, 'newAccount'),
      newOrder: urlIn(body, 'newOrder'),
      renewalInfo: typeof body['renewalInfo'] === 'string' ? body['renewalInfo'] : undefined,
      terms: typeof meta['termsOfService'] === 'string' ? meta['termsOfService'] : undefined,
      needsExternalAccount: meta['externalAccountRequired'] === true,
    })
  }

  /** What is not signed: renewal information. */
  async get(url: string): Promise<AcmeAnswer> {
    return this.#read(await this.#exchange({ url }))
  }

  /** @param payload `''` only reads */
  async post(url: string, payload: object | ''): Promise<AcmeAnswer> {
    for (let n = 1; ; n++) {
      const nonce = this.#nonce ?? (await this.#freshNonce())
      this.#nonce = undefined
      const body = signed(this.#options.key, { url, nonce, kid: this.kid }, payload)
      const headers = { 'content-type': 'application/jose+json' }
      const answer = await this.#exchange({ url, method: 'POST', headers, body })
      try {
        return this.#read(answer)
      } catch (error) {
        // RFC 8555 §6.5: the refusal brought another nonce.
        if (!(error instanceof AcmeError) || error.type !== 'badNonce' || n >= MAX_NONCES) throw error
      }
    }
  }

  async #freshNonce(): Promise<string> {
    const { newNonce } = await this.directory()
    await this.#exchange({ url: newNonce, method: 'HEAD' })
    if (this.#nonce === undefined) throw new AcmeError(`${newNonce} gives no nonce`)
    return this.#nonce
  }

  async #exchange(request: Pick<HttpRequest, 'url' | 'method' | 'headers' | 'body'>): Promise<HttpAnswer> {
    const { send, ca, userAgent, signal } = this.#options
    // RFC 8555 §6.1; a directory may not lead elsewhere.
    if (!request.url.startsWith('https://')) throw new AcmeError(`${request.url} is no https URL`)
    const headers = { ...request.headers, 'user-agent': userAgent }
    const bounds = { timeoutMs: TIMEOUT_MS, maxOctets: MAX_ANSWER, signal }
    const answer = await send({ ...request, headers, ...bounds, ...(ca !== undefined && { ca }) }).catch(
      (cause: unknown) => {
        const why = cause instanceof Error ? cause.message : String(cause)
        throw new AcmeError(`${new URL(request.url).host}: ${why}`, { cause })
      },
    )
    const nonce = answer.headers['replay-nonce']
    if (typeof nonce === 'string' && /^[\w-]{1,512}$/.test(nonce)) this.#nonce = nonce
    return answer
  }

  /** Throws AcmeError for a refusal. */
  #read({ status, headers, body: octets }: HttpAnswer): AcmeAnswer {
    const text = octets.toString('utf8')
    const retryAfterMs = retryAfter(headers['retry-after'], this.#options.now())
    const body = parsed(text)
    const { location } = headers
    if (status >= 200 && status < 300)
      return { body, text, location: typeof location === 'string' ? location : undefined, retryAfterMs }
    const { type, words } = problemOf(body)
    throw new AcmeError(words === '' ? `the authority answers with status ${status}` : words, { type, retryAfterMs })
  }
}

const PROBLEM = 'urn:ietf:params:acme:error:'
/** Of an authority's words that are shown. */
const SHOWN = 500

/** RFC 7807 and RFC 8555 §6.7, in words for the log: one line, no controls. */
export function problemOf(body: Readonly<Record<string, unknown>>): { readonly type: string; readonly words: string } {
  const urn = typeof body['type'] === 'string' ? body['type'] : ''
  const type = urn.startsWith(PROBLEM) ? urn.slice(PROBLEM.length) : ''
  const detail = typeof body['detail'] === 'string' ? body['detail'] : ''
  const below = Array.isArray(body['subproblems']) ? body['subproblems'].filter(isRecord).slice(0, 5) : []
  const subs = below.map((one) => problemOf(one).words)
  const words = [type, detail, ...subs].filter((word) => word !== '').join(': ')
  return { type, words: words.replaceAll(/\p{Cc}+/gu, ' ').slice(0, SHOWN) }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : {}
  } catch {
    return {} // a chain of certificates, or a page of a proxy's
  }
}

function urlIn(body: Readonly<Record<string, unknown>>, name: string): string {
  const value = body[name]
  if (typeof value !== 'string') throw new AcmeError(`the directory names no ${name}`)
  return value
}

/** Seconds, or a date; bounded. RFC 9110 §10.2.3. */
function retryAfter(field: string | string[] | undefined, nowMs: number): number {
  if (typeof field !== 'string') return 0
  const ms = /^\d+$/.test(field) ? Number(field) * 1000 : Date.parse(field) - nowMs
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), MAX_RETRY_AFTER_MS) : 0
}
