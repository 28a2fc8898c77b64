/** SCRAM-SHA-1 and SCRAM-SHA-256, RFC 5802 and RFC 7677, and with channel binding `tls-exporter` (RFC 9266); both sides. */
import type { ClientCredentials, SaslBackend, SaslClientExchange, ScramHash, ScramSecret } from './contract.ts'
import { AUTHORIZATION_FAILURE, authenticationFailure, badProtocol, SaslError } from './errors.ts'
import type { ServerMechanism, Turn } from './exchange.ts'
import { sameOctets } from './octets.ts'
import { saslprep } from './saslprep.ts'
import { exclusiveOr, hmac, saltedPassword, storedKeyOf } from './scram-keys.ts'
import {
  parseClientFinal,
  parseClientFirst,
  parseServerFinal,
  parseServerFirst,
  printSaslname,
  type ClientFirst,
} from './scram-messages.ts'

/** The only kind of channel binding that is spoken here. */
const BINDING = 'tls-exporter'

/** Below this a server's request is a cheap dictionary attack (RFC 7677 §4), above it a way to stop us. */
const ITERATIONS_MIN = 4096
const ITERATIONS_MAX = 1_000_000

interface Asked {
  readonly first: ClientFirst
  readonly serverFirst: string
  readonly nonce: string
  readonly secret: ScramSecret
}

export interface ScramServerOptions {
  readonly hash: ScramHash
  readonly nonce: () => string
  /** RFC 5802 §6: only then is `y` a sign that somebody cut the -PLUS mechanisms out of the offer. */
  readonly plusOffered: boolean
  /** What the client must bind to: it has chosen the -PLUS form. */
  readonly exporter?: Buffer | undefined
}

export class ScramServer implements ServerMechanism {
  readonly #backend: SaslBackend
  readonly #options: ScramServerOptions
  #asked: Asked | undefined

  constructor(backend: SaslBackend, options: ScramServerOptions) {
    this.#backend = backend
    this.#options = options
  }

  async next(response: Buffer): Promise<Turn> {
    if (this.#asked) return this.#check(this.#asked, response)
    const first = parseClientFirst(response)
    this.#checkBinding(first)
    const username = saslprep(first.username)
    if (username === undefined) throw authenticationFailure('invalid-username-encoding')
    const secret = this.#backend.scram(username, this.#options.hash)
    const nonce = first.nonce + this.#options.nonce()
    const serverFirst = `r=${nonce},s=${secret.salt.toString('base64')},i=${secret.iterations}`
    this.#asked = { first, serverFirst, nonce, secret }
    return { challenge: Buffer.from(serverFirst) }
  }

  #checkBinding({ binding }: ClientFirst): void {
    const { exporter, plusOffered } = this.#options
    if (exporter === undefined) {
      if (binding === 'y' && plusOffered) throw badProtocol('server-does-support-channel-binding')
      if (typeof binding === 'object') throw badProtocol('channel-binding-not-supported')
    } else if (typeof binding !== 'object') throw badProtocol('other-error')
    else if (binding.name !== BINDING) throw badProtocol('unsupported-channel-binding-type')
  }

