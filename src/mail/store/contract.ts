/**
 * What other rooms see of the store: mailboxes, messages, views, changes. One contract for every engine.
 * Mailbox names here are UTF-8 with `/` between levels; `INBOX` in capitals. Flags are IMAP's words (`\Seen`,
 * `$Forwarded`); system flags are matched without regard to case, keywords kept as first written.
 */
import type { Position } from '../../io/blobs/mod.ts'
import type { Tx } from '../../io/db/mod.ts'
import type { Rights, RightsChange, SearchKey, SortCriterion, ThreadAlgorithm } from '../../formats/imap/mod.ts'
import type { Collation } from '../../formats/message/mod.ts'
import type { AccountId } from '../accounts/mod.ts'

export type MailboxId = number
/** An account, or ANYONE or AUTHENTICATED. */
export type Grantee = number

/** An entry of an access control list. RFC 4314. */
export interface Grant {
  readonly grantee: Grantee
  /** What is denied, whoever else grants it: `-identifier`. */
  readonly negative: boolean
  readonly rights: Rights
}

/** A mailbox of another account on which somebody has some right. */
export interface SharedMailbox {
  readonly id: MailboxId
  readonly account: AccountId
  readonly objectId: string
  readonly name: string
  readonly selectable: boolean
  readonly rights: Rights
  /** The highest MODSEQ that this account sees in it: the same means that nothing changed. */
  readonly modSeq: number
}

export type SpecialUse = '\\All' | '\\Archive' | '\\Drafts' | '\\Flagged' | '\\Junk' | '\\Sent' | '\\Trash'

export interface MailboxInfo {
  readonly id: MailboxId
  /** MAILBOXID of RFC 8474: stays through renames, and is never given again. */
  readonly objectId: string
  readonly name: string
  readonly subscribed: boolean
  readonly specialUse: SpecialUse | undefined
  readonly hasChildren: boolean
  /** False for a name that only has children (RFC 3501 §6.3.4: deleted while it had inferior names). */
  readonly selectable: boolean
}

export interface MailboxStatus {
  readonly id: MailboxId
  readonly objectId: string
  readonly uidValidity: number
  readonly uidNext: number
  readonly messages: number
  readonly unseen: number
  readonly deleted: number
  readonly recent: number
  readonly sizeOctets: number
  readonly highestModSeq: bigint
}

/** Computed once, while the octets pass by; the same for ever for the same octets. */
export interface MessageFacts {
  /** ENVELOPE as IMAP prints it, parentheses included. */
  readonly envelope: Buffer
  /** BODYSTRUCTURE with extension data as IMAP prints it. */
  readonly bodyStructure: Buffer
  /** Raw header lines of the fields that clients list by, CRLF included, in message order. */
  readonly listedFields: Buffer
  /** The MIME tree with octet offsets into the slice, packed (formats/message). */
  readonly parts: Buffer
  /** Some header section is not ASCII. */
  readonly rawHeaders: boolean
  /** Message-ID without brackets, `''` where there is none; for the log and for threads. */
  readonly messageId: string
  /** What ties it to its conversation: thread-keys.ts. */
  readonly threadKeys: readonly number[]
  /** Date: field in ms since 1970, NaN where there is none that can be read. */
  readonly sentMs: number
}

/** Takes a message's octets as they come. */
export interface Analyser {
  push(chunk: Buffer): void
  end(): MessageFacts
}

/** Asks for one mailbox entry; used by intake (delivery), by replay, and for APPEND. */
export interface Deposit {
  readonly account: AccountId
  /** Mailbox name; INBOX when it is gone, for delivered mail is not lost. Created when `create` and missing. */
  readonly mailbox: string
  readonly create?: boolean
  readonly recordId: Buffer
  readonly at: Position
  /** Header lines in front of the slice (Return-Path, Delivered-To), CRLF included; may be empty. */
  readonly prefix: Buffer
  readonly facts: MessageFacts
  readonly flags: readonly string[]
  readonly internalDateMs: number
  /** Whose \Seen the flag is; undefined: the mailbox's. */
  readonly reader?: AccountId | undefined
  /** When it came into the mailbox (RFC 8514); now, when undefined. */
  readonly savedMs?: number | undefined
  readonly imported?: Imported | undefined
}

