/** OpenSSL's context for connections that we make. To make one costs a reading of every authority: keep it where it can be. */
import { createSecureContext, type SecureContext } from 'node:tls'
import type { KeyPair } from './pem.ts'
import type { TlsVersion } from './tls-choices.ts'

export interface ClientContextSettings {
  readonly minVersion?: TlsVersion
  readonly maxVersion?: TlsVersion
  readonly secureOptions?: number
  readonly ciphers?: string
  /** Authorities as PEM; none in an empty list, the system's where it is missing. */
  readonly ca?: readonly string[]
  /** What we show where the server asks for it, one of each kind of key. */
  readonly keyPairs?: readonly KeyPair[]
}

/** Throws Error for a key that is not the certificate's, and for ciphers that there are not. */
export function clientContext(settings: ClientContextSettings): SecureContext {
  const { ca, keyPairs, minVersion, maxVersion, secureOptions, ciphers } = settings
  return createSecureContext({
    ...(minVersion !== undefined && { minVersion }),
    ...(maxVersion !== undefined && { maxVersion }),
    ...(secureOptions !== undefined && { secureOptions }),
    ...(ciphers !== undefined && { ciphers }),
    ...(ca !== undefined && { ca: [...ca] }),
    ...(keyPairs !== undefined && { cert: keyPairs.map((pair) => pair.cert), key: keyPairs.map((pair) => pair.key) }),
  })
}
