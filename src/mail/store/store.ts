/** The store of one thread over SQLite and the message log. */
import type { Clock } from '../../base/mod.ts'
import type { Rights, RightsChange } from '../../formats/imap/mod.ts'
import type { MessageLog, Replay } from '../../io/blobs/mod.ts'
import type { Db, Tx } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import { usageOf } from './account-state.ts'
import { createAnalyser } from './analyse.ts'
import { replayAppend } from './append-replay.ts'
import { annotationModSeq, annotationsOf, annotationValue, annotationsSince, setAnnotations } from './annotations.ts'
import { appendMessage, beginAppend } from './append.ts'
import type { StoreContext } from './context.ts'
import type {
  Analyser,
  Annotation,
  AnnotationChange,
  AnnotationNews,
  AnnotationsSet,
  AppendAs,
  Appending,
  AppendOptions,
  ContentOf,
  Deposit,
  Deposited,
  Grant,
  ImportedContent,
  ImportSource,
  ImportTarget,
  Limits,
  MailboxId,
  MailboxInfo,
  MailboxNews,
  MailboxStatus,
  MailboxWatch,
  Refusal,
  Selected,
  SelectOptions,
  SharedMailbox,
  SpecialUse,
  Store,
  StoredMessage,
  Undeletable,
  Undeleted,
} from './contract.ts'
import { undoCopies } from './copy-slices.ts'
import { Deposits } from './deposits.ts'
import { Dictionaries } from './dictionaries.ts'
import type { ChangeFeed } from './feed.ts'
import { KeptDates } from './kept-dates.ts'
import { KeptLetters } from './kept-letters.ts'
import { mailboxByName } from './mailbox-rows.ts'
import { MailboxWatches } from './mailbox-watch.ts'
import { listMailboxes, listSubscriptions, Mailboxes, mailboxStatus } from './mailboxes.ts'
import { canonicalName } from './names.ts'
import type { StoreSettings } from './params.ts'
import { Undelete } from './undelete.ts'
import { knownOf } from './import-entries.ts'
import { Imports } from './imports.ts'
import { deletedOctets } from './pages.ts'
import { privateReader } from './private-seen.ts'
import { previewOf } from './preview.ts'
import { isProvisioned, provision } from './provision.ts'
import { Quota } from './quota.ts'
import { renameInbox } from './rename-inbox.ts'
import { changeGrant, grantsOf, ownRights, rightsById, rightsByName, sharedWith } from './rights.ts'
import { contentReader } from './read-content.ts'
import type { ReadContent } from './search-text.ts'
import { SelectedMailbox } from './selected.ts'
import { makeUrlKey, removeUrlKeys, urlKeyModSeq, urlKeyOf } from './url-keys.ts'
import { Views } from './views.ts'

export interface StoreOptions {
  readonly db: Db
  readonly log: MessageLog
  readonly feed: ChangeFeed
  readonly clock: Clock
  readonly settings: StoreSettings
  /** What an account may have by its own setting; 0 or undefined: `account_quota_limit` and its like hold. */
  readonly quotaOf?: (account: AccountId) => Limits | undefined
  /** What is found in each message; `createAnalyser` unless a test has its own. */
  readonly analyser?: () => Analyser
}

function storeContext(options: Omit<StoreOptions, 'log' | 'analyser'>): StoreContext {
  const { db, feed, clock, settings, quotaOf } = options
  return {
    db,
    feed,
    clock,
    settings,
    dictionaries: new Dictionaries(),
    limitsOf: (account) => {
      const own = quotaOf?.(account)
      return {
        octets: Math.max(0, own?.octets || settings.account_quota_limit),
        messages: own?.messages || settings.account_message_limit,
        mailboxes: own?.mailboxes || settings.account_mailbox_limit,
      }
    },
  }
}

/** The store of this thread. Others over the same database see each other's changes by the feed. */
export function createStore(options: StoreOptions): Store {
  return new SqliteStore(storeContext(options), options)
}

/** For the log's recovery: repeats APPEND records. */
export function appendReplay(options: Omit<StoreOptions, 'log'>): Replay {
  return replayAppend(storeContext(options), options.analyser ?? createAnalyser)
}

/** At the start, before anyone else writes: COPY commands that a stop cut short are taken back. Answers how many. */
export function undoUnfinishedCopies(options: Omit<StoreOptions, 'log'>): Promise<number> {
  return undoCopies(storeContext(options))
}