/** What a message keeps of where it was before, and how it is known not to be taken in twice. */
export interface Imported {
  /** `ImportTarget.id`. */
  readonly source: number
  /** Tells it from the source's other messages. */
  readonly known: string
  /** Kept where the mailbox has not given it yet. */
  readonly uid?: number | undefined
  /** What POP3 calls it. */
  readonly uidl?: string | undefined
}

/** A folder that is to be taken in. */
export interface ImportSource {
  /** The same for ever for the same folder: its path. */
  readonly source: string
  readonly mailbox: string
  /** Of the folder, where it has one. */
  readonly uidValidity?: number | undefined
}

/** Of one mailbox: messages that left it, or all that is left of a deleted one. */
export interface Undeletable {
  readonly id: MailboxId
  readonly mailbox: string
  readonly isDeleted: boolean
  readonly messages: number
  readonly octets: number
  /** When the first and the last of them left. */
  readonly fromMs: number
  readonly toMs: number
}

export interface Undeleted {
  readonly mailbox: string
  readonly messages: number
}

export interface ImportTarget {
  readonly id: number
  /** The mailbox as it will be called. */
  readonly mailbox: string
  /** Under which name `beginAppend` finds it until `finishImport`. */
  readonly takes: string
  readonly uidValidity: number
  /** How many messages of the source are in already. */
  readonly known: number
}

/** What is in the store of a source: hashes of SHA-256 over messages with LF, sorted, one a line, hashed again. */
export interface ImportedContent {
  readonly messages: number
  readonly octets: number
  readonly hash: string
}

export interface Deposited {
  readonly mailboxId: MailboxId
  readonly uidValidity: number
  readonly uid: number
  readonly modSeq: bigint
}

/** Why something was not done; an expected outcome, so a value. `code` is IMAP's response code (RFC 5530). */
export interface Refusal {
  readonly refused:
    | 'NONEXISTENT'
    | 'ALREADYEXISTS'
    | 'CANNOT'
    | 'OVERQUOTA'
    | 'LIMIT'
    | 'INUSE'
    | 'HASCHILDREN'
    | 'TRYCREATE'
    | 'USEATTR'
    | 'METADATA TOOMANY'
    | `METADATA MAXSIZE ${number}`
  readonly text: string
}

export type FlagOperation = 'add' | 'remove' | 'replace'

/** What is kept of a message beside its content, as far as it costs anything to read: `content` is where that lies. */
export type MessageColumn = 'content' | 'ids' | 'envelope' | 'bodyStructure' | 'listedFields' | 'parts' | 'sentMs'

/** One message as FETCH, SEARCH and POP3 see it: prefix + slice. */
export interface StoredMessage {
  /** Row id, unique in the store. */
  readonly id: number
  readonly recordId: Buffer
  /** The record of the conversation's first message. */
  readonly threadRecordId: Buffer
  readonly envelope: Buffer
  readonly bodyStructure: Buffer
  readonly listedFields: Buffer
  readonly parts: Buffer
  readonly prefix: Buffer
  readonly at: Position
  readonly sentMs: number
  /** RFC822.SIZE: prefix and slice. */
  readonly sizeOctets: number
}

/** Of a message, what its content is read by. */
export type ContentOf = Pick<StoredMessage, 'id' | 'prefix' | 'at' | 'sizeOctets'>

/** What SEARCH looks at. */
export type SearchedMessage = Omit<StoredMessage, 'envelope' | 'bodyStructure'>

/** What happened in a mailbox since the session was last told, in the order IMAP must say it. */
export interface Delta {
  /**
   * Sequence numbers to announce as EXPUNGE, one after the other from the lowest on, each as of the moment it is said: before all
   * of it, the one at place `i` was higher by `i`.
   */
  readonly expunged: readonly number[]
  /** UIDs of the same, ascending (for VANISHED). */
  readonly expungedUids: readonly number[]
  /** New EXISTS count, when it grew (or the caller must re-announce). */
  readonly exists: number | undefined
  readonly recent: number
  /** Sequence numbers (after the expunges) whose flags changed by someone else or differ from what was told. */
  readonly changed: readonly number[]
}

