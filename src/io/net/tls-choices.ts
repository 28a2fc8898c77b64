/**
 * Postfix's words for what TLS may be like, as Node wants them: protocols (`>=TLSv1.2`, `!SSLv3, !TLSv1`), cipher grades
 * and lists, groups. TLS_README, postconf(5).
 */
import { constants } from 'node:crypto'

export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'

/** A setting that names what is not there; the message says which word. */
export class TlsSettingError extends Error {}

interface Version {
  readonly name: TlsVersion
  readonly hex: number
  /** OpenSSL's option that leaves it out. */
  readonly without: number
}

const VERSIONS: readonly Version[] = [
  { name: 'TLSv1', hex: 0x0301, without: constants.SSL_OP_NO_TLSv1 },
  { name: 'TLSv1.1', hex: 0x0302, without: constants.SSL_OP_NO_TLSv1_1 },
  { name: 'TLSv1.2', hex: 0x0303, without: constants.SSL_OP_NO_TLSv1_2 },
  { name: 'TLSv1.3', hex: 0x0304, without: constants.SSL_OP_NO_TLSv1_3 },
]
/** Known, and never spoken. */
const GONE: readonly (readonly [string, number])[] = [
  ['sslv2', 0x0200],
  ['sslv3', 0x0300],
]

export interface ProtocolChoice {
  readonly minVersion: TlsVersion
  readonly maxVersion: TlsVersion
  /** For `secureOptions`: versions between the two that are left out. */
  readonly secureOptions: number
}

/**
 * Reads `smtpd_tls_protocols` and its like: names that alone are allowed, `!names` that are not, `>=` and `<=` bounds.
 * Throws TlsSettingError for a word that is none, or where nothing is left.
 */
export function protocolChoice(words: readonly string[]): ProtocolChoice {
  let least = 0
  let most = 0xffff
  const only = new Set<number>()
  const never = new Set<number>()
  for (const word of words) {
    const [, mark = '', name = ''] = /^(>=|<=|!)?(.+)$/.exec(word) ?? []
    const hex = versionOf(name)
    if (mark === '>=') least = hex
    else if (mark === '<=') most = hex
    else (mark === '!' ? never : only).add(hex)
  }
  const isAllowed = ({ hex }: Version): boolean =>
    hex >= least && hex <= most && !never.has(hex) && (only.size === 0 || only.has(hex))
  const allowed = VERSIONS.filter(isAllowed)
  const [first] = allowed
  const last = allowed.at(-1)
  if (first === undefined || last === undefined)
    throw new TlsSettingError(`no TLS protocol is left by "${words.join(' ')}"`)
  const left = VERSIONS.filter((v) => v.hex > first.hex && v.hex < last.hex && !allowed.includes(v))
  return {
    minVersion: first.name,
    maxVersion: last.name,
    secureOptions: left.reduce((options, { without }) => options | without, 0),
  }
}

function versionOf(name: string): number {
  const known = VERSIONS.find((v) => v.name.toLowerCase() === name.toLowerCase())?.hex
  const gone = GONE.find(([n]) => n === name.toLowerCase())?.[1]
  const hex = known ?? gone ?? (/^0x[0-9a-f]{1,4}$/i.test(name) ? Number(name) : undefined)
  if (hex === undefined) throw new TlsSettingError(`invalid TLS protocol: "${name}"`)
  return hex
}

/**
 * tls_ssl_options and tls_disable_workarounds as bits for `secureOptions`. Throws TlsSettingError for an option that this
 * OpenSSL does not have.
 */
export function optionBits(on: readonly string[], workaroundsOff: readonly string[]): number {
  const bits = (words: readonly string[]): number => words.reduce((sum, word) => sum | optionBit(word), 0)
  return ((constants.SSL_OP_ALL & ~bits(workaroundsOff)) | bits(on)) >>> 0
}

function optionBit(word: string): number {
  if (/^0x[0-9a-f]{1,8}$/i.test(word)) return Number(word)
  const found = Object.entries(constants).find(([name]) => name === `SSL_OP_${word.toUpperCase()}`)?.[1]
  if (typeof found !== 'number') throw new TlsSettingError(`unknown OpenSSL option: "${word}"`)
  return found
}

export interface CipherSettings {
  readonly tls_high_cipherlist: string
  readonly tls_medium_cipherlist: string
}

/** TLS 1.3 has suites of its own, which no grade leaves out; Node speaks it only where they are named. */
const TLS13 = ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256']

/** Grades of old that are taken for medium: OpenSSL has no such ciphers any more. */
const OLD_GRADES = ['low', 'export']

/** The OpenSSL list of a grade (`high`, `medium`) without the excluded. Throws TlsSettingError for no grade. */
export function cipherChoice(grade: string, excluded: readonly string[], cf: CipherSettings): string {
  const word = grade.toLowerCase()
  if (word !== 'high' && word !== 'medium' && !OLD_GRADES.includes(word))
    throw new TlsSettingError(`invalid TLS cipher grade: "${grade}"`)
  const list = word === 'high' ? cf.tls_high_cipherlist : cf.tls_medium_cipherlist
  const names = excluded.flatMap((one) => one.split(':')).filter((one) => one !== '')
  const suites = TLS13.filter((suite) => !names.includes(suite))
  return [...suites, ...list.split(/[:\s,]+/).filter((one) => one !== ''), ...names.map((name) => `!${name}`)].join(':')
}

/** For `ecdhCurve`: the groups that this OpenSSL knows, as Postfix passes over the others. */
export function groupChoice(names: readonly string[], known: readonly string[]): string {
  const isKnown = (name: string): boolean =>
    known.includes(name) || /^(?:x25519|x448|ffdhe\d+|(?:x25519|secp256r1)mlkem768|mlkem\d+)$/i.test(name)
  return names.filter(isKnown).join(':')
}
