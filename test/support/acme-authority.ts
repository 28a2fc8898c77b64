/** An ACME authority in memory: it checks signatures and nonces as RFC 8555 has it, and fails as a test wants. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPublicKey, randomBytes, verify } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { HttpAnswer, HttpRequest } from '#src/io/net/mod.ts'
import { certificateMaker } from './authority.ts'

const BASE = 'https://ca.test'
const URN = 'urn:ietf:params:acme:error:'

export interface AuthorityMood {
  /** Answers to a request by its path, in the place of what is right; undefined: what is right. */
  fails: (path: string) => { status: number; type?: string; detail?: string; retryAfter?: string } | undefined
  /** How often a good nonce is refused. */
  staleNonces: number
  /** The order becomes invalid with this word. */
  invalid: string | undefined
  days: number
  window: { start: string; end: string } | undefined
  /** An account of its own must vouch for ours. */
  needsExternal: boolean
  /** Called when a challenge is to be looked at. */
  onChallenge: () => void
}

export class AcmeAuthority {
  readonly mood: AuthorityMood = {
    fails: () => undefined,
    staleNonces: 0,
    invalid: undefined,
    days: 90,
    window: undefined,
    needsExternal: false,
    onChallenge: () => {},
  }
  /** Paths as they were asked for. */
  readonly asked: string[] = []
  /** What the last request for an account said. */
  account: Readonly<Record<string, unknown>> = {}
  /** The last order's `replaces`. */
  replaces: unknown
  readonly #dir: string
  readonly #nonces = new Set<string>()
  #names: readonly string[] = []
  #key: Jwk | undefined
  #isAnswered = false
  #chain: string | undefined

