/**
 * Verifiers are sealed under a key that lies beside the database and not in it.
 *
 * CRAM-MD5 and DIGEST-MD5 must keep plain MD5s of the password, which a thief of the database tries by the thousand
 * million a second; what SCRAM or argon2id would cost him beside them does not matter. Without the key (a copied
 * database file, a dump, a backup kept apart from it) there is nothing to try at all.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { linkSync, openSync, closeSync, fsyncSync, readFileSync, unlinkSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { AccountError } from './errors.ts'

export const KEY_OCTETS = 32
const NONCE_OCTETS = 12
const TAG_OCTETS = 16
const CIPHER = 'aes-256-gcm'

/** Seals and opens what is kept of a password; each account's by itself, so that rows cannot be exchanged. */
export class Seal {
  readonly #sealing: Buffer
  readonly #decoys: Buffer
  readonly #urls: Buffer
  readonly #secrets: Buffer

  /** @param key KEY_OCTETS random octets */
  constructor(key: Buffer) {
    if (key.length !== KEY_OCTETS) throw new AccountError('wrong-key', `a credential key has ${KEY_OCTETS} octets`)
    const derive = (purpose: string): Buffer =>
      Buffer.from(hkdfSync('sha256', key, '', `postigo ${purpose}`, KEY_OCTETS))
    this.#sealing = derive('credential')
    this.#decoys = derive('decoy')
    this.#urls = derive('urlauth')
    this.#secrets = derive('random secret')
  }

  /** @param purpose what it is besides the account's password, so that it opens as nothing else */
  seal(account: number, text: string, purpose = ''): Buffer {
    // Random nonces: 2^32 passwords may be set before two meet with a chance of one in 2^32 (NIST SP 800-38D §8.3).
    const nonce = randomBytes(NONCE_OCTETS)
    const cipher = createCipheriv(CIPHER, this.#sealing, nonce)
    cipher.setAAD(bound(account, purpose))
    return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
  }

  /** Throws AccountError('wrong-key') for what this key did not seal for this account. */
  open(account: number, sealed: Buffer, purpose = ''): string {
    try {
      const decipher = createDecipheriv(CIPHER, this.#sealing, sealed.subarray(0, NONCE_OCTETS))
      decipher.setAAD(bound(account, purpose))
      decipher.setAuthTag(sealed.subarray(-TAG_OCTETS))
      return Buffer.concat([decipher.update(sealed.subarray(NONCE_OCTETS, -TAG_OCTETS)), decipher.final()]).toString()
    } catch (error) {
      throw new AccountError('wrong-key', `the password of account ${account} was sealed under another key`, error)
    }
  }

  /** By which a secret of our own making is found again; too many random bits to be tried, whoever has the key. */
  secretDigest(secret: string): Buffer {
    return createHmac('sha256', this.#secrets).update(secret).digest()
  }

  /** What URLs of an account's mailbox are authorised with (RFC 4467), made of the mailbox's own key. */
  urlKey(account: number, mailboxKey: Buffer): Buffer {
    return createHmac('sha256', this.#urls).update(`account ${account}:`).update(mailboxKey).digest()
  }

  /** Octets for a name that has no account: the same each time, and nothing that can be told from random ones. */
  decoy(purpose: string, octets: number): Buffer {
    return createHmac('sha512', this.#decoys).update(purpose).digest().subarray(0, octets)
  }
}

function bound(account: number, purpose: string): Buffer {
  return Buffer.from(purpose === '' ? `account ${account}` : `account ${account} ${purpose}`)
}

/** The key in `path`, made with mode 600 when `create` and absent. Throws AccountError('wrong-key') when there is none. */
export function readKey(path: string, create: boolean): Buffer {
  for (;;) {
    try {
      const key = readFileSync(path)
      if (key.length !== KEY_OCTETS)
        throw new AccountError('wrong-key', `${path} is no credential key: restore it from a backup`)
      return key
    } catch (error) {
      if (!isCode(error, 'ENOENT')) throw error
      if (!create)
        throw new AccountError(
          'wrong-key',
          `${path} is missing, and the stored passwords cannot be read without it: restore it from a backup`,
          error,
        )
    }
    makeKey(path)
  }
}

/** Whole or not at all, and never over another's: written aside, then linked. */
function makeKey(path: string): void {
  const aside = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  const file = openSync(aside, 'wx', 0o600)
  try {
    writeSync(file, randomBytes(KEY_OCTETS))
    fsyncSync(file)
    linkSync(aside, path)
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error
  } finally {
    closeSync(file)
    unlinkSync(aside)
  }
  const directory = openSync(dirname(path), 'r')
  fsyncSync(directory)
  closeSync(directory)
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
