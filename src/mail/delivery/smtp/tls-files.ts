/** PEM files of the client: authorities, its own certificates, trust anchors; read anew where they have changed. */
import { createPublicKey, X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { type Anchor, certificates, type KeyPair, readKeyPairs } from '../../../io/net/mod.ts'
import type { ClientSettings } from './params.ts'

/** Files of main.cf that the launcher read for this process, by path. */
export type Handed = () => ReadonlyMap<string, string>

interface Known {
  readonly stamp: string
  readonly value: unknown
}

export class TlsFiles {
  readonly #known = new Map<string, Known>()
  readonly #handed: Handed

  constructor(handed: Handed = () => new Map()) {
    this.#handed = handed
  }

  /** smtp_tls_CAfile and CApath. */
  authorities({
    smtp_tls_CAfile: file,
    smtp_tls_CApath: path,
    tls_append_default_CA: append,
  }: ClientSettings): readonly string[] {
    const own = [
      ...(file === '' ? [] : this.#kept('CA', [file], () => certificates(this.#read(file)))),
      ...(path === ''
        ? []
        : this.#kept('CA', [path], () => hashedFiles(path).flatMap((one) => certificates(this.#read(one))))),
    ]
    return append ? [...own, ...rootCertificates] : own
  }

  /** What the client shows. Throws IdentityError for a file that cannot be read, Error where a key has no certificate. */
  keyPairs(cf: ClientSettings): readonly KeyPair[] {
    const chainFiles = cf.smtp_tls_chain_files
    const files = [
      { certFile: cf.smtp_tls_cert_file, keyFile: cf.smtp_tls_key_file },
      { certFile: cf.smtp_tls_eccert_file, keyFile: cf.smtp_tls_eckey_file },
    ].filter(({ certFile }) => certFile !== '')
    const all = chainFiles.length > 0 ? chainFiles : files.flatMap(({ certFile, keyFile }) => [certFile, keyFile])
    if (all.length === 0) return []
    return this.#kept('pairs', all, () => {
      const pairs = readKeyPairs({ files, chainFiles, handed: this.#handed() })
      if (pairs.length === 0) throw new Error(`no private key in ${all.join(', ')}`)
      for (const { cert } of pairs) void new X509Certificate(cert) // says so where there is none
      return pairs
    })
  }

  /** Certificates and public keys that alone are trusted. Throws where a file has none. */
  anchors(paths: readonly string[]): readonly Anchor[] {
    return this.#kept('anchors', paths, () => paths.flatMap((path) => anchorsOf(path, this.#read(path))))
  }

  #read(path: string): string {
    return this.#handed().get(path) ?? readFileSync(path, 'latin1')
  }

  #kept<T>(kind: string, paths: readonly string[], make: () => T): T {
    const key = `${kind} ${paths.join(' ')}`
    const stamp = paths.map((path) => this.#stampOf(path)).join(' ')
    const known = this.#known.get(key)
    if (known?.stamp === stamp) return known.value as T // made by the same kind of call
    const value = make()
    if (this.#known.size >= MAX_KEPT) this.#known.clear()
    this.#known.set(key, { stamp, value })
    return value
  }

  #stampOf(path: string): string {
    const handed = this.#handed().get(path)
    if (handed !== undefined) return handed
    const { mtimeMs, size } = statSync(path)
    return `${mtimeMs}:${size}`
  }
}

/** Sets of files kept at the most: policy tables may name any number. */
const MAX_KEPT = 1000

/** As `c_rehash` names them: OpenSSL looks at no others. */
function hashedFiles(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => /^[0-9a-f]{8}\.\d+$/.test(name))
    .map((name) => join(directory, name))
}

const PUBLIC_KEY = /-----BEGIN PUBLIC KEY-----[\s\S]*?-----END PUBLIC KEY-----/g

function anchorsOf(path: string, text: string): Anchor[] {
  const whole = certificates(text).map((pem): Anchor => {
    return { of: 'certificate', digest: undefined, data: new X509Certificate(pem).raw }
  })
  const keys = Array.from(text.matchAll(PUBLIC_KEY), ([pem]): Anchor => {
    return { of: 'key', digest: undefined, data: createPublicKey(pem).export({ type: 'spki', format: 'der' }) }
  })
  if (whole.length + keys.length === 0) throw new Error(`no trust anchor in ${path}`)
  return [...whole, ...keys]
}
