/**
 * Rows of accounts, kept in memory while no thread or process has changed any: a lookup first reads the generation, one
 * row by its key, which every change raises in its own transaction. A read is a lock of the database and costs as much as
 * all the rest of a recipient, so on a busy thread it holds for some milliseconds: shorter than a command line takes to end.
 */
import type { Db, SqlValue } from '../../io/db/mod.ts'
import type { Account, AppPassword } from './contract.ts'
import { scopesOf } from './scopes.ts'
import { parseVerifiers } from './verifiers-text.ts'
import type { Seal } from './seal.ts'
import type { Verifiers } from './verifiers.ts'

/** Names and accounts kept; a flood of unknown names empties the cache and no more. */
const NAMES_MAX = 20_000
/** Opened verifiers kept, about 3 KiB each. */
const CREDENTIALS_MAX = 1_000

/** A change by another process takes effect this much later at the most. */
const FRESH_MS = 5

/** What is kept of an account's password. */
export interface Kept {
  /** Another for every password set. */
  readonly stamp: Buffer
  readonly verifiers: Verifiers
}

/** An application password with what proves it. */
export interface KeptAppPassword extends AppPassword {
  readonly kept: Kept
  /** Seal.secretDigest of it. */
  readonly digest: Buffer
}

/** A map that begins anew when full. */
class Bounded<K, V> {
  readonly #most: number
  readonly #map = new Map<K, V>()

  constructor(most: number) {
    this.#most = most
  }

