/** DIGEST-MD5, RFC 2831, quality of protection `auth` only; both sides. */
import { hash } from 'node:crypto'
import type { ClientCredentials, SaslBackend, SaslClientExchange } from './contract.ts'
import { onlyValue, parseDirectives, quoted, requiredValue } from './digest-directives.ts'
import { AUTHORIZATION_FAILURE, authenticationFailure, badProtocol, SaslError } from './errors.ts'
import type { ServerMechanism, Turn } from './exchange.ts'
import { isLatin1, latin1WherePossible, RESPONSE_MAX_OCTETS, sameOctets, utf8 } from './octets.ts'

/** RFC 2831 §2.1.1. */
const CHALLENGE_MAX_OCTETS = 2048
/** A nonce is good for one response; a second count would be a replay (RFC 2831 §2.1.3). */
const FIRST_USE = '00000001'

const COLON = Buffer.from(':')

type Encode = (text: string) => Buffer
const asUtf8: Encode = (text) => Buffer.from(text)

/** How clients write name and password: by RFC 2831 §2.1.2.1 (Cyrus), all in UTF-8 (curl), the password alone by the rule (GNU SASL). */
const HABITS: readonly (readonly [name: Encode, password: Encode])[] = [
  [latin1WherePossible, latin1WherePossible],
  [asUtf8, asUtf8],
  [asUtf8, latin1WherePossible],
]

/**
 * H(username:realm:password), 16 octets each, in the encodings that clients use; one value where all are the same, as
 * they are for ASCII. The first is RFC 2831's: each field as ISO 8859-1 where that can hold it.
 */
export function digestMd5Ha1s(username: string, realm: string, password: string): Buffer[] {
  const all = HABITS.map(([name, secret]) => ha1([name(username), name(realm), secret(password)]))
  return all.filter((one, i) => all.findIndex((other) => other.equals(one)) === i)
}

function ha1([username = COLON, realm = COLON, password = COLON]: readonly Buffer[]): Buffer {
  return hash('md5', Buffer.concat([username, COLON, realm, COLON, password]), 'buffer')
}

/** What both sides sign; values as octet strings, exactly as the client sent them. */
interface Signed {
  readonly nonce: string
  readonly cnonce: string
  readonly nc: string
  readonly qop: string
  readonly digestUri: string
  readonly authzid: string | undefined
}

/** response-value of RFC 2831 §2.1.2.1, or rspauth's (§2.1.3) where `method` is empty. */
function responseValue(ha1Octets: Buffer, signed: Signed, method: 'AUTHENTICATE' | ''): string {
  const { nonce, cnonce, nc, qop, digestUri, authzid } = signed
  const tail = `:${nonce}:${cnonce}${authzid === undefined ? '' : `:${authzid}`}`
  const a1 = hash('md5', Buffer.concat([ha1Octets, Buffer.from(tail, 'latin1')]), 'hex')
  const a2 = hash('md5', Buffer.from(`${method}:${digestUri}`, 'latin1'), 'hex')
  return hash('md5', Buffer.from(`${a1}:${nonce}:${nc}:${cnonce}:${qop}:${a2}`, 'latin1'), 'hex')
}

/**
 * An octet string as text: UTF-8 where that was agreed on, else ISO 8859-1. Departs from RFC 2831 §2.1.2: without the
 * directive UTF-8 is recognized too, for curl sends it so, and no name in ISO 8859-1 looks like it.
 */
function textOf(octetString: string, inUtf8: boolean): string {
  const text = utf8(Buffer.from(octetString, 'latin1'))
  if (text === undefined && inUtf8) throw badProtocol()
  return text ?? octetString
}

const octetsOf = (text: string): string => Buffer.from(text).toString('latin1')

export class DigestMd5Server implements ServerMechanism {
  readonly #backend: SaslBackend
  readonly #service: string
  readonly #nonce: string

  constructor(backend: SaslBackend, service: string, nonce: string) {
    this.#backend = backend
    this.#service = service.toLowerCase()
    this.#nonce = nonce
  }

  start(): Buffer {
    const realm = this.#backend.realm === '' ? '' : `,realm=${quoted(octetsOf(this.#backend.realm))}`
    return Buffer.from(`nonce="${this.#nonce}"${realm},qop="auth",charset=utf-8,algorithm=md5-sess`, 'latin1')
  }

  /**
   * Subsequent authentication (RFC 2831 §2.2): no nonce outlives its exchange here, so it is answered as §2.2.2 says, with
   * a challenge as in initial authentication, whatever the response held.
   */
  async initial(): Promise<Turn> {
    return { challenge: this.start() }
  }

  async next(response: Buffer): Promise<Turn> {
    const directives = parseDirectives(response)
    const inUtf8 = this.#charset(onlyValue(directives, 'charset'))
    const signed = this.#signed(directives)
    const username = textOf(requiredValue(directives, 'username'), inUtf8)
    // RFC 2831 §2.1.2: an absent realm is an empty one.
    const realm = textOf(onlyValue(directives, 'realm') ?? '', inUtf8)
    const { ha1s, identity } = this.#backend.digestMd5(username, realm)
    const given = Buffer.from(requiredValue(directives, 'response'), 'latin1')
    // All are computed, so that the time does not tell which matched.
    const matching = ha1s.filter((one) => sameOctets(Buffer.from(responseValue(one, signed, 'AUTHENTICATE')), given))
    const [match] = matching
    if (!match || !identity) throw authenticationFailure()
    if (signed.authzid && !this.#backend.mayActAs(identity, textOf(signed.authzid, true)))
      throw new SaslError(AUTHORIZATION_FAILURE)
    return { identity, finalData: Buffer.from(`rspauth=${responseValue(match, signed, '')}`) }
  }

  #charset(value: string | undefined): boolean {
    if (value !== undefined && value.toLowerCase() !== 'utf-8') throw badProtocol()
    return value !== undefined
  }

