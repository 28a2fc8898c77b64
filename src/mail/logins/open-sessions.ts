/**
 * Sessions that are logged in, of one thread: whoever's account was disabled or deleted, or whose application password was
 * removed or has run out, is let go within a second.
 */
import { publish } from '../../base/mod.ts'
import type { LoginsEvent } from './events.ts'
import type { AccountId, Accounts } from '../accounts/mod.ts'

const LOOK_MS = 400
/** Whether one has run out is looked at less often. */
const LOOKS_TO_EXPIRY = 10

export interface OpenSession {
  readonly account: AccountId
  /** Of the application password that it was opened with. */
  readonly appPassword: number | undefined
  /** Says a word and ends it. */
  readonly end: () => void
}

export class OpenSessions {
  readonly #accounts: () => Pick<Accounts, 'generation' | 'byId' | 'appPasswords'>
  readonly #sessions = new Set<OpenSession>()
  #timer: NodeJS.Timeout | undefined
  #generation = -1
  #looks = 0

  constructor(accounts: () => Pick<Accounts, 'generation' | 'byId' | 'appPasswords'>) {
    this.#accounts = accounts
  }

  /** Answers what is called when the session has ended or logged out. */
  add(session: OpenSession): () => void {
    this.#sessions.add(session)
    this.#generation = -1 // what changed while it logged in is looked at too
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS).unref()
    return () => {
      this.#sessions.delete(session)
      if (this.#sessions.size === 0) this.close()
    }
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** A database that cannot be asked now is asked the next time. */
  #look(): void {
    try {
      this.look()
    } catch (error) {
      publish<LoginsEvent>({ event: 'logins.failed', error })
    }
  }

  /** Lets go who may stay no longer. */
  look(): void {
    const accounts = this.#accounts()
    const { generation } = accounts
    const isChanged = generation !== this.#generation
    this.#generation = generation
    const isTime = ++this.#looks % LOOKS_TO_EXPIRY === 0
    if (!isChanged && !isTime) return
    for (const session of this.#sessions) {
      if (!isChanged && session.appPassword === undefined) continue
      if (mayStay(accounts, session)) continue
      this.#sessions.delete(session)
      session.end()
    }
  }
}

function mayStay(accounts: Pick<Accounts, 'byId' | 'appPasswords'>, { account, appPassword }: OpenSession): boolean {
  const found = accounts.byId(account)
  if (found === undefined || found.disabled) return false
  return appPassword === undefined || accounts.appPasswords.holds(account, appPassword)
}