/**
 * A mailbox as one session has it selected: sequence numbers, and what the session was told. Arrays behind it are
 * shared by all sessions of the thread. `seq` is 1-based. Everything here answers as of the last `refresh`.
 */
export interface Selected {
  readonly mailbox: MailboxId
  /** Whose it is. */
  readonly account: AccountId
  readonly objectId: string
  /** As who selected it knows it: `SelectOptions.as`. */
  readonly name: string
  readonly readOnly: boolean
  /** Who selected it has a \Seen of their own, which nobody else sees. */
  readonly ownSeen: boolean
  readonly uidValidity: number
  /** UIDNEXT as of the last refresh. */
  readonly uidNext: number
  readonly highestModSeq: bigint
  /** Changes since a MODSEQ below this cannot be told exactly, after a power cut: answer in full (rule 7 of the log). */
  readonly resyncFloor: bigint
  readonly count: number
  readonly recent: number
  /** Sequence number of the first message without \Seen; 0 for none. */
  readonly firstUnseen: number
  /** Flags in use and the keywords of the mailbox, for FLAGS and PERMANENTFLAGS. */
  readonly keywords: readonly string[]

  uidAt(seq: number): number
  /** 0 when no message of the session has that UID. */
  seqOf(uid: number): number
  /** The first seq whose UID is >= uid; count + 1 when none. */
  lowerBound(uid: number): number
  flagsAt(seq: number): readonly string[]
  /** Any flag or keyword, in any case. */
  hasFlag(seq: number, flag: string): boolean
  modSeqAt(seq: number): bigint
  /** Whether the client was told the flags that `modSeqAt` is of, or gave them itself. */
  knowsFlagsAt(seq: number): boolean
  sizeAt(seq: number): number
  internalDateMsAt(seq: number): number
  /** Row id of the message, for `messages`. */
  messageIdAt(seq: number): number

  /**
   * UIDs that left the mailbox after a MODSEQ, ascending, but for those that the session still counts; undefined where
   * history does not reach so far back (`expunged_history_lifetime`, or a power cut).
   */
  expungedSince(modSeq: bigint): readonly number[] | undefined

  /**
   * Sequence numbers, ascending, of messages whose flags changed after a MODSEQ, by this session too, or whose UID is `uidNext` or
   * above: what is new to one who looked when these were the highest.
   */
  changedSince(modSeq: bigint, uidNext: number): readonly number[]

  /** Messages were removed that the session still counts, for it could not be told (RFC 5530: EXPUNGEISSUED). */
  readonly expungesHeld: boolean
  /** Compares the shared counter only: is there possibly something new? Costs nothing. */
  get stale(): boolean
  /** The counter itself: another one, and something of the account may have changed. */
  get changes(): number
  /**
   * Takes in what happened. With `expunges: false` (during FETCH, STORE, SEARCH: RFC 9051 §7.5.1) removed messages keep
   * their numbers and the session is told later. A mailbox that was deleted is seen emptied. Throws ViewLostError when
   * the session was told nothing for longer than `expunged_history_lifetime`: BYE is the only answer.
   */
  refresh(options: { readonly expunges: boolean }): Promise<Delta>
  /** Told by the change feed that something may be new; for IDLE. Returns the function that stops it. */
  onChange(wake: () => void): () => void

  /**
   * Rows for FETCH, in the order of `seqs`, in batches of at most 256; undefined where a message is gone meanwhile.
   * @param columns what will be looked at (all, when undefined); the rest is read when it is
   */
  messages(
    seqs: readonly number[],
    columns?: readonly MessageColumn[],
  ): AsyncIterable<readonly (StoredMessage | undefined)[]>

  /** What POP3 calls these messages, which is far less to read; undefined where one is gone meanwhile. */
  uidlsOf(seqs: readonly number[]): readonly (string | undefined)[]
  /** Those that have header sections that are not ASCII; few, and found without a look at the others. */
  withRawHeaders(): ReadonlySet<number>
  /** When these came into the mailbox (RFC 8514), in ms; undefined where that is not known. */
  savedMsOf(seqs: readonly number[]): readonly (number | undefined)[]

  /** Sequence numbers that match, ascending; exactly RFC 9051 §6.4.4. @param among only these, ascending */
  search(
    key: SearchKey,
    onProgress?: (done: number, goal: number) => void,
    among?: readonly number[],
  ): Promise<readonly number[]>

