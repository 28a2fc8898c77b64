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
  /** What stands in for a missing verifier; made for known names too whenever they may be refused, so that both cost the same. */
  readonly decoy: () => Decoy
  readonly appPassword: AppPassword | undefined
  /** The password alone proves nothing: what is made of it does not count. */
  readonly secondFactor: boolean
  readonly remembered: RememberedPasswords
  /** Keeps verifiers of our own of a password that a foreign hash proved. */
  readonly upgrade: (account: number, password: string) => Promise<void>
}

export interface Decoy {
  readonly verifiers: Verifiers
  readonly ha1: Buffer
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
  #verifiers(): Decoy & { readonly own: Verifiers } {
    const { known, secondFactor, decoy } = this.#parts
    const made = decoy()
    return { ...made, own: secondFactor ? made.verifiers : (known?.kept.verifiers ?? made.verifiers) }
  }

  scram(hash: ScramHash): ScramKeys {
    const { own, verifiers } = this.#verifiers()
    const keys = own.scram[hash] ?? verifiers.scram[hash]
    if (!keys) throw new Error(`no decoy for ${hash}`)
    return keys
  }

  digestMd5(username: string, realm: string): readonly Buffer[] {
    const { own, ha1 } = this.#verifiers()
    const entry = own.digest.find((one) => one.username === username && one.realm === realm)
    return asMany(entry?.ha1s ?? [], ha1)
  }

  cramMd5(challenge: Buffer): readonly Buffer[] {
    const { own, verifiers } = this.#verifiers()
    const [decoy] = verifiers.cram
    if (decoy === undefined) throw new Error('no decoy for CRAM-MD5')
    return asMany(own.cram, decoy).map((state) => cramMd5Digest(state, challenge))
  }

  apop(timestamp: string): Buffer {
    const { own, verifiers } = this.#verifiers()
    const secret = own.apop ?? verifiers.apop ?? ''
    return createHash('md5').update(timestamp).update(secret).digest()
  }

  async verify(password: string): Promise<boolean> {
    const { known: named, appPassword, remembered, secondFactor, decoy } = this.#parts
    // An application password was looked for before, at another price.
    const known = appPassword === undefined ? named : undefined
    const isRemembered = remembered.has(known?.account.id, known?.kept.stamp, password)
    // Where a code is wanted too, an answer that comes at once would tell that the password is right.
    if (isRemembered && !secondFactor) return true
    const { verifiers } = decoy()
    const right = await matches(password, known?.kept.verifiers ?? verifiers)
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
