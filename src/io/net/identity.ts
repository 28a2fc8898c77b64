/**
 * Certificates of a service: files read into TLS contexts, by server name, and read again on reload.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSecureContext, type SecureContext } from 'node:tls'
import { callbackify } from 'node:util'
import { systemText } from '#src/base/mod.ts'
import type { TlsIdentity } from './contract.ts'
import { keyPairs, type KeyPair } from './pem.ts'
import type { TicketKeys } from './ticket-keys.ts'
import type { TlsVersion } from './tls-choices.ts'

/** PEM files of one certificate; the key may stand in the certificate's file, which `''` says too. */
export interface CertificateFiles {
  readonly certFile: string
  readonly keyFile: string
}

export interface IdentitySettings {
  /** One for each kind of key (RSA, ECDSA); at least one. */
  readonly files: readonly CertificateFiles[]
  /** Files that hold keys, each followed by its certificates; where there are any, `files` are not read. */
  readonly chainFiles?: readonly string[]
  /** What to present for a name that a client asks for (`tls_server_sni_maps`); PEM as in a chain file. */
  readonly forName?: (serverName: string) => Promise<string | undefined>
  readonly minVersion?: TlsVersion
  readonly maxVersion?: TlsVersion
  readonly secureOptions?: number
  readonly ciphers?: string
  /** Names of groups, joined with `:`. */
  readonly groups?: string
  /** PEM of Diffie-Hellman parameters; `auto` is what OpenSSL chooses. */
  readonly dhParameters?: string
  /** The server's order of ciphers counts, not the client's. */
  readonly preferOwnOrder?: boolean
  readonly askClientCertificate?: boolean
  /** PEM of the authorities that vouch for clients. */
  readonly authorities?: readonly string[]
  /** Of certificates in `TlsFacts`: a hash that OpenSSL knows; sha256 where it is not said. */
  readonly fingerprintDigest?: string
  readonly alpn?: readonly string[]
  readonly handshakeMs?: number
  /** What sessions are sealed with, and for how long one may go on; without it they end with their context. */
  readonly tickets?: { readonly keys: TicketKeys; readonly lifetimeSeconds: number }
  /** What files hold that this process may not read itself. */
  readonly handed?: ReadonlyMap<string, string>
}

type NameCallback = (name: string, done: (error: Error | null, context?: SecureContext) => void) => void

/** What a listener needs to speak TLS. */
export interface ServerTls extends TlsIdentity {
  readonly askClientCertificate: boolean
  readonly fingerprintDigest: string | undefined
  readonly handshakeMs: number | undefined
  current(): {
    readonly context: SecureContext
    readonly sni: NameCallback | undefined
    readonly alpn: readonly string[] | undefined
  }
}

/** A certificate file that cannot be used; the message names the file. */
export class IdentityError extends Error {
  readonly file: string
  constructor(file: string, why: string, cause?: unknown) {
    super(`${file}: ${why}`, { cause })
    this.file = file
  }
}

/**
 * What a PEM file holds.
 * @param handed what files hold that this process may not read itself
 * @throws IdentityError
 */
export function readPem(file: string, handed?: ReadonlyMap<string, string>): string {
  try {
    return handed?.get(file) ?? readFileSync(file, 'latin1')
  } catch (cause) {
    throw new IdentityError(file, systemText(cause), cause)
  }
}

/**
 * The files of a directory of authorities, named as `c_rehash` names them: OpenSSL looks at no others.
 * @throws IdentityError
 */
export function hashedFiles(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => /^[0-9a-f]{8}\.\d+$/.test(name))
      .map((name) => join(directory, name))
  } catch (cause) {
    throw new IdentityError(directory, systemText(cause), cause)
  }
}

/** Keys with their certificates, out of files. Throws IdentityError for a file that cannot be read. */
export function readKeyPairs({
  files,
  chainFiles = [],
  handed,
}: Pick<IdentitySettings, 'files' | 'chainFiles' | 'handed'>): KeyPair[] {
  if (chainFiles.length > 0) return keyPairs(chainFiles.map((file) => readPem(file, handed)).join('\n'))
  return files.map(({ certFile, keyFile }) => {
    const cert = readPem(certFile, handed)
    return { cert, key: keyFile === '' || keyFile === certFile ? cert : readPem(keyFile, handed) }
  })
}

