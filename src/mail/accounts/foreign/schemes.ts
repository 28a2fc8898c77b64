/**
 * Passwords as other servers keep them: `{SCHEME}text` as in Dovecot (its "Password Schemes"), `$6$…` of crypt(5).
 * They can be compared with a plain password; no other mechanism can be answered from them.
 */
import { argon2 as argon2Callback, createHash, pbkdf2 as pbkdf2Callback, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { cramMd5States, saslprep, scramKeys } from '../../../formats/sasl/mod.ts'
import { cryptMatches } from './crypt.ts'

const argon2 = promisify(argon2Callback)
const pbkdf2 = promisify(pbkdf2Callback)

/** A hash may ask for this much work and no more: somebody else chose the numbers. */
const MOST_ITERATIONS = 5_000_000
const MOST_ARGON2_KIB = 256 * 1024
const MOST_ARGON2_PASSES = 64
const MAX_HASH_LENGTH = 1024

/** A password's hash, and whose it is: DIGEST-MD5 has the name inside. */
export interface ForeignHash {
  /** `{SCHEME}text` */
  readonly text: string
  readonly name: string
}

type Check = (text: string, password: Buffer, name: string) => boolean | Promise<boolean>

/** A scheme, and whether a text can be one of its hashes. */
interface Scheme {
  readonly fits: (text: string) => boolean
  readonly check: Check
}

const digestOf = (name: string, ...parts: readonly Buffer[]): Buffer => {
  const hash = createHash(name)
  for (const part of parts) hash.update(part)
  return hash.digest()
}

const same = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b)

/** Hex where it is as long as hex would be, else base64: Dovecot's schemes take both. */
function octetsOf(text: string, length: number): Buffer {
  return /^[0-9a-f]+$/i.test(text) && text.length === length * 2
    ? Buffer.from(text, 'hex')
    : Buffer.from(text, 'base64')
}

function plainDigest(algorithm: string, length: number): Scheme {
  return {
    fits: (text) => octetsOf(text, length).length === length,
    check: (text, password) => same(octetsOf(text, length), digestOf(algorithm, password)),
  }
}

/** The salt stands behind the digest. */
function saltedDigest(algorithm: string, length: number): Scheme {
  const split = (text: string): Buffer => {
    const isHex = /^[0-9a-f]+$/i.test(text) && text.length > length * 2 && text.length % 2 === 0
    return Buffer.from(text, isHex ? 'hex' : 'base64')
  }
  return {
    fits: (text) => split(text).length > length,
    check(text, password) {
      const all = split(text)
      return same(all.subarray(0, length), digestOf(algorithm, password, all.subarray(length)))
    },
  }
}

const crypt: Scheme = {
  fits: (text) => /^(?:\$[0-9a-z]+\$[!-9;-~]+|[./0-9A-Za-z]{13})$/.test(text) && cryptCost(text) <= MOST_ITERATIONS,
  check: (text, password) => cryptMatches(text, password),
}

/** Rounds that the hash names, in their own unit. */
function cryptCost(text: string): number {
  const rounds = /^\$[56]\$rounds=(\d+)\$/.exec(text)?.[1]
  const log = /^\$2[abxy]\$(\d\d)\$/.exec(text)?.[1]
  if (log !== undefined) return Number(log) > 16 ? Number.POSITIVE_INFINITY : 2 ** Number(log)
  return rounds === undefined ? 0 : Number(rounds)
}

const ARGON2 = /^\$argon2(id|i|d)\$v=19\$m=(\d{1,9}),t=(\d{1,9}),p=(\d{1,3})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/

const argon: Scheme = {
  fits(text) {
    const [, , memory, passes] = ARGON2.exec(text) ?? []
    return Number(memory) <= MOST_ARGON2_KIB && Number(passes) <= MOST_ARGON2_PASSES
  },
  async check(text, password) {
    const [, kind = 'id', memory, passes, parallelism, salt = '', tag = ''] = ARGON2.exec(text) ?? []
    const wanted = Buffer.from(tag, 'base64')
    const made = await argon2(kind === 'i' ? 'argon2i' : kind === 'd' ? 'argon2d' : 'argon2id', {
      message: password,
      nonce: Buffer.from(salt, 'base64'),
      memory: Number(memory),
      passes: Number(passes),
      parallelism: Number(parallelism),
      tagLength: wanted.length,
    })
    return same(made, wanted)
  },
}

const PBKDF2 = /^\$1\$([^$]+)\$(\d{1,9})\$([0-9a-f]{40})$/i

const pbkdf: Scheme = {
  fits: (text) => Number(PBKDF2.exec(text)?.[2]) <= MOST_ITERATIONS,
  async check(text, password) {
    const [, salt = '', rounds, hash = ''] = PBKDF2.exec(text) ?? []
    return same(await pbkdf2(password, salt, Number(rounds), 20, 'sha1'), Buffer.from(hash, 'hex'))
  },
}

