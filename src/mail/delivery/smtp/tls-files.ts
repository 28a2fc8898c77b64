/** PEM files of the client: authorities, its own certificates, trust anchors; read anew where they have changed. */
import { createPublicKey, X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { rootCertificates, type SecureContext } from 'node:tls'
import {
  type Anchor,
  type CertificateFiles,
  certificates,
  clientContext,
  type ClientContextSettings,
  hashedFiles,
  type KeyPair,
  readKeyPairs,
} from '../../../io/net/mod.ts'
import { FileCache } from './file-cache.ts'
import type { ClientSettings } from './params.ts'

/** Files of main.cf that the launcher read for this process, by path. */
export type Handed = () => ReadonlyMap<string, string>

type Choices = 'minVersion' | 'maxVersion' | 'secureOptions' | 'ciphers'

interface PairFiles {
  readonly files: readonly CertificateFiles[]
  readonly chainFiles: readonly string[]
  readonly all: readonly string[]
}

export class TlsFiles {
  readonly #handed: Handed
  readonly #texts: FileCache
  readonly #contexts: FileCache

  constructor(handed: Handed = () => new Map()) {
    this.#handed = handed
    const stampOf = (path: string): string => this.#stampOf(path)
    this.#texts = new FileCache(MAX_TEXTS, stampOf)
    this.#contexts = new FileCache(MAX_CONTEXTS, stampOf)
  }

  /** smtp_tls_CAfile and CApath. */
  #authorities({
    smtp_tls_CAfile: file,
    smtp_tls_CApath: path,
    tls_append_default_CA: append,
  }: ClientSettings): readonly string[] {
    const own = [
      ...(file === '' ? [] : this.#texts.get(`CAfile ${file}`, [file], () => certificates(this.#read(file)))),
      ...(path === ''
        ? []
        : this.#texts.get(`CApath ${path}`, [path], () =>
            hashedFiles(path).flatMap((one) => certificates(this.#read(one))),
          )),
    ]
    return append ? [...own, ...rootCertificates] : own
  }

  /** Who vouches for web servers, and those of smtp_tls_CAfile besides. */
  webAuthorities(cf: ClientSettings): readonly string[] {
    return this.#authorities({ ...cf, tls_append_default_CA: true })
  }

  /**
   * What handshakes are made with; kept, for it holds every authority. Throws IdentityError for a file that cannot be read,
   * Error where a key has no certificate or is not that of its certificate.
   */
  context(cf: ClientSettings, choices: Pick<ClientContextSettings, Choices>): SecureContext {
    const { smtp_tls_CAfile: file, smtp_tls_CApath: path, tls_append_default_CA: append } = cf
    const { files, chainFiles, all } = this.#pairFiles(cf)
    const key = JSON.stringify([append, file, path, files, chainFiles, choices])
    const named = [file, path, ...all].filter((one) => one !== '')
    return this.#contexts.get(key, named, () => {
      const keyPairs = this.#keyPairs(cf)
      return clientContext({ ...choices, ca: this.#authorities(cf), ...(keyPairs.length > 0 && { keyPairs }) })
    })
  }

  /** What the client shows. Throws IdentityError for a file that cannot be read, Error where a key has no certificate. */
  #keyPairs(cf: ClientSettings): readonly KeyPair[] {
    const { files, chainFiles, all } = this.#pairFiles(cf)
    if (all.length === 0) return []
    return this.#texts.get(`pairs ${JSON.stringify([files, chainFiles])}`, all, () => {
      const pairs = readKeyPairs({ files, chainFiles, handed: this.#handed() })
      if (pairs.length === 0) throw new Error(`no private key in ${all.join(', ')}`)
      for (const { cert } of pairs) void new X509Certificate(cert) // says so where there is none
      return pairs
    })
  }

  #pairFiles(cf: ClientSettings): PairFiles {
    const chainFiles = cf.smtp_tls_chain_files
    const files = [
      { certFile: cf.smtp_tls_cert_file, keyFile: cf.smtp_tls_key_file },
      { certFile: cf.smtp_tls_eccert_file, keyFile: cf.smtp_tls_eckey_file },
    ].filter(({ certFile }) => certFile !== '')
    const all = chainFiles.length > 0 ? chainFiles : files.flatMap(({ certFile, keyFile }) => [certFile, keyFile])
    return { files, chainFiles, all }
  }

  /** Certificates and public keys that alone are trusted. Throws where a file has none. */
  anchors(paths: readonly string[]): readonly Anchor[] {
    return this.#texts.get(`anchors ${JSON.stringify(paths)}`, paths, () =>
      paths.flatMap((path) => anchorsOf(path, this.#read(path))),
    )
  }

  #read(path: string): string {
    return this.#handed().get(path) ?? readFileSync(path, 'latin1')
  }

  #stampOf(path: string): string {
    const handed = this.#handed().get(path)
    if (handed !== undefined) return handed
    const { mtimeMs, size } = statSync(path)
    return `${mtimeMs}:${size}`
  }
}

/** Sets of files kept at the most: policy tables may name any number. */
const MAX_TEXTS = 1000
/** A context with the system's authorities takes some hundred KiB; transports and levels that differ need a few. */
const MAX_CONTEXTS = 20

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