function contextOf(pairs: readonly KeyPair[], settings: IdentitySettings, name: string): SecureContext {
  try {
    if (pairs.length === 0) throw new Error('no private key')
    return createSecureContext({
      cert: pairs.map((pair) => pair.cert),
      key: pairs.map((pair) => pair.key),
      ...(settings.minVersion !== undefined && { minVersion: settings.minVersion }),
      ...(settings.maxVersion !== undefined && { maxVersion: settings.maxVersion }),
      ...(settings.secureOptions !== undefined && { secureOptions: settings.secureOptions }),
      ...(settings.ciphers !== undefined && { ciphers: settings.ciphers }),
      ...(settings.groups !== undefined && settings.groups !== '' && { ecdhCurve: settings.groups }),
      ...(settings.dhParameters !== undefined && { dhparam: settings.dhParameters }),
      ...(settings.authorities !== undefined && { ca: [...settings.authorities] }),
      honorCipherOrder: settings.preferOwnOrder ?? true,
      ...(settings.tickets !== undefined && {
        sessionIdContext: sessionContext(settings),
        sessionTimeout: settings.tickets.lifetimeSeconds,
      }),
    })
  } catch (cause) {
    throw new IdentityError(name, cause instanceof Error ? cause.message : 'not usable', cause)
  }
}

/**
 * A session is gone on with only where the same would be asked of a new one: what was found of a client's certificate by some
 * authorities says nothing where others count, and a cipher of a lenient listener is not for a strict one.
 */
function sessionContext(settings: IdentitySettings): string {
  const { minVersion, maxVersion, secureOptions, ciphers, groups, askClientCertificate, authorities } = settings
  const all = [minVersion, maxVersion, secureOptions, ciphers, groups, askClientCertificate, authorities]
  return createHash('sha256').update(JSON.stringify(all)).digest('hex').slice(0, 32)
}

/** Gives a context the key of now, where it has another. */
function sealerOf({ tickets }: IdentitySettings): (context: SecureContext) => SecureContext {
  const given = new WeakMap<SecureContext, number>()
  return (context) => {
    const generation = tickets?.keys.generation
    if (tickets === undefined || given.get(context) === generation) return context
    given.set(context, tickets.keys.generation)
    const handle: { setTicketKeys(keys: Buffer): void } = context.context // what tls.Server.setTicketKeys() calls too
    handle.setTicketKeys(tickets.keys.current())
    return context
  }
}

/** Contexts made for server names that are kept; the table may hold more. */
const MAX_NAMED = 1000

/** Makes and keeps the contexts for names; a name without one gets what all get. */
function namedContexts(settings: IdentitySettings, fallback: () => SecureContext): NameCallback | undefined {
  const { forName } = settings
  if (forName === undefined) return undefined
  const sealer = sealerOf(settings)
  const made = new Map<string, { readonly pem: string; readonly context: SecureContext }>()
  const find = async (name: string): Promise<SecureContext> => {
    const pem = await forName(name)
    if (pem === undefined) return fallback()
    const before = made.get(name)
    if (before?.pem === pem) return sealer(before.context)
    const context = contextOf(keyPairs(pem), settings, name)
    if (made.size >= MAX_NAMED) made.clear()
    made.set(name, { pem, context })
    return sealer(context)
  }
  return callbackify((name: string) => find(name.toLowerCase()))
}

/** Reads the files now; throws IdentityError. `reload` throws it too and then goes on with what it had. */
export function createIdentity(settings: IdentitySettings): ServerTls {
  const name = settings.chainFiles?.[0] ?? settings.files[0]?.certFile ?? ''
  const load = (): SecureContext => contextOf(readKeyPairs(settings), settings, name)
  let context = load()
  const sealer = sealerOf(settings)
  const sni = namedContexts(settings, () => sealer(context))
  return {
    askClientCertificate: settings.askClientCertificate ?? false,
    fingerprintDigest: settings.fingerprintDigest,
    handshakeMs: settings.handshakeMs,
    current: () => ({ context: sealer(context), sni, alpn: settings.alpn }),
    reload() {
      context = load()
    },
  }
}