  constructor(t: Pick<TestContext, 'after'>) {
    this.#dir = mkdtempSync(join(tmpdir(), 'postigo-acme-'))
    t.after(() => rmSync(this.#dir, { recursive: true }))
    const root = certificateMaker(t).make('Authority of the test')
    writeFileSync(join(this.#dir, 'root.pem'), root.cert + root.key)
  }

  readonly send = (request: HttpRequest): Promise<HttpAnswer> => {
    const path = request.url.slice(BASE.length)
    this.asked.push(path)
    const nonce = randomBytes(12).toString('base64url')
    this.#nonces.add(nonce)
    const { status, body, headers = {} } = this.#answer(path, request)
    const octets = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
    return Promise.resolve({ status, headers: { 'replay-nonce': nonce, ...headers }, body: octets })
  }

  #answer(path: string, request: HttpRequest): Answer {
    const wrong = this.mood.fails(path)
    if (wrong !== undefined) {
      const { status, type = 'serverInternal', detail = '', retryAfter } = wrong
      return {
        ...problem(status, type, detail),
        ...(retryAfter !== undefined && { headers: { 'retry-after': retryAfter } }),
      }
    }
    if (request.method !== 'POST') return this.#unsigned(path)
    const { payload, nonce } = this.#open(request)
    if (!this.#nonces.delete(nonce) || this.mood.staleNonces > 0) {
      this.mood.staleNonces--
      return problem(400, 'badNonce', 'stale')
    }
    return this.#signed(path, payload)
  }

  #unsigned(path: string): Answer {
    if (path === '/nonce') return { status: 200, body: '' }
    if (path.startsWith('/renewal/')) return { status: 200, body: { suggestedWindow: this.mood.window } }
    const urls = { newNonce: `${BASE}/nonce`, newAccount: `${BASE}/account`, newOrder: `${BASE}/order` }
    const meta = { termsOfService: `${BASE}/terms`, externalAccountRequired: this.mood.needsExternal }
    return { status: 200, body: { ...urls, meta, ...(this.mood.window && { renewalInfo: `${BASE}/renewal` }) } }
  }

  #signed(path: string, payload: Readonly<Record<string, unknown>>): Answer {
    const location = (of: string): Record<string, string> => ({ location: `${BASE}${of}` })
    if (path === '/account') {
      assert.equal(payload['termsOfServiceAgreed'], true)
      this.account = payload
      return { status: 201, body: { status: 'valid' }, headers: location('/account/1') }
    }
    if (path === '/order') {
      const identifiers = payload['identifiers'] as { value: string }[]
      this.#names = identifiers.map(({ value }) => value)
      this.replaces = payload['replaces']
      ;[this.#isAnswered, this.#chain] = [false, undefined]
      return { status: 201, body: this.#order(), headers: location('/order/1') }
    }
    if (path === '/order/1') return { status: 200, body: this.#order() }
    if (path.startsWith('/authorization/')) return { status: 200, body: this.#authorization(path) }
    if (path === '/challenge') {
      this.mood.onChallenge()
      this.#isAnswered = true
      return { status: 200, body: {} }
    }
    if (path === '/finalize') {
      this.#chain = this.#certify(Buffer.from(String(payload['csr']), 'base64url'))
      return { status: 200, body: this.#order() }
    }
    return path === '/certificate' ? { status: 200, body: this.#chain ?? '' } : problem(404, 'malformed', path)
  }

  #order(): Readonly<Record<string, unknown>> {
    const { invalid } = this.mood
    const status = this.#chain !== undefined ? 'valid' : this.#isAnswered ? 'ready' : 'pending'
    return {
      status,
      authorizations: this.#names.map((_, i) => `${BASE}/authorization/${i}`),
      finalize: `${BASE}/finalize`,
      certificate: `${BASE}/certificate`,
      ...(invalid !== undefined && this.#isAnswered && { status: 'invalid', error: wrongBy('caa', invalid) }),
    }
  }

  #authorization(path: string): Readonly<Record<string, unknown>> {
    const value = this.#names[Number(path.slice('/authorization/'.length))]
    const challenge = { type: 'http-01', token: 'token-of-the-test', url: `${BASE}/challenge` }
    return {
      status: this.#isAnswered ? 'valid' : 'pending',
      identifier: { type: 'dns', value },
      challenges: [challenge],
    }
  }

  #certify(csr: Buffer): string {
    const file = join(this.#dir, 'request.der')
    writeFileSync(file, csr)
    const who = ['-CA', 'root.pem', '-CAkey', 'root.pem', '-days', String(this.mood.days), '-copy_extensions', 'copy']
    const words = ['x509', '-req', '-in', file, '-inform', 'DER', '-set_serial', String(Date.now()), ...who]
    writeFileSync(join(this.#dir, 'extensions'), 'authorityKeyIdentifier=keyid\n')
    return execFileSync('openssl', [...words, '-extfile', 'extensions'], {
      cwd: this.#dir,
      encoding: 'latin1',
      stdio: 'pipe',
    })
  }

  /** What a request says, once its signature is right: by the key that it shows, or that of the account. */
  #open(request: HttpRequest): { readonly payload: Record<string, unknown>; readonly nonce: string } {
    const jws = JSON.parse(String(request.body)) as { protected: string; payload: string; signature: string }
    const head = JSON.parse(Buffer.from(jws.protected, 'base64url').toString()) as Head
    assert.equal(head.url, request.url)
    assert.equal(head.alg, 'ES256')
    if (head.jwk !== undefined) this.#key = head.jwk
    else assert.equal(head.kid, `${BASE}/account/1`)
    const key = createPublicKey({ key: this.#key ?? {}, format: 'jwk' })
    const signature = Buffer.from(jws.signature, 'base64url')
    const text = Buffer.from(`${jws.protected}.${jws.payload}`)
    assert.ok(verify('sha256', text, { key, dsaEncoding: 'ieee-p1363' }, signature))
    const payload = jws.payload === '' ? '{}' : Buffer.from(jws.payload, 'base64url').toString()
    return { payload: JSON.parse(payload) as Record<string, unknown>, nonce: head.nonce }
  }
}

interface Answer {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

type Jwk = Readonly<Record<string, string>>

interface Head {
  readonly url: string
  readonly alg: string
  readonly nonce: string
  readonly kid?: string
  readonly jwk?: Jwk
}

const wrongBy = (type: string, detail: string): object => ({ type: URN + type, detail })

const problem = (status: number, type: string, detail: string): Answer => ({ status, body: wrongBy(type, detail) })
