/** EXTERNAL, RFC 4422 appendix A: the certificate that the client showed says who it is. */
import type { ClientCertificate, SaslBackend } from './contract.ts'
import { AUTHORIZATION_FAILURE, authenticationFailure, badProtocol, SaslError } from './errors.ts'
import type { ServerMechanism, Turn } from './exchange.ts'
import { utf8 } from './octets.ts'
import { saslprep } from './saslprep.ts'

export class ExternalServer implements ServerMechanism {
  readonly #backend: SaslBackend
  readonly #certificate: ClientCertificate | undefined

  constructor(backend: SaslBackend, certificate: ClientCertificate | undefined) {
    this.#backend = backend
    this.#certificate = certificate
  }

  /** The message is whom to act as, or nothing: then it is whom the certificate means. */
  async next(response: Buffer): Promise<Turn> {
    const authzid = utf8(response)
    if (authzid === undefined || authzid.includes('\0')) throw badProtocol()
    const identity = this.#certificate && (await this.#backend.external?.(this.#certificate))
    if (!identity) throw authenticationFailure()
    if (authzid !== '' && !this.#backend.mayActAs(identity, saslprep(authzid) ?? authzid))
      throw new SaslError(AUTHORIZATION_FAILURE)
    return { identity }
  }
}
