/**
 * Application passwords: made here and shown once, each for one program, with a scope and, if wanted, an end. Being 100 random
 * bits they need no slow hash: a plain one is found by one keyed digest, however many an account has. The mechanisms that need
 * to know beforehand which password is meant are told by the log-in name, `user+name` (decision 0024).
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../base/mod.ts'
import type { Tx } from '../../io/db/mod.ts'
import type { Account, AccountId, AppPassword, NewAppPassword, Scope } from './contract.ts'
import { AccountError } from './errors.ts'
import type { LoginNames } from './login-names.ts'
import type { KeptAppPassword, Lookups } from './lookups.ts'
import { SCOPES } from './scopes.ts'
import type { Seal } from './seal.ts'
import { base32 } from './totp.ts'
import { type Family, makeVerifiers } from './verifiers.ts'
import { printVerifiers } from './verifiers-text.ts'

/** Between the account's name and the password's. */
export const NAME_SEPARATOR = '+'
/** The most of one account. */
export const APP_PASSWORDS_MAX = 100
const NAME = /^[a-z0-9][a-z0-9-]{0,31}$/
const SECRET_LETTERS = 20
const GROUP_LETTERS = 5

export interface AppPasswordsParts {
  readonly seal: Seal
  readonly lookups: Lookups
  readonly clock: Clock
  readonly families: readonly Family[]
  readonly realm: string
  readonly names: LoginNames
  readonly change: <T>(work: (tx: Tx) => T) => Promise<T>
}

export class AppPasswords {
  readonly #parts: AppPasswordsParts

  constructor(parts: AppPasswordsParts) {
    this.#parts = parts
  }

  list(account: AccountId): readonly AppPassword[] {
    return this.#parts.lookups.listAppPasswords(account)
  }

  /** Answers the password, which is not kept. Throws AccountError: `bad-password` for a name that is none, `exists`. */
  async add({ id, localPart, domain }: Account, { name, scopes, expiresMs }: NewAppPassword): Promise<string> {
    if (!NAME.test(name))
      throw new AccountError('bad-password', `"${name}": a name has letters a to z, digits and hyphens, 32 at the most`)
    if (scopes.length === 0) throw new AccountError('bad-password', 'a password without scope opens nothing')
    const { seal, families, realm, clock, names, change } = this.#parts
    const password = newSecret()
    const digestNames = names.forDigest({ localPart: `${localPart}${NAME_SEPARATOR}${name}`, domain })
    // argon2id is for passwords that people think of.
    const hashed = families.filter((family) => family !== 'argon2id')
    const verifiers = printVerifiers(await makeVerifiers(password, hashed, digestNames))
    const text = `${this.#digest(password).toString('base64')}\n${verifiers}`
    await change((tx) => {
      const has = Number(tx.sql('SELECT count(*) FROM app_password WHERE account = ?').get(id)?.[0])
      if (has >= APP_PASSWORDS_MAX)
        throw new AccountError('exists', `an account has ${APP_PASSWORDS_MAX} application passwords at the most`)
      const made = tx
        .sql(
          `INSERT OR IGNORE INTO app_password (account, name, scopes, families, realm, sealed, created_ms, expires_ms)
             SELECT id, ?, ?, ?, ?, ?, ?, ? FROM account WHERE id = ?`,
        )
        .run(
          name,
          SCOPES.filter((scope) => scopes.includes(scope)).join(' '),
          families.join(' '),
          realm,
          seal.seal(id, text, `app-password ${name}`),
          clock.now(),
          expiresMs ?? null,
          id,
        )
      if (made.changes === 0) throw new AccountError('exists', `there is an application password ${name} already`)
    })
    return password
  }

  /** False: there was none by that name. */
  remove(account: AccountId, name: string): Promise<boolean> {
    return this.#parts.change(
      (tx) => tx.sql('DELETE FROM app_password WHERE account = ? AND name = ?').run(account, name).changes > 0,
    )
  }

  /** The one that a log-in name names. */
  named(account: AccountId, name: string, scope: Scope): KeptAppPassword | undefined {
    return this.#usable(account, scope).find((one) => one.name === name)
  }

  /**
   * The one that a plain password is; one digest, for a name without account too.
   * @param name where the log-in name says which
   */
  matching(
    account: AccountId | undefined,
    name: string | undefined,
    password: string,
    scope: Scope,
  ): KeptAppPassword | undefined {
    const digest = this.#digest(password)
    if (account === undefined) return undefined
    const those = this.#usable(account, scope).filter((one) => name === undefined || one.name === name)
    return those.find((one) => timingSafeEqual(one.digest, digest))
  }

  /** Whether a session that was opened with it may go on. */
  holds(account: AccountId, id: number): boolean {
    return this.#parts.lookups
      .appPasswords(account)
      .some((one) => one.id === id && (one.expiresMs === undefined || one.expiresMs > this.#parts.clock.now()))
  }

  #usable(account: AccountId, scope: Scope): KeptAppPassword[] {
    const now = this.#parts.clock.now()
    return this.#parts.lookups
      .appPasswords(account)
      .filter(({ scopes, expiresMs }) => scopes.includes(scope) && (expiresMs === undefined || expiresMs > now))
  }

  /** Typed from a screen: capitals, blanks and hyphens make no difference. */
  #digest(password: string): Buffer {
    return this.#parts.seal.secretDigest(password.toLowerCase().replaceAll(/[\s-]/g, ''))
  }
}

function newSecret(): string {
  const text = base32(randomBytes(SECRET_LETTERS)).slice(0, SECRET_LETTERS)
  return text.match(new RegExp(`.{${GROUP_LETTERS}}`, 'g'))?.join('-') ?? text
}