class SqliteStore implements Store {
  readonly #ctx: StoreContext
  readonly #log: MessageLog
  readonly #analyser: () => Analyser
  readonly #mailboxes: Mailboxes
  readonly #deposits: Deposits
  readonly #views: Views
  readonly #dates: KeptDates
  readonly #letters = new KeptLetters()
  readonly #quota: Quota
  readonly #watches: MailboxWatches
  readonly #imports: Imports
  readonly #undelete: Undelete
  readonly #read: ReadContent

  constructor(ctx: StoreContext, { log, analyser = createAnalyser }: StoreOptions) {
    this.#ctx = ctx
    this.#log = log
    this.#read = contentReader(ctx.db, log)
    this.#analyser = analyser
    this.#mailboxes = new Mailboxes(ctx)
    this.#deposits = new Deposits(ctx)
    this.#views = new Views(ctx)
    this.#dates = new KeptDates(ctx)
    this.#quota = new Quota(ctx)
    this.#watches = new MailboxWatches(ctx)
    this.#undelete = new Undelete(ctx, this.#mailboxes, (...wanted) => this.#quota.hasRoom(...wanted))
    this.#imports = new Imports(ctx, this.#mailboxes, this.#read)
  }

  async provision(account: AccountId): Promise<void> {
    if (!isProvisioned(this.#ctx.db, account)) await this.#ctx.db.write((tx) => provision(this.#ctx, tx, account))
  }

  removeAccount(account: AccountId): Promise<void> {
    return this.#mailboxes.removeAccount(account)
  }

  mailboxes(account: AccountId): readonly MailboxInfo[] {
    return listMailboxes(this.#ctx.db.read, account)
  }

  subscriptions(account: AccountId): readonly string[] {
    return listSubscriptions(this.#ctx.db.read, account)
  }

  createMailbox(
    account: AccountId,
    name: string,
    options: { readonly specialUse?: SpecialUse } = {},
  ): Promise<MailboxInfo | Refusal> {
    return this.#mailboxes.create(account, name, options.specialUse)
  }

  deleteMailbox(account: AccountId, name: string): Promise<undefined | Refusal> {
    return this.#mailboxes.delete(account, name)
  }

  renameMailbox(account: AccountId, from: string, to: string): Promise<undefined | Refusal> {
    if (canonicalName(from) === 'INBOX') return renameInbox(this.#ctx, this.#mailboxes, account, to)
    return this.#mailboxes.rename(account, from, to)
  }

  setSubscribed(account: AccountId, name: string, subscribed: boolean, isThere = false): Promise<undefined | Refusal> {
    return this.#mailboxes.setSubscribed(account, name, subscribed, isThere)
  }

  status(account: AccountId, name: string, who = account): MailboxStatus | undefined {
    const { read } = this.#ctx.db
    return mailboxStatus(read, account, name, (row) => privateReader(this.#ctx, read, row, who))
  }

  rights(account: AccountId, name: string, who: AccountId): Rights | undefined {
    return rightsByName(this.#ctx.db.read, account, canonicalName(name), who)
  }

  rightsById(opened: Pick<Selected, 'mailbox' | 'account'>, who: AccountId): Rights | undefined {
    return rightsById(this.#ctx.db.read, opened, who)
  }

  grants(account: AccountId, name: string): readonly Grant[] | undefined {
    const row = mailboxByName(this.#ctx.db.read, account, canonicalName(name))
    return row && grantsOf(this.#ctx.db.read, row)
  }

  changeGrant(
    account: AccountId,
    name: string,
    whom: Pick<Grant, 'grantee' | 'negative'>,
    change: RightsChange | undefined,
  ): Promise<undefined | Refusal> {
    return changeGrant(this.#ctx, account, name, whom, change)
  }

  sharedWith(account: AccountId): readonly SharedMailbox[] {
    return sharedWith(this.#ctx.db.read, account)
  }

  ownRights(account: AccountId): ReadonlyMap<MailboxId, Rights> {
    return ownRights(this.#ctx.db.read, account)
  }

  annotations(account: AccountId, mailbox: string, who = account): readonly Annotation[] | undefined {
    return annotationsOf(this.#ctx.db.read, account, mailbox, who)
  }

  annotation(account: AccountId, mailbox: string, entry: string): Buffer | undefined {
    return annotationValue(this.#ctx.db.read, account, mailbox, entry)
  }

  setAnnotations(
    account: AccountId,
    mailbox: string,
    changes: readonly AnnotationChange[],
    who = account,
  ): Promise<AnnotationsSet | Refusal> {
    return setAnnotations(this.#ctx, account, mailbox, changes, who)
  }

  urlKey(account: AccountId, mailbox: string): Buffer | undefined {
    return urlKeyOf(this.#ctx.db.read, account, mailbox)
  }

  makeUrlKey(account: AccountId, mailbox: string, anew: boolean): Promise<Buffer | Refusal> {
    return makeUrlKey(this.#ctx, account, mailbox, anew)
  }

  removeUrlKeys(account: AccountId): Promise<void> {
    return removeUrlKeys(this.#ctx, account)
  }

  urlKeyModSeq(mailbox: MailboxId): number {
    return urlKeyModSeq(this.#ctx.db.read, mailbox)
  }

  annotationModSeq(account: AccountId): number {
    return annotationModSeq(this.#ctx.db.read, account)
  }

  annotationsSince(account: AccountId, modSeq: number): readonly AnnotationNews[] {
    return annotationsSince(this.#ctx.db.read, account, modSeq)
  }

  changedElsewhere(account: AccountId): void {
    this.#ctx.feed.changed(account)
  }

  onChange(account: AccountId, wake: () => void): () => void {
    return this.#ctx.feed.watch(account, wake)
  }

  watchMailboxes(
    account: AccountId,
    names: readonly string[] | undefined,
    told: (news: MailboxNews) => void,
  ): MailboxWatch {
    return this.#watches.watch(account, names?.map(canonicalName), told)
  }

  async select(account: AccountId, name: string, options: SelectOptions): Promise<Selected | Refusal> {
    await this.provision(account) // an account that was made while no server ran has no mailboxes yet
    const row = mailboxByName(this.#ctx.db.read, account, canonicalName(name))
    if (row === undefined || !row.selectable) return { refused: 'NONEXISTENT', text: 'No such mailbox' }
    const parts = {
      views: this.#views,
      quota: this.#quota,
      dates: this.#dates,
      letters: this.#letters,
      read: this.#read,
    }
    const selected = new SelectedMailbox(this.#ctx, parts, row, options)
    await selected.claimed()
    return selected
  }

  analyser(): Analyser {
    return this.#analyser()
  }

  preview(message: StoredMessage): string {
    return previewOf(message, this.#read)
  }

  read(message: ContentOf, from: number, to: number): Buffer {
    return this.#read(message, from, to)
  }

  hasRoom(account: AccountId, octets: number): boolean {
    return this.#quota.hasRoom(account, octets, 1)
  }

  limits(account: AccountId): Limits {
    return this.#quota.limitsOf(account)
  }

  deletedOctets(account: AccountId, name: string): number {
    const row = mailboxByName(this.#ctx.db.read, account, canonicalName(name))
    return row === undefined || row.deleted === 0 ? 0 : deletedOctets(this.#ctx.db.read, row.id)
  }

  usage(account: AccountId): { readonly octets: number; readonly messages: number } {
    return usageOf(this.#ctx.db.read, account)
  }

  deposit(tx: Tx, deposit: Deposit): Deposited | undefined {
    return this.#deposits.deliver(tx, deposit)
  }

  openImport(account: AccountId, source: ImportSource): Promise<ImportTarget | Refusal> {
    return this.#imports.open(account, source)
  }

  importedFrom(id: number, after: string): readonly string[] {
    return knownOf(this.#ctx.db.read, id, after)
  }

  undeletable(account: AccountId, sinceMs: number): readonly Undeletable[] {
    return this.#undelete.list(account, sinceMs)
  }

  undelete(account: AccountId, mailbox: MailboxId, sinceMs: number): Promise<Undeleted | Refusal> {
    return this.#undelete.bringBack(account, mailbox, sinceMs)
  }

  finishImport(id: number, uidNext?: number): Promise<undefined | Refusal> {
    return this.#imports.finish(id, uidNext)
  }

  importedContent(id: number): Promise<ImportedContent> {
    return this.#imports.content(id)
  }

  beginAppend(account: AccountId, mailbox: string, as: AppendAs = {}): Appending | Refusal {
    const parts = { log: this.#log, deposits: this.#deposits, quota: this.#quota, analyser: this.#analyser }
    return beginAppend(this.#ctx, parts, account, mailbox, as)
  }

  append(
    account: AccountId,
    mailbox: string,
    content: AsyncIterable<Buffer> | Iterable<Buffer>,
    options: AppendOptions,
  ): Promise<Deposited | Refusal> {
    return appendMessage(this.beginAppend(account, mailbox), content, options)
  }
}
