/**
 * The second factor of an account: six digits of the time (RFC 6238) behind the password, or a recovery code. While it is
 * on, the password alone opens nothing. A code is good once, in whatever thread it is heard.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../base/mod.ts'
import type { Db, Tx } from '../../io/db/mod.ts'
import type { AccountId } from './contract.ts'
import type { Lookups } from './lookups.ts'
import type { Seal } from './seal.ts'
import { base32, matchingStep, TOTP_DIGITS } from './totp.ts'

/** RFC 4226 §4 R6 recommends 160 bits. */
const SECRET_OCTETS = 20
const RECOVERY_CODES = 10
/** 50 bits, tried one at a time by log-ins. */
const RECOVERY_OCTETS = 6
const RECOVERY_HALF = 5
/** Wrong codes behind the right password within WRONG_SPAN_MS, after which only recovery codes are taken in it. */
const WRONG_MAX = 10
const WRONG_SPAN_MS = 600_000

const PASSWORD_AND_CODE = new RegExp(String.raw`^(.*)(\d{${TOTP_DIGITS}})$`, 's')
const PASSWORD_AND_RECOVERY = new RegExp(`^(.*?)([a-z2-7]{${RECOVERY_HALF}}-[a-z2-7]{${RECOVERY_HALF}})$`, 's')

/** What a plain log-in said, taken apart. */
export interface SaidPassword {
  /** What to compare with the account's password. */
  readonly password: string
  /** Whether a code is wanted at all. */
  readonly isOn: boolean
  /** To be asked once the password was right: whether the code is right and was not used before. It is used now. */
  spend(): Promise<boolean>
  /** To be called once the password was wrong: computes what `spend` would have, so that both cost the same. */
  waste(): void
}

export interface NewSecondFactor {
  readonly secret: Buffer
  readonly recoveryCodes: readonly string[]
}

export interface SecondFactorsParts {
  readonly db: Db
  readonly seal: Seal
  readonly lookups: Lookups
  readonly clock: Clock
  readonly change: <T>(work: (tx: Tx) => T) => Promise<T>
}

export class SecondFactors {
  readonly #parts: SecondFactorsParts
  /** Stands in where there is no secret, so that all names cost the same. */
  readonly #decoy: Buffer

  constructor(parts: SecondFactorsParts) {
    this.#parts = parts
    this.#decoy = parts.seal.decoy('second factor', SECRET_OCTETS)
  }

  isOn(account: AccountId): boolean {
    return this.#parts.lookups.secondFactor(account) !== undefined
  }

  /** How many recovery codes are left. */
  recoveryCodesLeft(account: AccountId): number {
    const row = this.#parts.db.read.sql('SELECT count(*) FROM recovery_code WHERE account = ?').get(account)
    return Number(row?.[0] ?? 0)
  }

  /** Turns it on with a new secret; one that was there holds no more. */
  async enable(account: AccountId): Promise<NewSecondFactor> {
    const { seal, clock, change } = this.#parts
    const secret = randomBytes(SECRET_OCTETS)
    const recoveryCodes = Array.from({ length: RECOVERY_CODES }, recoveryCode)
    await change((tx) => {
      this.#forget(tx, account)
      tx.sql('INSERT INTO second_factor (account, sealed, last_step, since_ms) VALUES (?, ?, 0, ?)').run(
        account,
        seal.seal(account, secret.toString('base64'), 'second factor'),
        clock.now(),
      )
      const insert = tx.sql('INSERT OR IGNORE INTO recovery_code (account, digest) VALUES (?, ?)')
      for (const code of recoveryCodes) insert.run(account, seal.secretDigest(code))
    })
    return { secret, recoveryCodes }
  }

  /** False: it was off. */
  disable(account: AccountId): Promise<boolean> {
    return this.#parts.change((tx) => this.#forget(tx, account))
  }

  #forget(tx: Tx, account: AccountId): boolean {
    tx.sql('DELETE FROM recovery_code WHERE account = ?').run(account)
    return tx.sql('DELETE FROM second_factor WHERE account = ?').run(account).changes > 0
  }

  /** A refusal costs as much for a name without account, or without a second factor. */
  takeApart(account: AccountId | undefined, said: string): SaidPassword {
    const { lookups, seal, clock } = this.#parts
    const secret = account === undefined ? undefined : lookups.secondFactor(account)
    const [, withoutCode, code = ''] = PASSWORD_AND_CODE.exec(said) ?? []
    const [, withoutRecovery, recovery = ''] = PASSWORD_AND_RECOVERY.exec(said) ?? []
    const compute = (): { step: number | undefined; digest: Buffer } => ({
      step: matchingStep(secret ?? this.#decoy, code, clock.now()),
      digest: seal.secretDigest(recovery),
    })
    const waste = (): void => void compute()
    if (account === undefined || secret === undefined)
      return { password: said, isOn: false, spend: () => Promise.resolve(false), waste }
    const spend = (): Promise<boolean> => {
      const { step, digest } = compute()
      return code === '' ? this.#spendRecovery(account, digest) : this.#spendStep(account, step)
    }
    return { password: withoutCode ?? withoutRecovery ?? said, isOn: true, spend, waste }
  }

  /** RFC 6238 §5.2: the second time a code is said it is refused; so is every one before it. */
  async #spendStep(account: AccountId, step: number | undefined): Promise<boolean> {
    if (step === undefined) {
      // Not waited for: a refusal must not take longer where the password was right.
      void this.#countWrong(account)
      return false
    }
    return this.#parts.db.write(
      (tx) =>
        tx
          .sql(
            `UPDATE second_factor SET last_step = ?
               WHERE account = ? AND last_step < ? AND (wrong_span <> ? OR wrong < ?)`,
          )
          .run(step, account, step, this.#span(), WRONG_MAX).changes > 0,
    )
  }

  /** RFC 4226 §7.3: whoever has the password must not try all codes, from however many addresses. */
  async #countWrong(account: AccountId): Promise<void> {
    const span = this.#span()
    const sql =
      'UPDATE second_factor SET wrong = CASE wrong_span WHEN ? THEN wrong + 1 ELSE 1 END, wrong_span = ? WHERE account = ?'
    // A database that takes no writes takes no codes either.
    await this.#parts.db.write((tx) => tx.sql(sql).run(span, span, account)).catch(() => {})
  }

  #span(): number {
    return Math.floor(this.#parts.clock.now() / WRONG_SPAN_MS)
  }

  async #spendRecovery(account: AccountId, digest: Buffer): Promise<boolean> {
    const { db } = this.#parts
    // Looked at first: a refusal must not take longer where the password was right.
    const isThere = db.read.sql('SELECT 1 FROM recovery_code WHERE account = ? AND digest = ?').get(account, digest)
    if (isThere === undefined) return false
    const isSpent = await db.write(
      (tx) => tx.sql('DELETE FROM recovery_code WHERE account = ? AND digest = ?').run(account, digest).changes > 0,
    )
    if (isSpent) await db.syncWal()
    return isSpent
  }
}

function recoveryCode(): string {
  const text = base32(randomBytes(RECOVERY_OCTETS + 1)).slice(0, 2 * RECOVERY_HALF)
  return `${text.slice(0, RECOVERY_HALF)}-${text.slice(RECOVERY_HALF)}`
}