  #check(asked: Asked, response: Buffer): Turn {
    const { first, nonce, secret } = asked
    const final = parseClientFinal(response)
    const bound = Buffer.concat([Buffer.from(first.gs2Header), this.#options.exporter ?? Buffer.alloc(0)])
    if (!sameOctets(final.binding, bound)) throw badProtocol('channel-bindings-dont-match')
    if (final.nonce !== nonce) throw badProtocol('other-error')
    const by = this.#options.hash
    const authMessage = `${first.bare},${asked.serverFirst},${final.withoutProof}`
    const clientKey = exclusiveOr(final.proof, hmac(by, secret.storedKey, authMessage))
    const proven = sameOctets(storedKeyOf(by, clientKey), secret.storedKey)
    // RFC 5802 §7 lets invalid-proof stand for unknown-user, which would tell names.
    if (!proven || !secret.identity) throw authenticationFailure('invalid-proof')
    if (first.authzid !== '' && !this.#backend.mayActAs(secret.identity, first.authzid))
      throw new SaslError(AUTHORIZATION_FAILURE, { scramError: 'other-error' })
    const signature = hmac(by, secret.serverKey, authMessage)
    return { identity: secret.identity, finalData: Buffer.from(`v=${signature.toString('base64')}`) }
  }
}

export interface ScramClientOptions {
  readonly nonce: string
  /** What to bind to, in the -PLUS form. */
  readonly exporter?: Buffer | undefined
  /** The client could bind, and the server offered no -PLUS: that is said, for somebody may have cut it out. */
  readonly couldBind?: boolean
}

export class ScramClient implements SaslClientExchange {
  readonly mechanism: string
  readonly initial: Buffer
  readonly #hash: ScramHash
  readonly #password: string
  readonly #gs2Header: string
  readonly #exporter: Buffer
  readonly #bare: string
  readonly #nonce: string
  #signature: Buffer | undefined
  #complete = false

  constructor(hash: ScramHash, { username, password, authzid }: ClientCredentials, options: ScramClientOptions) {
    const { nonce, exporter, couldBind = false } = options
    this.mechanism = `SCRAM-${hash.toUpperCase()}${exporter === undefined ? '' : '-PLUS'}`
    this.#exporter = exporter ?? Buffer.alloc(0)
    this.#hash = hash
    // A password that cannot be prepared goes as it is: another server may have stored it so.
    this.#password = saslprep(password) ?? password
    this.#nonce = nonce
    const flag = exporter !== undefined ? `p=${BINDING}` : couldBind ? 'y' : 'n'
    this.#gs2Header = `${flag},${authzid === undefined ? '' : `a=${printSaslname(authzid)}`},`
    this.#bare = `n=${printSaslname(saslprep(username) ?? username)},r=${this.#nonce}`
    this.initial = Buffer.from(this.#gs2Header + this.#bare)
  }

  get complete(): boolean {
    return this.#complete
  }

  async step(challenge: Buffer): Promise<Buffer> {
    if (this.#complete) throw new SaslError(`${this.mechanism}: a challenge after the last`)
    if (this.#signature) return this.#verify(challenge, this.#signature)
    // A server that knows no initial responses asks with nothing.
    if (challenge.length === 0) return this.initial
    const { nonce, salt, iterations } = parseServerFirst(challenge)
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length)
      throw new SaslError(`${this.mechanism}: the server did not add to our nonce`)
    if (iterations < ITERATIONS_MIN || iterations > ITERATIONS_MAX)
      throw new SaslError(`${this.mechanism}: the server asks for ${iterations} iterations`)
    const salted = await saltedPassword(this.#password, salt, iterations, this.#hash)
    const bound = Buffer.concat([Buffer.from(this.#gs2Header), this.#exporter])
    const withoutProof = `c=${bound.toString('base64')},r=${nonce}`
    const authMessage = `${this.#bare},${challenge.toString()},${withoutProof}`
    this.#signature = hmac(this.#hash, hmac(this.#hash, salted, 'Server Key'), authMessage)
    const clientKey = hmac(this.#hash, salted, 'Client Key')
    const proof = exclusiveOr(clientKey, hmac(this.#hash, storedKeyOf(this.#hash, clientKey), authMessage))
    return Buffer.from(`${withoutProof},p=${proof.toString('base64')}`)
  }

  #verify(challenge: Buffer, expected: Buffer): Buffer {
    const final = parseServerFinal(challenge)
    if ('error' in final) throw new SaslError(`${this.mechanism}: the server says ${final.error}`)
    if (!sameOctets(final.verifier, expected)) throw new SaslError(`${this.mechanism}: the server's proof is wrong`)
    this.#complete = true
    return Buffer.alloc(0)
  }
}
