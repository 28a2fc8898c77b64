/** PLAIN, RFC 4616: `[authzid] NUL authcid NUL passwd` in one message. */
import type { ClientCredentials, SaslBackend, SaslClientExchange, SaslIdentity } from './contract.ts'
import { AUTHORIZATION_FAILURE, authenticationFailure, badProtocol, SaslError } from './errors.ts'
import { utf8 } from './octets.ts'
import { saslprep } from './saslprep.ts'
import type { ServerMechanism, Turn } from './exchange.ts'

/** Reads the message. Throws SaslError. */
export function parsePlain(message: Buffer): { authzid: string; authcid: string; password: string } {
  const text = utf8(message)
  // RFC 4616 §2: UTF-8 throughout; the name and the password are not empty.
  const [authzid, authcid, password, ...more] = (text ?? '').split('\0')
  if (authzid === undefined || !authcid || !password || more.length > 0) throw badProtocol()
  return { authzid, authcid, password }
}

export class PlainServer implements ServerMechanism {
  readonly #backend: SaslBackend

  constructor(backend: SaslBackend) {
    this.#backend = backend
  }

  async next(response: Buffer): Promise<Turn> {
    const { authzid, authcid, password } = parsePlain(response)
    return { identity: await checkPassword(this.#backend, authcid, password, authzid) }
  }
}

/** The name is prepared here (RFC 4616 §2), the password by whoever compares it. Throws SaslError. */
export async function checkPassword(
  backend: SaslBackend,
  name: string,
  password: string,
  authzid: string,
): Promise<SaslIdentity> {
  // A name that cannot be prepared is nobody's; it is still asked about, for the same time.
  const identity = await backend.verifyPassword(saslprep(name) ?? name, password)
  if (!identity) throw authenticationFailure()
  if (authzid !== '' && !backend.mayActAs(identity, saslprep(authzid) ?? authzid))
    throw new SaslError(AUTHORIZATION_FAILURE)
  return identity
}

export class PlainClient implements SaslClientExchange {
  readonly mechanism = 'PLAIN'
  readonly initial: Buffer
  readonly complete = true

  constructor({ username, password, authzid = '' }: ClientCredentials) {
    if ([username, password, authzid].some((part) => part.includes('\0')))
      throw new SaslError('a name or password with NUL cannot be sent by PLAIN')
    this.initial = Buffer.from(`${authzid}\0${username}\0${password}`)
  }

  /** The server asks although the message went with the command: it knows no initial responses. */
  async step(challenge: Buffer): Promise<Buffer> {
    if (challenge.length > 0) throw new SaslError('PLAIN: the server sent a challenge')
    return this.initial
  }
}
