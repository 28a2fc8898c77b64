/**
 * What is made of a password when it is set: a verifier a mechanism family, as text to be sealed.
 *
 * A plain password (PLAIN, LOGIN, USER/PASS, LOGIN of IMAP) is compared by argon2id where that is kept, else by SCRAM's
 * StoredKey. Argon2id is not kept by default: it costs 26 ms of CPU and 19 MiB a check, and buys nothing while a cheaper
 * verifier of the same password lies beside it, as DIGEST-MD5, CRAM-MD5 and SCRAM need. What protects those is the seal
 * (seal.ts). Who wants a stolen database *and* key to be costly sets `password_verifiers = argon2id`, and offers PLAIN
 * and LOGIN only. `apop` keeps the password itself, sealed: off by default. SCRAM's 10,000 iterations cost 1.2 ms on the thread pool; a password found right is remembered.
 */
import { argon2 as argon2Callback, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import {
  cramMd5States,
  digestMd5Ha1s,
  saslprep,
  scramKeys,
  type ScramHash,
  type ScramKeys,
} from '../../formats/sasl/mod.ts'
import { AccountError } from './errors.ts'
import { type ForeignHash, matchesForeign } from './foreign/schemes.ts'

const argon2 = promisify(argon2Callback)

/** What `password_verifiers` may name. */
export const FAMILIES = ['scram-sha-256', 'scram-sha-1', 'digest-md5', 'cram-md5', 'argon2id', 'apop'] as const
export type Family = (typeof FAMILIES)[number]

/** RFC 7677 §4 wants 4096 at least; Cyrus's client refuses more than 65536, and phones must compute it too. */
export const SCRAM_ITERATIONS = 10_000
const SALT_OCTETS = 16
/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane. */
const ARGON2 = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 } as const
/** A password is at most this long, so that nobody makes us hash for minutes. */
export const PASSWORD_MAX_OCTETS = 1024

/** One DIGEST-MD5 hash: for a user name and realm exactly as a client sends them. */
export interface DigestEntry {
  readonly username: string
  readonly realm: string
  readonly ha1s: readonly Buffer[]
}

export interface Verifiers {
  readonly scram: Partial<Record<ScramHash, ScramKeys>>
  readonly digest: readonly DigestEntry[]
  readonly cram: readonly Buffer[]
  readonly argon2id?: Argon2Verifier
  /** The password itself: APOP's digest can be made of nothing less. */
  readonly apop?: string
  /** What another server kept: it is all there is until the password is heard, once. */
  readonly foreign?: ForeignHash
}

/** The family of an account that has nothing but a foreign hash: PLAIN and LOGIN can use it. */
export const FOREIGN_FAMILY = 'foreign'

interface Argon2Verifier {
  readonly salt: Buffer
  readonly memory: number
  readonly passes: number
  readonly parallelism: number
  readonly tag: Buffer
}

/** A password in the form that is hashed. Throws AccountError. */
export function checkPassword(password: string): string {
  const prepared = saslprep(password)
  if (password === '') throw new AccountError('bad-password', 'the password is empty')
  if (prepared === undefined) throw new AccountError('bad-password', 'the password has characters that none may have')
  if (Buffer.byteLength(password) > PASSWORD_MAX_OCTETS)
    throw new AccountError('bad-password', `the password is longer than ${PASSWORD_MAX_OCTETS} octets`)
  return prepared
}

/** All verifiers of the families asked for; `names` are those that DIGEST-MD5 will be asked with. */
export async function makeVerifiers(
  password: string,
  families: readonly Family[],
  names: readonly { readonly username: string; readonly realm: string }[],
): Promise<Verifiers> {
  const prepared = checkPassword(password)
  const scram: Partial<Record<ScramHash, ScramKeys>> = {}
  for (const hash of ['sha-1', 'sha-256'] as const)
    if (families.includes(`scram-${hash}`))
      scram[hash] = await scramKeys(prepared, randomBytes(SALT_OCTETS), SCRAM_ITERATIONS, hash)
  // The MD5 mechanisms know no preparation: the client hashes what was typed.
  const digest = families.includes('digest-md5')
    ? names.map((name) => ({ ...name, ha1s: digestMd5Ha1s(name.username, name.realm, password) }))
    : []
  const cram = families.includes('cram-md5') ? cramMd5States(password) : []
  return {
    scram,
    digest,
    cram,
    ...(families.includes('argon2id') && { argon2id: await makeArgon2(prepared) }),
    ...(families.includes('apop') && { apop: prepared }),
  }
}

async function makeArgon2(prepared: string): Promise<Argon2Verifier> {
  const salt = randomBytes(SALT_OCTETS)
  const { memory, passes, parallelism } = ARGON2
  return { salt, memory, passes, parallelism, tag: await argon2Tag(prepared, { ...ARGON2, salt }) }
}

function argon2Tag(
  message: string,
  { salt, ...cost }: { salt: Buffer; memory: number; passes: number; parallelism: number; tagLength: number },
): Promise<Buffer> {
  return argon2('argon2id', { message, nonce: salt, ...cost })
}

/** Compares a plain password with what is kept, in constant time once hashed. */
export async function matches(password: string, kept: Verifiers): Promise<boolean> {
  // Too long or not to be prepared: nobody's password, found out at the same cost as any wrong one.
  const fits = Buffer.byteLength(password) <= PASSWORD_MAX_OCTETS
  const prepared = fits ? saslprep(password) : undefined
  if (kept.foreign !== undefined) return fits && matchesForeign(kept.foreign, password)
  const same = await isSame(prepared ?? 'x', kept)
  return same && prepared !== undefined
}

async function isSame(prepared: string, kept: Verifiers): Promise<boolean> {
  if (kept.argon2id) {
    const { tag, ...cost } = kept.argon2id
    return timingSafeEqual(await argon2Tag(prepared, { ...cost, tagLength: tag.length }), tag)
  }
  for (const hash of ['sha-256', 'sha-1'] as const) {
    const keys = kept.scram[hash]
    if (!keys) continue
    const { storedKey } = await scramKeys(prepared, keys.salt, keys.iterations, hash)
    return timingSafeEqual(storedKey, keys.storedKey)
  }
  return false
}

/** What a name without account keeps: random-looking octets from `decoy`, of the families that accounts have. */
export function decoyVerifiers(
  families: readonly Family[],
  decoy: (purpose: string, octets: number) => Buffer,
): Verifiers {
  const keys = (hash: ScramHash, octets: number): ScramKeys => ({
    salt: decoy(`salt ${hash}`, SALT_OCTETS),
    iterations: SCRAM_ITERATIONS,
    storedKey: decoy(`stored ${hash}`, octets),
    serverKey: decoy(`server ${hash}`, octets),
  })
  const verifiers = {
    scram: { 'sha-1': keys('sha-1', 20), 'sha-256': keys('sha-256', 32) },
    digest: [],
    cram: [decoy('cram-md5', 32)],
    apop: decoy('apop', 16).toString('hex'),
  }
  if (!families.includes('argon2id')) return verifiers
  const { memory, passes, parallelism, tagLength } = ARGON2
  const argon2id = {
    salt: decoy('argon2 salt', SALT_OCTETS),
    memory,
    passes,
    parallelism,
    tag: decoy('argon2', tagLength),
  }
  return { ...verifiers, argon2id }
}