  #signed(directives: ReadonlyMap<string, readonly string[]>): Signed {
    const qop = onlyValue(directives, 'qop') ?? 'auth'
    const nc = requiredValue(directives, 'nc')
    const digestUri = requiredValue(directives, 'digest-uri')
    if (qop.toLowerCase() !== 'auth' || nc !== FIRST_USE) throw badProtocol()
    onlyValue(directives, 'maxbuf')
    // The service is checked, the host is not: clients reach us by addresses and names that we do not know, and the
    // nonce, good for this connection only, already keeps a response from being used elsewhere.
    if (digestUri.split('/')[0]?.toLowerCase() !== this.#service) throw authenticationFailure()
    if (requiredValue(directives, 'nonce') !== this.#nonce) throw authenticationFailure()
    const cnonce = requiredValue(directives, 'cnonce')
    return { nonce: this.#nonce, cnonce, nc, qop, digestUri, authzid: onlyValue(directives, 'authzid') }
  }
}

/** What the client reads in a challenge. */
interface Challenge {
  readonly nonce: string
  readonly realm: string | undefined
  readonly inUtf8: boolean
}

/** RFC 2831 §2.1.1. Throws SaslError. */
function parseChallenge(octets: Buffer): Challenge {
  if (octets.length >= CHALLENGE_MAX_OCTETS) throw new SaslError('DIGEST-MD5: challenge too long')
  const directives = parseDirectives(octets)
  for (const once of ['stale', 'maxbuf']) onlyValue(directives, once)
  const qops = (onlyValue(directives, 'qop') ?? 'auth').split(',').map((qop) => qop.trim().toLowerCase())
  if (!qops.includes('auth')) throw new SaslError('DIGEST-MD5: the server offers no qop=auth')
  if (requiredValue(directives, 'algorithm').toLowerCase() !== 'md5-sess')
    throw new SaslError('DIGEST-MD5: unknown algorithm')
  const inUtf8 = onlyValue(directives, 'charset')?.toLowerCase() === 'utf-8'
  return { nonce: requiredValue(directives, 'nonce'), realm: directives.get('realm')?.[0], inUtf8 }
}

export class DigestMd5Client implements SaslClientExchange {
  readonly mechanism = 'DIGEST-MD5'
  readonly initial = undefined
  readonly #credentials: ClientCredentials
  readonly #digestUri: string
  readonly #cnonce: string
  #rspauth: string | undefined
  #complete = false

  constructor(credentials: ClientCredentials, service: string, host: string, cnonce: string) {
    this.#credentials = credentials
    this.#digestUri = `${service}/${host}`
    this.#cnonce = cnonce
  }

  get complete(): boolean {
    return this.#complete
  }

  async step(challenge: Buffer): Promise<Buffer> {
    if (this.#complete) throw new SaslError('DIGEST-MD5: a challenge after the last')
    if (this.#rspauth === undefined) return this.#respond(parseChallenge(challenge))
    const proof = requiredValue(parseDirectives(challenge), 'rspauth')
    if (!sameOctets(Buffer.from(proof), Buffer.from(this.#rspauth)))
      throw new SaslError("DIGEST-MD5: the server's proof is wrong")
    this.#complete = true
    return Buffer.alloc(0)
  }

  #respond({ nonce, realm, inUtf8 }: Challenge): Buffer {
    const { username, password, authzid } = this.#credentials
    if (!inUtf8 && !(isLatin1(username) && isLatin1(password)))
      throw new SaslError('DIGEST-MD5: the server takes ISO 8859-1 only, which cannot write this name or password')
    const encode = (text: string): string => (inUtf8 ? octetsOf(text) : text)
    const realmText = textOf(realm ?? '', inUtf8)
    const signed: Signed = {
      nonce,
      cnonce: this.#cnonce,
      nc: FIRST_USE,
      qop: 'auth',
      digestUri: octetsOf(this.#digestUri),
      authzid: authzid === undefined ? undefined : octetsOf(authzid),
    }
    const secret = ha1([username, realmText, password].map(latin1WherePossible))
    this.#rspauth = responseValue(secret, signed, '')
    const parts = [
      ...(inUtf8 ? ['charset=utf-8'] : []),
      `username=${quoted(encode(username))}`,
      ...(realm === undefined ? [] : [`realm=${quoted(realm)}`]),
      `nonce=${quoted(nonce)},nc=${signed.nc},cnonce=${quoted(signed.cnonce)}`,
      `digest-uri=${quoted(signed.digestUri)},qop=auth`,
      `response=${responseValue(secret, signed, 'AUTHENTICATE')}`,
      ...(signed.authzid === undefined ? [] : [`authzid=${quoted(signed.authzid)}`]),
    ]
    const response = Buffer.from(parts.join(','), 'latin1')
    if (response.length >= RESPONSE_MAX_OCTETS) throw new SaslError('DIGEST-MD5: response too long')
    return response
  }
}