function scram(by: 'sha-1' | 'sha-256'): Scheme {
  const parts = (text: string): readonly string[] => text.split(',')
  return {
    fits: (text) => parts(text).length === 4 && Number(parts(text)[0]) > 0 && Number(parts(text)[0]) <= MOST_ITERATIONS,
    async check(text, password) {
      const [rounds, salt = '', stored = ''] = parts(text)
      const prepared = saslprep(password.toString('utf8'))
      if (prepared === undefined) return false
      const keys = await scramKeys(prepared, Buffer.from(salt, 'base64'), Number(rounds), by)
      return same(keys.storedKey, Buffer.from(stored, 'base64'))
    },
  }
}

/** The two states of HMAC-MD5, the outer one first. */
const cram: Scheme = {
  fits: (text) => /^[0-9a-f]{64}$/i.test(text),
  check(text, password) {
    const kept = Buffer.from(text, 'hex')
    const ours = Buffer.concat([kept.subarray(16), kept.subarray(0, 16)])
    return cramMd5States(password.toString('utf8')).some((state) => same(state, ours))
  },
}

const digestMd5: Scheme = {
  fits: (text) => /^[0-9a-f]{32}$/i.test(text),
  check(text, password, name) {
    const at = name.lastIndexOf('@')
    const [user, realm] = at < 0 ? [name, ''] : [name.slice(0, at), name.slice(at + 1)]
    return same(Buffer.from(text, 'hex'), digestOf('md5', Buffer.from(`${user}:${realm}:`), password))
  },
}

const SCHEMES: Readonly<Record<string, Scheme>> = {
  SSHA: saltedDigest('sha1', 20),
  SSHA256: saltedDigest('sha256', 32),
  SSHA512: saltedDigest('sha512', 64),
  SMD5: saltedDigest('md5', 16),
  SHA: plainDigest('sha1', 20),
  SHA1: plainDigest('sha1', 20),
  SHA256: plainDigest('sha256', 32),
  SHA512: plainDigest('sha512', 64),
  'PLAIN-MD5': plainDigest('md5', 16),
  'LDAP-MD5': plainDigest('md5', 16),
  CRYPT: crypt,
  MD5: crypt,
  'MD5-CRYPT': crypt,
  'DES-CRYPT': crypt,
  'BLF-CRYPT': crypt,
  'SHA256-CRYPT': crypt,
  'SHA512-CRYPT': crypt,
  ARGON2I: argon,
  ARGON2ID: argon,
  PBKDF2: pbkdf,
  'SCRAM-SHA-1': scram('sha-1'),
  'SCRAM-SHA-256': scram('sha-256'),
  'CRAM-MD5': cram,
  'HMAC-MD5': cram,
  'DIGEST-MD5': digestMd5,
}

const PLAIN: readonly string[] = ['PLAIN', 'CLEAR', 'CLEARTEXT', 'PLAIN-TRUNC']

/** What a kept password turned out to be. */
export type ForeignPassword =
  | { readonly kind: 'plain'; readonly password: string }
  | { readonly kind: 'hash'; readonly text: string }
  /** No password lets this user in: `*`, `!`, nothing. */
  | { readonly kind: 'locked' }
  | { readonly kind: 'unknown'; readonly why: string }

/** Reads a password field; `usual` is the scheme of a text without `{…}`. */
export function readForeign(field: string, usual: string): ForeignPassword {
  const [, named, rest = ''] = /^\{([A-Za-z0-9.-]+)\}(.*)$/s.exec(field) ?? []
  const text = named === undefined ? field : rest
  const [scheme = '', encoding = ''] = (named ?? (text.startsWith('$') ? 'CRYPT' : usual)).toUpperCase().split('.')
  const isMarked = named === undefined && !PLAIN.includes(scheme) && /^[*!]|^x$/.test(text)
  if (text === '' || isMarked) return { kind: 'locked' }
  if (PLAIN.includes(scheme) && encoding === '') return { kind: 'plain', password: text }
  const known = Object.hasOwn(SCHEMES, scheme) ? SCHEMES[scheme] : undefined
  if (known === undefined) return { kind: 'unknown', why: `scheme ${scheme} is not known here` }
  if (!/^(?:|HEX|B64|BASE64)$/.test(encoding)) return { kind: 'unknown', why: `encoding ${encoding} is not known here` }
  if (text.length > MAX_HASH_LENGTH || !known.fits(text)) return { kind: 'unknown', why: `no ${scheme} hash` }
  return { kind: 'hash', text: `{${scheme}}${text}` }
}

/** Whether a plain password is the one that was hashed. */
export async function matchesForeign({ text, name }: ForeignHash, password: string): Promise<boolean> {
  const [, scheme = '', hash = ''] = /^\{([A-Z0-9-]+)\}(.*)$/s.exec(text) ?? []
  const known = Object.hasOwn(SCHEMES, scheme) ? SCHEMES[scheme] : undefined
  return (await known?.check(hash, Buffer.from(password), name)) ?? false
}
