/** What main.cf says of ACME, and where its certificate is shown. */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config, Settings } from '../../io/config/mod.ts'
import { isHostName } from '../../io/dns/mod.ts'
import { type KeyPair, keyPairs, type ResponderPlace } from '../../io/net/mod.ts'
import { acmeParams } from './params.ts'

export type AcmeSettings = Settings<typeof acmeParams>

/** undefined: it is not switched on. */
export function acmeSettings(config: Config): AcmeSettings | undefined {
  const cf = config.bind(acmeParams)
  return cf.acme_directory !== '' && cf.acme_agree_to_terms ? cf : undefined
}

/** An authority's own bound is mostly this. */
const MAX_DOMAINS = 100

/** The names that are ordered, in the order of main.cf. */
export function acmeNames(cf: AcmeSettings): string[] {
  return [...new Set(cf.acme_domains.map((name) => name.toLowerCase().replace(/\.$/, '')))]
}

/** What in main.cf makes it impossible; undefined: nothing. */
export function acmeFault(cf: AcmeSettings): { readonly name: string; readonly text: string } | undefined {
  const names = acmeNames(cf)
  const wrong = names.find((name) => !isHostName(name) || !name.includes('.') || /^[\d.:[\]]+$/.test(name))
  if (!URL.canParse(cf.acme_directory) || !cf.acme_directory.startsWith('https://'))
    return { name: 'acme_directory', text: `${cf.acme_directory} is no https URL` }
  if (wrong !== undefined) return { name: 'acme_domains', text: `no authority certifies ${wrong}` }
  if (names.length === 0 || names.length > MAX_DOMAINS)
    return { name: 'acme_domains', text: `1 to ${MAX_DOMAINS} names, not ${names.length}` }
  for (const name of ['acme_http_listen', 'acme_tls_listen'] as const)
    if (placeOf(cf[name]) === undefined) return { name, text: `${cf[name]} is neither host:port nor :port` }
  return undefined
}

/** `:80`, `80`, `127.0.0.1:8080`, `[::1]:8080`. */
export function placeOf(word: string): ResponderPlace | undefined {
  const [, host, port] = /^(?:\[?([^\][]*?)\]?:)?(\d{1,5})$/.exec(word) ?? []
  if (port === undefined || Number(port) > 65_535) return undefined
  return { host: host === '' ? undefined : host, port: Number(port) }
}

/** Of what an answer of the authority depends on: with other settings, what failed is tried at once. */
export function acmeStamp(cf: AcmeSettings): string {
  return createHash('sha256').update(JSON.stringify(cf)).digest('hex').slice(0, 32)
}

/** The certificate that ACME has brought, which is whole and fits its key. */
export interface Brought {
  readonly file: string
  readonly pair: KeyPair
  readonly leaf: X509Certificate
}

export const certificateFile = (directory: string): string => join(directory, 'certificate.pem')

/** @param directory `DataPaths.acme` */
export function brought(directory: string): Brought | undefined {
  const file = certificateFile(directory)
  try {
    const [pair] = keyPairs(readFileSync(file, 'latin1'))
    return pair === undefined ? undefined : { file, pair, leaf: leafOf(pair) }
  } catch {
    return undefined // not there yet, or not whole: another is got
  }
}

/** Throws Error where the certificate is none, or not the key's. */
export function leafOf({ cert, key }: KeyPair): X509Certificate {
  const leaf = new X509Certificate(cert)
  if (!leaf.checkPrivateKey(createPrivateKey(key))) throw new Error('the certificate is not that of the key')
  return leaf
}

/** Parameters that give a listener a certificate of its own (`-o` in master.cf), which then stands before ACME's. */
const OWN = ['smtpd_tls_chain_files', 'smtpd_tls_cert_file', 'smtpd_tls_eccert_file']

/** The file that a listener shows instead of what main.cf names; undefined: there is none. */
export function broughtFor(
  config: Config,
  directory: string,
  overrides: readonly (readonly [string, string])[] = [],
): string | undefined {
  if (acmeSettings(config) === undefined || overrides.some(([name]) => OWN.includes(name))) return undefined
  return brought(directory)?.file
}
