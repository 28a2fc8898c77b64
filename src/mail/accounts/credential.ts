/** A credential as mechanisms ask it; of a name without account too. */
import { createHash } from 'node:crypto'
import { cramMd5Digest, type ScramHash, type ScramKeys } from '../../formats/sasl/mod.ts'
import type { Account, AppPassword, Credential } from './contract.ts'
import type { Kept } from './lookups.ts'
import type { RememberedPasswords } from './remembered.ts'
import { matches, type Verifiers } from './verifiers.ts'

export interface CredentialParts {
  /** The account and what is kept of its password; undefined for a name that may not log in. */
  readonly known: { readonly account: Account; readonly kept: Kept } | undefined
  /** What stands in for a missing verifier; made for known names too, so that both cost the same. */
  readonly decoy: Verifiers
  readonly decoyHa1: Buffer
  readonly appPassword: AppPassword | undefined
  /** The password alone proves nothing: what is made of it does not count. */
  readonly secondFactor: boolean
  readonly remembered: RememberedPasswords
  /** Keeps verifiers of our own of a password that a foreign hash proved. */
  readonly upgrade: (account: number, password: string) => Promise<void>
}

export class StoredCredential implements Credential {
  readonly #parts: CredentialParts

  constructor(parts: CredentialParts) {
    this.#parts = parts
  }

  get account(): Account | undefined {
    return this.#parts.known?.account
  }

  get appPassword(): AppPassword | undefined {
    return this.#parts.appPassword
  }

  /** For exchanges in which no code can be said. */
  get #verifiers(): Verifiers {
    const { known, secondFactor, decoy } = this.#parts
    return secondFactor ? decoy : (known?.kept.verifiers ?? decoy)
  }

  scram(hash: ScramHash): ScramKeys {
    const keys = this.#verifiers.scram[hash] ?? this.#parts.decoy.scram[hash]
    if (!keys) throw new Error(`no decoy for ${hash}`)
    return keys
  }

  digestMd5(username: string, realm: string): readonly Buffer[] {
    const entry = this.#verifiers.digest.find((one) => one.username === username && one.realm === realm)
    return asMany(entry?.ha1s ?? [], this.#parts.decoyHa1)
  }

  cramMd5(challenge: Buffer): readonly Buffer[] {
    const [decoy] = this.#parts.decoy.cram
    if (decoy === undefined) throw new Error('no decoy for CRAM-MD5')
    return asMany(this.#verifiers.cram, decoy).map((state) => cramMd5Digest(state, challenge))
  }

  apop(timestamp: string): Buffer {
    const secret = this.#verifiers.apop ?? this.#parts.decoy.apop ?? ''
    return createHash('md5').update(timestamp).update(secret).digest()
  }

  async verify(password: string): Promise<boolean> {
    const { known: named, appPassword, remembered, secondFactor, decoy } = this.#parts
    // An application password was looked for before, at another price.
    const known = appPassword === undefined ? named : undefined
    // Where a code is wanted too, an answer that comes at once would tell that the password is right.
    if (known && !secondFactor && remembered.has(known.account.id, known.kept.stamp, password)) return true
    const right = await matches(password, known?.kept.verifiers ?? decoy)
    if (!right || !known) return false
    if (known.kept.verifiers.foreign !== undefined) await this.#upgrade(known, password)
    if (!secondFactor) remembered.add(known.account.id, known.kept.stamp, password)
    return true
  }

  /** The log-in stands without it: a database that cannot be written now is written to at the next one. */
  async #upgrade({ account }: NonNullable<CredentialParts['known']>, password: string): Promise<void> {
    try {
      await this.#parts.upgrade(account.id, password)
    } catch {
      // A password with characters that none may have here stays with its hash.
    }
  }
}

/** A password outside ASCII has a verifier for each of two encodings. All have so many, or the time would tell. */
const ENCODINGS = 2

function asMany(some: readonly Buffer[], decoy: Buffer): readonly Buffer[] {
  return some.length >= ENCODINGS ? some : [...some, ...Array.from({ length: ENCODINGS - some.length }, () => decoy)]
}
