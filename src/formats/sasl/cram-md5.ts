/** CRAM-MD5, RFC 2195: a challenge, then the name and the challenge's keyed MD5 (RFC 2104). */
import { createHmac, hash, randomBytes } from 'node:crypto'
import type { ClientCredentials, SaslBackend, SaslClientExchange } from './contract.ts'
import { authenticationFailure, badProtocol, SaslError } from './errors.ts'
import type { ServerMechanism, Turn } from './exchange.ts'
import { MD5_START, md5Block, md5Finish, packMd5State, unpackMd5State } from './md5.ts'
import { isLatin1, sameOctets, utf8 } from './octets.ts'

const BLOCK = 64

/** The states after one block of key: the inner one, then the outer, 16 octets each. RFC 2195 §2, last but one paragraph. */
export function cramMd5State(password: Buffer): Buffer {
  const key = password.length > BLOCK ? hash('md5', password, 'buffer') : password
  const after = (pad: number): Buffer => {
    const block = Buffer.alloc(BLOCK, pad)
    key.forEach((octet, i) => (block[i] = octet ^ pad))
    return packMd5State(md5Block(MD5_START, block))
  }
  return Buffer.concat([after(0x36), after(0x5c)])
}

/** The states for a password in each encoding that clients use: UTF-8, and ISO 8859-1 where that differs. */
export function cramMd5States(password: string): Buffer[] {
  const asUtf8 = Buffer.from(password)
  const states = [cramMd5State(asUtf8)]
  if (isLatin1(password) && asUtf8.length !== password.length)
    states.push(cramMd5State(Buffer.from(password, 'latin1')))
  return states
}

/** The keyed digest of `challenge`, from the states that `cramMd5State` made. */
export function cramMd5Digest(state: Buffer, challenge: Buffer): Buffer {
  const inner = md5Finish(unpackMd5State(state.subarray(0, 16)), BLOCK, challenge)
  return md5Finish(unpackMd5State(state.subarray(16, 32)), BLOCK, inner)
}

export class CramMd5Server implements ServerMechanism {
  readonly #backend: SaslBackend
  readonly #challenge: Buffer

  constructor(backend: SaslBackend, hostname: string, nowMs = Date.now()) {
    this.#backend = backend
    // RFC 2195 §2: random digits, a time and the host, in the form of a msg-id.
    this.#challenge = Buffer.from(`<${randomBytes(8).readBigUInt64BE()}.${Math.floor(nowMs / 1000)}@${hostname}>`)
  }

  start(): Buffer {
    return this.#challenge
  }

  async next(response: Buffer): Promise<Turn> {
    // The name may hold blanks, the digest none.
    const blank = response.lastIndexOf(0x20)
    const name = blank > 0 ? utf8(response.subarray(0, blank)) : undefined
    const digest = response.toString('latin1', blank + 1)
    // Lower case by RFC 2195 §2; some clients print capitals, and nothing is lost by reading them.
    if (name === undefined || !/^[0-9a-fA-F]{32}$/.test(digest)) throw badProtocol()
    const given = Buffer.from(digest, 'hex')
    const { digests, identity } = this.#backend.cramMd5(name, this.#challenge)
    const matches = digests.filter((expected) => sameOctets(expected, given)).length > 0
    if (!matches || !identity) throw authenticationFailure()
    return { identity }
  }
}

export class CramMd5Client implements SaslClientExchange {
  readonly mechanism = 'CRAM-MD5'
  readonly initial = undefined
  readonly #credentials: ClientCredentials
  #answered = false

  constructor(credentials: ClientCredentials) {
    this.#credentials = credentials
  }

  /** The server proves nothing in this mechanism; it must at least have asked. */
  get complete(): boolean {
    return this.#answered
  }

  async step(challenge: Buffer): Promise<Buffer> {
    if (this.#answered) throw new SaslError('CRAM-MD5: a second challenge')
    this.#answered = true
    const { username, password } = this.#credentials
    return Buffer.from(`${username} ${createHmac('md5', password).update(challenge).digest('hex')}`)
  }
}
