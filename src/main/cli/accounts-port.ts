/** What the commands about accounts need of the rest of main, and what they share. */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import {
  AccountError,
  type AccountFault,
  type AccountId,
  type Accounts,
  type ForeignHash,
} from '../../mail/accounts/mod.ts'
import type { Ledger } from '../../mail/logins/mod.ts'
import type { SendingLimits } from '../../mail/policy/mod.ts'
import type { Store } from '../../mail/store/mod.ts'
import { configDirectory, EX, type CliIo } from './io.ts'
import { NoPassword } from './password-prompt.ts'

/** The accounts of a configuration directory, open beside a running server. */
export interface OpenedAccounts {
  readonly accounts: Accounts
  /** What the server wrote of log-ins. */
  readonly ledger: Pick<Ledger, 'list'>
  readonly sending: Pick<SendingLimits, 'state' | 'release' | 'forget'>
  /** After an account was made: its mailboxes. */
  onCreated(account: AccountId): Promise<void>
  /** After an account was deleted: its mail. */
  onRemoved(account: AccountId): Promise<void>
  close(): void | Promise<void>
}

export type OpenAccounts = (directory: string) => Promise<OpenedAccounts>

/** The same with its mailboxes. */
export interface OpenedStore extends OpenedAccounts {
  readonly store: Store
}

export type OpenStore = (directory: string) => Promise<OpenedStore>

/** The command line is wrong; `message` says how, the usage follows. */
export class UsageError extends Error {}

/** node:util's parseArgs, its complaints as UsageError. */
export function parseWords<const O extends ParseArgsOptionsConfig>(
  argv: readonly string[],
  options: O,
): { values: Values<O>; words: string[] } {
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true })
    return { values: values as Values<O>, words: positionals } // as parseArgs says, whose own type resolves only for literals
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

type Values<O extends ParseArgsOptionsConfig> = {
  readonly [N in keyof O]?: O[N]['type'] extends 'boolean' ? boolean : string
}

/** Exit codes of sysexits(3) by what went wrong. */
const EXITS: Readonly<Record<AccountFault, number>> = {
  exists: EX.cantCreat,
  'no-such-account': EX.noUser,
  'no-such-domain': EX.noUser,
  'domain-in-use': EX.unavailable,
  'local-domain': EX.dataErr,
  'bad-address': EX.dataErr,
  'bad-password': EX.dataErr,
  'wrong-key': EX.config,
}

/** Runs a command's work on the accounts of `directory` (-c) and turns what is expected to fail into messages. */
export async function withAccounts<O extends OpenedAccounts>(
  command: string,
  io: CliIo,
  open: (directory: string) => Promise<O>,
  directory: string | undefined,
  work: (opened: O) => Promise<number>,
): Promise<number> {
  try {
    const opened = await open(configDirectory(directory, io))
    try {
      return await work(opened)
    } finally {
      await opened.close()
    }
  } catch (error) {
    if (error instanceof AccountError) {
      io.err(`${command}: ${error.message}\n`)
      return EXITS[error.fault]
    }
    if (error instanceof NoPassword) {
      io.err(`${command}: ${error.message}\n`)
      return EX.dataErr
    }
    throw error
  }
}

/** Makes an account with its mailboxes; without those it is taken back. */
export async function createAccount(
  opened: OpenedAccounts,
  place: { readonly localPart: string; readonly domain: string },
  password: string | ForeignHash,
  options: { readonly quotaOctets?: number; readonly realmOnly?: boolean } = {},
): Promise<void> {
  const account = await opened.accounts.add(place.localPart, place.domain, password, options)
  try {
    await opened.onCreated(account.id)
  } catch (error) {
    await opened.accounts.remove(account.id)
    throw error
  }
}
