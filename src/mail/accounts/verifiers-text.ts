/** Verifiers as the JSON text that is sealed, and back. Buffers are base64. */
import type { ScramHash, ScramKeys } from '../../formats/sasl/mod.ts'
import type { DigestEntry, Verifiers } from './verifiers.ts'

/** Raised when the text changes in a way that older code would misread. */
const VERSION = 1

const b64 = (octets: Buffer): string => octets.toString('base64')

export function printVerifiers({ scram, digest, cram, argon2id, apop, foreign }: Verifiers): string {
  const keys = Object.entries(scram).map(([hash, { salt, iterations, storedKey, serverKey }]) => [
    hash,
    [b64(salt), iterations, b64(storedKey), b64(serverKey)],
  ])
  return JSON.stringify({
    version: VERSION,
    scram: Object.fromEntries(keys) as unknown,
    digest: digest.map(({ username, realm, ha1s }) => [username, realm, ...ha1s.map(b64)]),
    cram: cram.map(b64),
    ...(argon2id && { argon2id: { ...argon2id, salt: b64(argon2id.salt), tag: b64(argon2id.tag) } }),
    ...(apop !== undefined && { apop }),
    ...(foreign !== undefined && { foreign }),
  })
}

/** What `printVerifiers` wrote; the seal vouches that nobody else did. */
interface Text {
  readonly version: number
  readonly scram: Readonly<Partial<Record<ScramHash, readonly [string, number, string, string]>>>
  readonly digest: readonly (readonly [string, string, ...string[]])[]
  readonly cram: readonly string[]
  readonly argon2id?: {
    readonly salt: string
    readonly memory: number
    readonly passes: number
    readonly parallelism: number
    readonly tag: string
  }
  readonly apop?: string
  readonly foreign?: { readonly text: string; readonly name: string }
}

const octets = (text: string): Buffer => Buffer.from(text, 'base64')

export function parseVerifiers(text: string): Verifiers {
  const read = JSON.parse(text) as Text // sealed, so written above
  if (read.version !== VERSION) throw new Error(`stored password of version ${read.version}: this program is too old`)
  const scram: Partial<Record<ScramHash, ScramKeys>> = {}
  for (const hash of ['sha-1', 'sha-256'] as const) {
    const keys = read.scram[hash]
    if (!keys) continue
    const [salt, iterations, storedKey, serverKey] = keys
    scram[hash] = { salt: octets(salt), iterations, storedKey: octets(storedKey), serverKey: octets(serverKey) }
  }
  const digest = read.digest.map(([username, realm, ...ha1s]): DigestEntry => ({
    username,
    realm,
    ha1s: ha1s.map(octets),
  }))
  const { apop, foreign } = read
  const base = {
    scram,
    digest,
    cram: read.cram.map(octets),
    ...(apop !== undefined && { apop }),
    ...(foreign !== undefined && { foreign }),
  }
  if (!read.argon2id) return base
  const { salt, tag } = read.argon2id
  return { ...base, argon2id: { ...read.argon2id, salt: octets(salt), tag: octets(tag) } }
}