  /** How relevant these messages are to the FUZZY keys of a program, 1 to 100 (RFC 6203). */
  relevancy(seqs: readonly number[], key: SearchKey): Promise<readonly number[]>
  /** The same messages in another order (RFC 5256). @param key what RELEVANCY is of */
  sort(seqs: readonly number[], criteria: readonly SortCriterion[], key?: SearchKey): Promise<readonly number[]>
  /** Threads of these messages, their first ones by date (RFC 5256). */
  threads(seqs: readonly number[], algorithm: ThreadAlgorithm, collation?: Collation): Promise<readonly Thread[]>

  /**
   * Applies a flag command to messages of this session. `unchangedSince`: RFC 7162 §3.1.3. Answers the UIDs that
   * were refused because they changed, and those of messages that are expunged, which the session still counts; own changes do not come back in the next Delta unless flags differ from what was asked.
   * Flags that `rights` do not allow to change stay as they are (RFC 4314 §4).
   */
  storeFlags(
    seqs: readonly number[],
    operation: FlagOperation,
    flags: readonly string[],
    options?: { readonly unchangedSince?: bigint; readonly silent?: boolean; readonly rights?: Rights },
  ): Promise<{
    readonly modified: readonly number[]
    readonly gone: readonly number[]
    readonly modSeq: bigint
    /** LIMIT: the mailbox has no room for more keywords; messages of earlier slices may have been changed. */
    readonly refused?: Refusal
  }>
  copy(seqs: readonly number[], target: CopyTo): Promise<Copied | Refusal>
  /** Copies and expunges in one transaction; the source's EXPUNGE follows from `refresh`. RFC 6851. */
  move(seqs: readonly number[], target: CopyTo): Promise<Copied | Refusal>
  /** Removes messages with \Deleted (all, or those among `uids`). */
  expunge(uids?: { has(uid: number): boolean }): Promise<void>
  close(): void
}

/** Where copies go. A name alone is a mailbox of the same account, with all flags. */
export type CopyTo =
  | string
  | {
      readonly account: AccountId
      readonly name: string
      /** Of who copies: flags that they do not allow are left out. */
      readonly rights: Rights
    }

/** A message and what hangs from it. */
export interface Thread {
  /** 0: siblings whose parent is not there. */
  readonly seq: number
  readonly children: readonly Thread[]
}

export interface Copied {
  readonly uidValidity: number
  /** Pairs in order: source UID, target UID. */
  readonly uids: readonly (readonly [number, number])[]
}

export interface Limits {
  readonly octets: number
  readonly messages: number
  readonly mailboxes: number
}

/** What a client noted of a mailbox or the server (RFC 5464). `entry` begins with `/private/` or `/shared/`. */
export interface Annotation {
  readonly entry: string
  readonly value: Buffer
}

export interface AnnotationChange {
  readonly entry: string
  /** undefined: to be removed. */
  readonly value: Buffer | undefined
}

export interface AnnotationsSet {
  readonly modSeq: number
  /** The mailbox that had the special use until now, which a mailbox was given (RFC 6154 §4). */
  readonly usedBefore: string | undefined
}

/** An annotation that was set or removed. */
export interface AnnotationNews {
  readonly modSeq: number
  /** `''`: the server. */
  readonly mailbox: string
  readonly entry: string
}

/** A mailbox as a look found it. */
export interface MailboxStanding {
  readonly id: MailboxId
  readonly name: string
  readonly selectable: boolean
  readonly uidValidity: number
  readonly uidNext: number
  readonly highestModSeq: number
  /** MODSEQ of the last flag change, and of the last expunge. */
  readonly changedModSeq: number
  readonly expungedModSeq: number
  readonly messages: number
  readonly unseen: number
}

/** undefined: it was not there, or is not any more. */
export interface MailboxChange {
  readonly id: MailboxId
  readonly before: MailboxStanding | undefined
  readonly after: MailboxStanding | undefined
}

export interface MailboxNews {
  readonly changes: readonly MailboxChange[]
  /** Names that were subscribed or are no more. */
  readonly subscriptions: readonly string[]
}