  /** What is known of `key`, else what `find` answers, which is then known; `undefined` is an answer too. */
  get(key: K, find: () => V): V {
    const known = this.#map.get(key)
    if (known !== undefined || this.#map.has(key)) return known as V // has: then it is a V
    if (this.#map.size >= this.#most) this.#map.clear()
    const found = find()
    this.#map.set(key, found)
    return found
  }

  clear(): void {
    this.#map.clear()
  }
}

const COLUMNS = 'id, local_part, domain, disabled, quota_octets, quota_messages, quota_mailboxes'

export class Lookups {
  readonly #db: Db
  readonly #seal: Seal
  readonly #defaultRealm: string
  #generation = -1
  /** Until then the generation need not be read again, in the time of performance.now(). */
  #freshUntil = 0
  readonly #byName = new Bounded<string, Account | undefined>(NAMES_MAX)
  readonly #byId = new Bounded<number, Account | undefined>(NAMES_MAX)
  readonly #credentials = new Bounded<number, Kept | undefined>(CREDENTIALS_MAX)
  readonly #domains = new Bounded<string, boolean>(NAMES_MAX)
  readonly #appPasswords = new Bounded<number, readonly KeptAppPassword[]>(CREDENTIALS_MAX)
  readonly #secondFactors = new Bounded<number, Buffer | undefined>(NAMES_MAX)
  #families: readonly (readonly [families: string, realm: string])[] | undefined

  constructor(db: Db, seal: Seal, defaultRealm: string) {
    this.#db = db
    this.#seal = seal
    this.#defaultRealm = defaultRealm
  }

  /** Both parts folded. */
  account(localPart: string, domain: string): Account | undefined {
    this.#refresh()
    const key = `${localPart}@${domain}`
    return this.#byName.get(key, () =>
      this.#account(`SELECT ${COLUMNS} FROM account WHERE domain = ? AND local_part = ?`, domain, localPart),
    )
  }

  byId(id: number): Account | undefined {
    this.#refresh()
    return this.#byId.get(id, () => this.#account(`SELECT ${COLUMNS} FROM account WHERE id = ?`, id))
  }

  /** Throws AccountError('wrong-key'). */
  kept(account: number): Kept | undefined {
    this.#refresh()
    return this.#credentials.get(account, () => {
      const row = this.#db.read.sql('SELECT sealed FROM credential WHERE account = ?').get(account)
      if (!row) return undefined
      const sealed = Buffer.from(row[0] as Uint8Array) // STRICT and BLOB
      return { stamp: sealed.subarray(0, 12), verifiers: parseVerifiers(this.#seal.open(account, sealed)) }
    })
  }

  /** Most accounts have none, and that is known without asking. Throws AccountError('wrong-key'). */
  appPasswords(account: number): readonly KeptAppPassword[] {
    this.#refresh()
    return this.#appPasswords.get(account, () =>
      this.#appPasswordRows(account, 'sealed').map((row) => {
        const one = appPasswordOf(row)
        const text = this.#seal.open(account, Buffer.from(row[6] as Uint8Array), `app-password ${one.name}`) // STRICT and BLOB
        const end = text.indexOf('\n')
        const stamp = Buffer.from(row[6] as Uint8Array).subarray(0, 12) // the same
        return {
          ...one,
          digest: Buffer.from(text.slice(0, end), 'base64'),
          kept: { stamp, verifiers: parseVerifiers(text.slice(end + 1)) },
        }
      }),
    )
  }

  /** As they are now, last use included. */
  listAppPasswords(account: number): AppPassword[] {
    return this.#appPasswordRows(account, 'NULL').map(appPasswordOf)
  }

  #appPasswordRows(account: number, last: 'sealed' | 'NULL'): SqlValue[][] {
    const columns = 'id, name, scopes, created_ms, expires_ms, used_ms'
    return this.#db.read.sql(`SELECT ${columns}, ${last} FROM app_password WHERE account = ? ORDER BY id`).all(account)
  }

  /** The secret of its codes. Throws AccountError('wrong-key'). */
  secondFactor(account: number): Buffer | undefined {
    this.#refresh()
    return this.#secondFactors.get(account, () => {
      const row = this.#db.read.sql('SELECT sealed FROM second_factor WHERE account = ?').get(account)
      if (!row) return undefined
      const sealed = Buffer.from(row[0] as Uint8Array) // STRICT and BLOB
      return Buffer.from(this.#seal.open(account, sealed, 'second factor'), 'base64')
    })
  }

  /** Raised by every change to accounts, passwords and domains. */
  get generation(): number {
    this.#refresh()
    return this.#generation
  }

  hostsDomain(domain: string): boolean {
    this.#refresh()
    return this.#domains.get(
      domain,
      () => this.#db.read.sql('SELECT 1 FROM domain WHERE name = ?').get(domain) !== undefined,
    )
  }

  /** Which families of verifiers, made for which default realm, accounts have. */
  families(): readonly (readonly [families: string, realm: string])[] {
    this.#refresh()
    this.#families ??= this.#db.read
      .sql('SELECT families, realm FROM credential UNION SELECT families, realm FROM app_password')
      .all()
      .map(([families, realm]) => [String(families), String(realm)])
    return this.#families
  }

  list(): Account[] {
    const rows = this.#db.read.sql(`SELECT ${COLUMNS} FROM account ORDER BY domain, local_part`).all()
    return rows.map((row) => this.#fromRow(row))
  }

  withPassword(): Account[] {
    const ids = this.#db.read.sql('SELECT account FROM credential').all()
    const having = new Set(ids.map(([id]) => Number(id)))
    return this.list().filter(({ id }) => having.has(id))
  }

  domains(): string[] {
    return this.#db.read
      .sql('SELECT name FROM domain ORDER BY name')
      .all()
      .map(([name]) => String(name))
  }

  /** This thread has changed something: the next lookup looks again. */
  changed(): void {
    this.#freshUntil = 0
  }

  #refresh(): void {
    const now = performance.now()
    if (now < this.#freshUntil) return
    this.#freshUntil = now + FRESH_MS
    const generation = Number(this.#db.read.sql('SELECT generation FROM account_generation WHERE one = 1').get()?.[0])
    if (generation === this.#generation) return
    for (const map of [this.#byName, this.#byId, this.#credentials, this.#domains]) map.clear()
    this.#appPasswords.clear()
    this.#secondFactors.clear()
    this.#families = undefined
    this.#generation = generation
  }

  #account(sql: string, ...key: (string | number)[]): Account | undefined {
    const row = this.#db.read.sql(sql).get(...key)
    return row && this.#fromRow(row)
  }

  #fromRow(row: readonly unknown[]): Account {
    const domain = String(row[2])
    return {
      id: Number(row[0]),
      localPart: String(row[1]),
      domain,
      realm: domain === '' ? this.#defaultRealm : domain,
      disabled: row[3] === 1,
      quotaOctets: Number(row[4]),
      quotaMessages: Number(row[5]),
      quotaMailboxes: Number(row[6]),
    }
  }
}

function appPasswordOf(row: readonly SqlValue[]): AppPassword {
  const time = (value: SqlValue | undefined): number | undefined => (typeof value === 'number' ? value : undefined)
  return {
    id: Number(row[0]),
    name: String(row[1]),
    scopes: scopesOf(String(row[2])),
    createdMs: Number(row[3]),
    expiresMs: time(row[4]),
    usedMs: time(row[5]),
  }
}
