/**
 * Certificates of a service: files read into TLS contexts, by server name, and read again on reload.
 */
import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { TlsIdentity } from './contract.ts'

export interface IdentitySettings {
  /** PEM files; the key may stand in the certificate's file. */
  readonly certFile: string
  readonly keyFile: string
  /** Server name → PEM files (`tls_server_sni_maps`); the first stands for all where a client names none. */
  readonly named?: ReadonlyMap<string, { readonly certFile: string; readonly keyFile: string }>
  readonly minVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'
  readonly maxVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'
  readonly ciphers?: string
  readonly askClientCertificate?: boolean
  readonly alpn?: readonly string[]
  readonly handshakeMs?: number
}

/** What a listener needs to speak TLS. */
export interface ServerTls extends TlsIdentity {
  readonly askClientCertificate: boolean
  readonly handshakeMs: number | undefined
  current(): {
    readonly context: SecureContext
    readonly sni: ((name: string, done: (error: Error | null, context?: SecureContext) => void) => void) | undefined
    readonly alpn: readonly string[] | undefined
  }
}

/** A certificate file that cannot be used; the message names the file. */
export class IdentityError extends Error {}

function load(
  settings: IdentitySettings,
  files: { readonly certFile: string; readonly keyFile: string },
): SecureContext {
  const read = (file: string): Buffer => {
    try {
      return readFileSync(file)
    } catch (cause) {
      throw new IdentityError(`${file}: ${(cause as NodeJS.ErrnoException).code ?? 'cannot be read'}`, { cause }) // fs throws ErrnoException
    }
  }
  const cert = read(files.certFile)
  const key = files.keyFile === '' || files.keyFile === files.certFile ? cert : read(files.keyFile)
  try {
    return createSecureContext({
      cert,
      key,
      ...(settings.minVersion !== undefined && { minVersion: settings.minVersion }),
      ...(settings.maxVersion !== undefined && { maxVersion: settings.maxVersion }),
      ...(settings.ciphers !== undefined && { ciphers: settings.ciphers }),
      honorCipherOrder: true,
    })
  } catch (cause) {
    throw new IdentityError(`${files.certFile}: ${cause instanceof Error ? cause.message : 'not usable'}`, { cause })
  }
}

/** Reads the files now; throws IdentityError. `reload` throws it too and then goes on with what it had. */
export function createIdentity(settings: IdentitySettings): ServerTls {
  const readAll = (): { context: SecureContext; named: ReadonlyMap<string, SecureContext> } => ({
    context: load(settings, settings),
    named: new Map([...(settings.named ?? [])].map(([name, files]) => [name.toLowerCase(), load(settings, files)])),
  })
  let loaded = readAll()
  const sni = (name: string, done: (error: Error | null, context?: SecureContext) => void): void =>
    done(null, loaded.named.get(name.toLowerCase()) ?? loaded.context)
  return {
    askClientCertificate: settings.askClientCertificate ?? false,
    handshakeMs: settings.handshakeMs,
    current: () => ({ context: loaded.context, sni: loaded.named.size > 0 ? sni : undefined, alpn: settings.alpn }),
    reload() {
      loaded = readAll()
    },
  }
}