export interface MailboxWatch {
  /** Takes in what was committed until now, before the feed tells of it. */
  look(): void
  standing(name: string): MailboxStanding | undefined
  stop(): void
}

export interface Store {
  /** INBOX and the special-use mailboxes of a new account; harmless when they exist. */
  provision(account: AccountId): Promise<void>
  /** Everything of an account goes (account delete). */
  removeAccount(account: AccountId): Promise<void>

  /** All mailboxes of the account by name. */
  mailboxes(account: AccountId): readonly MailboxInfo[]
  /** Subscribed names, also of mailboxes that are gone (RFC 3501 §6.3.9). */
  subscriptions(account: AccountId): readonly string[]
  createMailbox(
    account: AccountId,
    name: string,
    options?: { readonly specialUse?: SpecialUse },
  ): Promise<MailboxInfo | Refusal>
  deleteMailbox(account: AccountId, name: string): Promise<undefined | Refusal>
  renameMailbox(account: AccountId, from: string, to: string): Promise<undefined | Refusal>
  /** @param isThere the mailbox is another account's and was looked for already; `name` is what this account calls it */
  setSubscribed(account: AccountId, name: string, subscribed: boolean, isThere?: boolean): Promise<undefined | Refusal>
  /** @param who whose \Seen counts; the account's, when undefined */
  status(account: AccountId, name: string, who?: AccountId): MailboxStatus | undefined

  /** What somebody may do with a mailbox; undefined: no such mailbox. Nothing else here looks at rights. RFC 4314 */
  rights(account: AccountId, name: string, who: AccountId): Rights | undefined
  /** The same of one that is open, whatever its name is by now; undefined: it was deleted. */
  rightsById(opened: Pick<Selected, 'mailbox' | 'account'>, who: AccountId): Rights | undefined
  /** The access control list, the owner first; undefined: no such mailbox. */
  grants(account: AccountId, name: string): readonly Grant[] | undefined
  /** Changes an entry of the list, or removes it. What the owner is granted replaces his having all rights. */
  changeGrant(
    account: AccountId,
    name: string,
    whom: Pick<Grant, 'grantee' | 'negative'>,
    change: RightsChange | undefined,
  ): Promise<undefined | Refusal>
  /** Mailboxes of others on which an account has some right, by owner and name. */
  sharedWith(account: AccountId): readonly SharedMailbox[]
  /** What an account may do with its own mailboxes, where their lists say something of it; all with the others. */
  ownRights(account: AccountId): ReadonlyMap<MailboxId, Rights>

  /** Of a mailbox, or of the server (`''`), by entry; undefined: no such mailbox. Entries differ by more than letter case. */
  annotations(account: AccountId, mailbox: string, who?: AccountId): readonly Annotation[] | undefined
  /** The value of one of them, without a look at the others; undefined where there is none. */
  annotation(account: AccountId, mailbox: string, entry: string): Buffer | undefined
  /** All are set and removed, or none. Answers the MODSEQ that the change got. */
  setAnnotations(
    account: AccountId,
    mailbox: string,
    changes: readonly AnnotationChange[],
    who?: AccountId,
  ): Promise<AnnotationsSet | Refusal>
  /** The key that URLs of a mailbox are authorised with (RFC 4467); undefined where it has none. */
  urlKey(account: AccountId, mailbox: string): Buffer | undefined
  /** The same, made where there is none, or anew. */
  makeUrlKey(account: AccountId, mailbox: string, anew: boolean): Promise<Buffer | Refusal>
  removeUrlKeys(account: AccountId): Promise<void>
  /** MODSEQ as of which a mailbox has its key; 0 where it has none. */
  urlKeyModSeq(mailbox: MailboxId): number
  /** MODSEQ of the newest change to an account's annotations. */
  annotationModSeq(account: AccountId): number
  /** What was set or removed since, oldest first. */
  annotationsSince(account: AccountId, modSeq: number): readonly AnnotationNews[]
  /** Another process changed something of the account: its sessions here look. */
  changedElsewhere(account: AccountId): void
  /** Calls `wake` when something of the account may have changed; answers the function that stops it. */
  onChange(account: AccountId, wake: () => void): () => void
  /**
   * Follows an account's mailboxes and subscriptions: `told` hears what differs from the look before.
   * @param names only these, and then no subscriptions
   */
  watchMailboxes(
    account: AccountId,
    names: readonly string[] | undefined,
    told: (news: MailboxNews) => void,
  ): MailboxWatch

