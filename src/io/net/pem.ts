/** PEM: keys and the certificates that belong to them, in the order in which Postfix wants them. */

export interface KeyPair {
  readonly key: string
  /** The certificate, then those above it. */
  readonly cert: string
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g

/** smtpd_tls_chain_files: each key is followed by its certificate and those above it. */
export function keyPairs(text: string): KeyPair[] {
  const pairs: { key: string; cert: string }[] = []
  for (const [block, kind = ''] of text.matchAll(BLOCK)) {
    if (kind.endsWith('PRIVATE KEY')) pairs.push({ key: block, cert: '' })
    const last = pairs.at(-1)
    if (kind.endsWith('CERTIFICATE') && last !== undefined) last.cert += `${block}\n`
  }
  return pairs
}

/** The certificates of a file of authorities. */
export function certificates(text: string): string[] {
  return [...text.matchAll(BLOCK)].filter(([, kind = '']) => kind.endsWith('CERTIFICATE')).map(([block]) => block)
}
