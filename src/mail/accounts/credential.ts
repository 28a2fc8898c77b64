/** A credential as mechanisms ask it; of a name without account too. */
import { createHash } from 'node:crypto'
import { cramMd5Digest, type ScramHash, type ScramKeys } from '../../formats/sasl/mod.ts'
import type { Account, Credential } from './contract.ts'
import type { Kept } from './lookups.ts'
import type { RememberedPasswords } from './remembered.ts'
import { matches, type Verifiers } from './verifiers.ts'

export interface CredentialParts {
  /** The account and what is kept of its password; undefined for a name that may not log in. */
  readonly known: { readonly account: Account; readonly kept: Kept } | undefined
  /** What stands in for a missing verifier; made for known names too, so that both cost the same. */
  readonly decoy: Verifiers
  readonly decoyHa1: Buffer
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

  get #verifiers(): Verifiers {
    return this.#parts.known?.kept.verifiers ?? this.#parts.decoy
  }

  scram(hash: ScramHash): ScramKeys {
    const keys = this.#verifiers.scram[hash] ?? this.#parts.decoy.scram[hash]
    if (!keys) throw new Error(`no decoy for ${hash}`)
    return keys
  }

  digestMd5(username: string, realm: string): readonly Buffer[] {
    const entry = this.#verifiers.digest.find((one) => one.username === username && one.realm === realm)
    return entry?.ha1s ?? [this.#parts.decoyHa1]
  }

  cramMd5(challenge: Buffer): readonly Buffer[] {
    const { cram } = this.#verifiers
    return (cram.length > 0 ? cram : this.#parts.decoy.cram).map((state) => cramMd5Digest(state, challenge))
  }

  apop(timestamp: string): Buffer {
    const secret = this.#verifiers.apop ?? this.#parts.decoy.apop ?? ''
    return createHash('md5').update(timestamp).update(secret).digest()
  }

  async verify(password: string): Promise<boolean> {
    const { known, remembered } = this.#parts
    if (known && remembered.has(known.account.id, known.kept.stamp, password)) return true
    const right = await matches(password, this.#verifiers)
    if (!right || !known) return false
    if (known.kept.verifiers.foreign !== undefined) await this.#upgrade(known, password)
    remembered.add(known.account.id, known.kept.stamp, password)
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