  select(account: AccountId, name: string, options: SelectOptions): Promise<Selected | Refusal>

  analyser(): Analyser
  /** The first words of a message, as plain text (RFC 8970); `''` where there are none. */
  preview(message: StoredMessage): string
  /** Octets of a message (prefix + slice), from `from` up to `to`, at most 1 MiB a call. */
  read(message: ContentOf, from: number, to: number): Buffer

  /** Whether a message of so many octets more fits for the account; asked before the append (rule 2 of the log). */
  hasRoom(account: AccountId, octets: number): boolean
  /** What the account may have; 0 for no limit. */
  limits(account: AccountId): Limits
  /** Octets of messages with \Deleted; 0 where there is no such mailbox. */
  deletedOctets(account: AccountId, name: string): number
  usage(account: AccountId): { readonly octets: number; readonly messages: number }

  /**
   * Inside a log transaction: makes the entry. A mailbox deleted meanwhile: INBOX takes it. undefined, an entry without
   * effect: the account is gone.
   */
  deposit(tx: Tx, deposit: Deposit): Deposited | undefined
  /** A folder of elsewhere is to be taken in, or what is left of it. */
  openImport(account: AccountId, source: ImportSource): Promise<ImportTarget | Refusal>
  /** What is known of a source, in order, from behind `after`; a page at a time. */
  importedFrom(id: number, after: string): readonly string[]
  /** All of it is there: the mailbox gets its name. @param uidNext the folder's own, where it has one */
  finishImport(id: number, uidNext?: number): Promise<undefined | Refusal>
  importedContent(id: number): Promise<ImportedContent>
  /** What can be brought back of what was expunged or deleted since then, by mailbox. */
  undeletable(account: AccountId, sinceMs: number): readonly Undeletable[]
  /** Brings it back, with new UIDs. @param mailbox `id` of an `Undeletable` */
  undelete(account: AccountId, mailbox: MailboxId, sinceMs: number): Promise<Undeleted | Refusal>

  /** An APPEND of any number of messages, which may replace one. */
  beginAppend(account: AccountId, mailbox: string, as?: AppendAs): Appending | Refusal
  /** APPEND of one message: through the log, durable when it resolves. */
  append(
    account: AccountId,
    mailbox: string,
    content: AsyncIterable<Buffer> | Iterable<Buffer>,
    options: AppendOptions,
  ): Promise<Deposited | Refusal>
}

export interface SelectOptions {
  readonly readOnly: boolean
  /** Who reads it; the account itself, when undefined. */
  readonly who?: AccountId
  /** The name that `Selected.name` has; the mailbox's own, when undefined. */
  readonly as?: string
}

export interface AppendAs {
  readonly replaces?: Replaced
  /** Who appends; the account itself, when undefined. */
  readonly who?: AccountId
}

/** The message that REPLACE replaces (RFC 8508). */
export interface Replaced {
  /** Whose it is; the account of the new message, when undefined. */
  readonly account?: AccountId
  readonly mailbox: MailboxId
  readonly uid: number
  readonly sizeOctets: number
}

/** An APPEND in progress: its messages are taken one after the other, and then all are there or none. */
export interface Appending {
  /** Whether one more message of so many octets fits. */
  hasRoom(octets: number): boolean
  /** The next message. What `content` throws is thrown on; then, or refused, nothing of all of them will exist. */
  take(content: AsyncIterable<Buffer> | Iterable<Buffer>, options: AppendOptions): Promise<undefined | Refusal>
  /** Durable when it resolves: an answer for each message, in order. */
  commit(): Promise<readonly Deposited[] | Refusal>
  /** To be called at the end, also after a commit. */
  discard(): void
}

export interface AppendOptions {
  readonly sizeOctets: number
  readonly flags: readonly string[]
  /** Now, when undefined. */
  readonly internalDateMs?: number | undefined
  /** Done in the transaction that makes the entry, if it is made. Replay after a power cut knows nothing of it. */
  readonly also?: (tx: Tx) => void
  readonly imported?: Imported | undefined
}
