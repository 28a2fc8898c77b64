/** SCRAM's keys and signatures, RFC 5802 §3. */
import { createHmac, hash, pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'
import type { ScramHash, ScramKeys } from './contract.ts'

/** The hash by node:crypto's name, and the octets it gives. */
export const HASHES = {
  'sha-1': { algorithm: 'sha1', octets: 20 },
  'sha-256': { algorithm: 'sha256', octets: 32 },
} as const satisfies Record<ScramHash, { algorithm: string; octets: number }>

const derive = promisify(pbkdf2)

/** SaltedPassword := Hi(Normalize(password), salt, i), on the thread pool: it takes about a millisecond of CPU. */
export function saltedPassword(prepared: string, salt: Buffer, iterations: number, by: ScramHash): Promise<Buffer> {
  const { algorithm, octets } = HASHES[by]
  return derive(prepared, salt, iterations, octets, algorithm)
}

export function hmac(by: ScramHash, key: Buffer, text: string | Buffer): Buffer {
  return createHmac(HASHES[by].algorithm, key).update(text).digest()
}

/** H(clientKey). */
export function storedKeyOf(by: ScramHash, clientKey: Buffer): Buffer {
  return hash(HASHES[by].algorithm, clientKey, 'buffer')
}

/** What a server keeps of a password that `saslprep` prepared. */
export async function scramKeys(prepared: string, salt: Buffer, iterations: number, by: ScramHash): Promise<ScramKeys> {
  const salted = await saltedPassword(prepared, salt, iterations, by)
  const storedKey = storedKeyOf(by, hmac(by, salted, 'Client Key'))
  return { salt, iterations, storedKey, serverKey: hmac(by, salted, 'Server Key') }
}

/** ClientProof from ClientKey and back: both are the exclusive or with ClientSignature. */
export function exclusiveOr(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((octet, i) => octet ^ (b[i] ?? 0)))
}
