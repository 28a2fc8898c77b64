/**
 * One IMAP session: a command at a time is read, run, answered. What changed meanwhile is told before the tagged answer.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { publish } from '#src/base/mod.ts'
import { type Comparator, Cursor, ImapError, printSet, type Rights } from '../../formats/imap/mod.ts'
import { type Collation, COLLATIONS, unicodeCasemap, UNMARKED } from '../../formats/message/mod.ts'
import { type SaslBackend, type SaslExchange, type SaslIdentity, usableMechanisms } from '../../formats/sasl/mod.ts'
import { LogBrokenError } from '../../io/blobs/mod.ts'
import type { Connection } from '../../io/net/mod.ts'
import { saslChannel } from '../../mail/accounts/mod.ts'
import type { Visit } from '../../mail/logins/mod.ts'
import { type Delta, type Selected, ViewLostError } from '../../mail/store/mod.ts'
import { capabilitiesOf } from './capabilities.ts'
import { type Command, readCommand } from './command-reader.ts'
import { CommandRest } from './command-rest.ts'
import { commands, type Row } from './commands/mod.ts'
import { SearchContexts } from './contexts.ts'
import type { ImapdDeps } from './deps.ts'
import { Bye, knownError } from './errors.ts'
import { filterOf } from './commands/metadata.ts'
import type { ImapdEvent } from './events.ts'
import { Input, LineTooLong } from './input.ts'
import { MetadataNews } from './metadata-news.ts'
import { News } from './news.ts'
import type { Notifications } from './notifications.ts'
import { Output } from './output.ts'
import { Asides, goesAside, Running, Turns } from './pipeline.ts'
import { flagsLine, flagsLines } from './printing.ts'
import { withProgress } from './progress.ts'
import { saysUrlMech } from './url-auth.ts'

const LONGEST_DELAY_MS = 16_000

const BANNED = '[UNAVAILABLE] Too many failed log-ins from your network: try again later'

/** What a command answers that has said its tagged answer itself. */
const ANSWERED = ''
/** What is answered for a search that goes on by itself. */
const LEFT = Symbol('left')

/** Whether expunges may be told, and whether flags come with UIDs. */
interface Telling {
  readonly expunges: boolean
  readonly uids: boolean
  /** Whatever NOTIFY says: the client itself has removed messages. */
  readonly always?: boolean
}

export class Session {
  readonly deps: ImapdDeps
  readonly connection: Connection
  readonly input: Input
  readonly output: Output
  /** Undefined before a log-in. */
  account: number | undefined
  user = ''
  selected: Selected | undefined
  /** What the user may do with the selected mailbox, as of the command in progress. */
  rights: Rights = ''
  /** ENABLEd or implied: names go in UTF-8, answers in rev2's form. */
  rev2 = false
  utf8 = false
  /** The client says names with imapd_uw_prefix in front. */
  uwNames = false
  condstore = false
  /** Expunges are told by UID, as VANISHED (RFC 7162 §3.2.3). */
  qresync = false
  /** Messages are named by UID alone (RFC 9586). */
  uidOnly = false
  /** The command that was read last. */
  running: Running
  /** What COMPARATOR chose (RFC 5255 §4.7). */
  chosen: Comparator | undefined
  /** Searches whose results are kept up to date (RFC 5267 §4.3). */
  readonly contexts: SearchContexts
  readonly metadataNews: MetadataNews
  /** Since NOTIFY; undefined: news are told during commands, and of the selected mailbox alone. */
  notifications: Notifications | undefined
  readonly news: News
  /** UIDs of the last SEARCH with SAVE (RFC 5182). */
  saved: readonly number[] = []
  /** MODSEQ of the selected mailbox's key for URLs, as far as the client knows. */
  keyTold = 0
  readonly #turns = new Turns()
  readonly #asides = new Asides()
  #unfollow: (() => void) | undefined
  /** The selected mailbox's counter when rights were looked at. */
  #looked = -1
  #telling: Promise<void> = Promise.resolve()
  #badInARow = 0
  #failures = 0
  /** What had been written when the client was heard last. */
  #octetsOut = 0
  #reason = ''
  readonly #gone = new AbortController()
  /** Of the clock that never jumps. */
  #strangerSince: number
  readonly #visit: Visit | undefined

  constructor(deps: ImapdDeps, connection: Connection) {
    this.deps = deps
    this.connection = connection
    this.#strangerSince = deps.clock.monotonic()
    this.#visit = deps.door?.visit(() => this.client)
    this.input = new Input(connection)
    this.output = new Output(connection)
    this.contexts = new SearchContexts(this)
    this.metadataNews = new MetadataNews(this)
    this.news = new News(this)
    this.running = new Running(this, this.#turns)
  }

  async run(): Promise<void> {
    this.connection.attach({
      data: (chunk) => {
        this.#armTimer()
        this.input.push(chunk)
      },
      end: () => this.#lost(),
      idle: () => this.#idled(),
    })
    this.#armTimer()
    publish<ImapdEvent>({ event: 'imapd.connect', ...this.client })
    if ((await this.#visit?.isBanned()) === true) this.bye(BANNED)
    else if ((await this.#visit?.entered()) === false) this.bye('Too many connections that have not logged in')
    else this.output.line(`* OK [CAPABILITY ${capabilitiesOf(this).join(' ')}] ${this.deps.hostname} Postigo ready`)
    try {
      while (this.#reason === '') {
        void this.output.flush()
        const command = await readCommand(this)
        if (command === undefined) break
        if (command !== 'refused') await this.#next(command)
        else await this.output.flush()
      }
    } catch (error) {
      this.#endedBy(error)
    }
    await this.#asides.ended()
    this.#finish()
  }

  /** Runs a command when those before it have answered, or beside them where that makes no difference (RFC 9051 §5.5). */
  async #next(command: Command): Promise<void> {
    if (!this.#asides.empty) await this.#asides.roomFor(command.octets)
    const running = new Running(this, this.#turns)
    let aside: Promise<void> | undefined
    try {
      await running.turn()
      this.running = running
      ;({ aside } = await this.#command(command, running))
    } finally {
      if (aside === undefined) await running.end()
    }
    // It is left to itself when the client has sent more.
    if (aside !== undefined) await Promise.race([aside, this.input.waiting()])
  }

  get client(): { address: string; port: number; localAddress: string; tls: string | undefined } {
    const { remote, local, tls } = this.connection
    return { address: remote.address, port: remote.port, localAddress: local.address, tls: tls?.protocol }
  }

  get mayLogIn(): boolean {
    return this.connection.tls !== undefined || !this.deps.cf.imapd_tls_auth_only
  }

  /** Those to offer here and now. */
  get mechanisms(): string[] {
    return usableMechanisms(this.deps.mechanisms, saslChannel(this.connection))
  }

  /** The tag of the command in progress. */
  get tag(): string {
    return this.running.tag
  }

  /** BYE was said, or nobody listens. */
  get isOver(): boolean {
    return this.#reason !== ''
  }

  get signal(): AbortSignal {
    return this.#gone.signal
  }

  /** The one that is in use where no other was chosen (RFC 5255 §4.2). */
  get defaultCollation(): Collation {
    const name = this.deps.cf.imapd_default_comparator
    return [...COLLATIONS, UNMARKED].find((one) => one.name === name) ?? unicodeCasemap
  }

  get comparator(): Comparator {
    return this.chosen ?? { collation: this.defaultCollation, descending: false }
  }

  /** The account; the command table lets none through before a log-in. */
  get owner(): number {
    if (this.account === undefined) throw new ImapError('BAD', 'Log in first')
    return this.account
  }

  /** Whether `imapd_admin_users` names the account. */
  get isAdmin(): boolean {
    const { accounts, cf } = this.deps
    return cf.imapd_admin_users.some((name) => accounts.find(name)?.id === this.owner)
  }

  /** The selected mailbox; the command table lets none through without one. */
  get mailbox(): Selected {
    if (this.selected === undefined) throw new ImapError('BAD', 'No mailbox selected')
    return this.selected
  }

  /** What one log-in is checked by. */
  get backend(): SaslBackend {
    return this.#visit?.watch(this.deps.backend) ?? this.deps.backend
  }

  /** An exchange whose outcome is told as late as a guess's must be. */
  slowed(exchange: SaslExchange | undefined): SaslExchange | undefined {
    return exchange && (this.#visit?.slow(exchange) ?? exchange)
  }

  loggedIn(identity: SaslIdentity, method: string): void {
    if (identity.accountId === undefined) {
      throw new ImapError('NO', `${identity.username} may send mail here, and has no mailbox`, {
        code: 'AUTHORIZATIONFAILED',
      })
    }
    this.account = identity.accountId
    this.user = identity.username
    this.input.trust()
    this.#armTimer()
    this.#visit?.succeeded(identity, method, () => this.bye('Your log-in holds no longer'))
    publish<ImapdEvent>({ event: 'imapd.login', ...this.client, user: this.user, method })
  }

  /** Notes a failed log-in, waits longer with each, and makes the error to throw. */
  async failedLogIn(user: string, method: string, reason: string, temporary: boolean): Promise<ImapError> {
    publish<ImapdEvent>({ event: 'imapd.auth_failed', ...this.client, user, method, reason })
    if (temporary) return new ImapError('NO', 'Authentication is not possible just now', { code: 'UNAVAILABLE' })
    if ((await this.#visit?.failed(method, reason)) === true) throw new Bye(BANNED)
    await this.waitAfterFailure()
    return new ImapError('NO', 'Authentication failed', { code: 'AUTHENTICATIONFAILED' })
  }

  /** Who tries what does not open waits, longer each time. */
  async waitAfterFailure(): Promise<void> {
    const delay = Math.min(LONGEST_DELAY_MS, this.deps.cf.imapd_auth_failure_delay * 2 ** this.#failures++)
    await sleep(delay, undefined, { signal: this.signal }).catch(() => {})
  }

  /** RFC 5466. */
  filter(name: string): Buffer | undefined {
    return filterOf(this, name)
  }

  /** NOTIFY watches the user's own account; a selected mailbox may be another's. */
  opened(selected: Selected, rights: Rights): void {
    this.selected = selected
    this.rights = rights
    this.#looked = -1
    if (selected.account !== this.owner)
      this.#unfollow = selected.onChange(() => {
        if (this.notifications?.ofSelected !== undefined) this.news.come()
      })
  }

  close(): void {
    this.#unfollow?.()
    this.#unfollow = undefined
    this.selected?.close()
    this.selected = undefined
    this.saved = []
    this.contexts.clear()
  }

  /** RFC 8437: as after the greeting, but for TLS. What was enabled is enabled no more. */
  unauthenticate(): void {
    this.close()
    this.metadataNews.end()
    this.notifications?.end()
    this.notifications = undefined
    this.#visit?.left()
    this.#strangerSince = this.deps.clock.monotonic()
    this.account = undefined
    this.user = ''
    this.chosen = undefined
    this.rev2 = this.utf8 = this.uwNames = this.condstore = this.qresync = this.uidOnly = false
  }

  /** Ends the session after what is gathered has left. */
  bye(text: string): void {
    if (this.#reason !== '') return
    this.#reason = text
    this.output.line(`* BYE ${text}`)
    void this.output.flush()
    this.#gone.abort()
    this.input.end()
  }

  /** The go-ahead is the tagged answer itself; what came in plain behind the command is dropped (RFC 9051 §6.2.1). */
  async startTls(): Promise<string> {
    this.input.clear()
    this.output.line(`${this.tag} OK Begin TLS negotiation now`)
    await this.output.flush()
    await this.connection.drained()
    try {
      await this.connection.startTls()
    } catch {
      throw new Bye('TLS handshake failed')
    }
    this.input.clear()
    return ANSWERED
  }

  /** The tagged answer is the last that goes plain; what came behind the command is deflated (RFC 4978 §3). */
  async compress(text: string): Promise<string> {
    this.output.line(`${this.tag} OK ${text}`)
    await this.output.flush()
    this.connection.deflate(this.input.takeRest())
    return ANSWERED
  }

  /** The tagged answer is the last that goes deflated (RFC 8437 §2). */
  async stopCompression(text: string): Promise<string> {
    this.output.line(`${this.tag} OK ${text}`)
    await this.output.flush()
    await this.connection.stopDeflate()
    return ANSWERED
  }

  /** LOGOUT: the tagged answer still comes. */
  leave(): void {
    this.#reason = 'Logged out'
  }

  /** Takes in what happened in the selected mailbox and tells it, once all that was to be told before is: numbers move with it. */
  tell(options: Telling): Promise<void> {
    const tell = (): Promise<void> => this.#tell(options)
    return (this.#telling = this.#telling.then(tell, tell))
  }

  /** Resolves when all that was to be told is, or could not be. */
  get told(): Promise<void> {
    return this.#telling.catch(() => {})
  }

  async #tell(options: Telling): Promise<void> {
    const { notifications, selected } = this
    notifications?.tell()
    this.metadataNews.tell()
    if (selected?.stale !== true) return // the session's own changes make it stale too
    if (notifications !== undefined && notifications.ofSelected === undefined && options.always !== true) return
    this.#checkRights()
    this.#tellKey(selected)
    const uidNext = selected.uidNext
    const delta = await selected.refresh({ expunges: options.expunges && !this.#turns.isSought })
    this.contexts.expunged(delta)
    this.tellDelta(selected, delta, options.uids)
    await this.contexts.update(selected)
    await this.news.fetchArrived(selected, uidNext)
  }

  /** RFC 4314 §5.1.1: who may no longer read hears BYE, for clients make little of NO; other changes are told as flags. */
  #checkRights(): void {
    const { selected, deps, rights: before } = this
    if (selected === undefined || this.#hasLooked(selected)) return
    if (selected.account !== this.account) this.#checkAccount()
    const now = deps.store.rightsById(selected, this.owner)
    if (now === undefined || now === before) return
    if (!now.includes('r')) throw new Bye('You may no longer read the selected mailbox')
    this.rights = now
    for (const line of flagsLines(this, selected)) this.output.line(line)
  }

  /** What all may see is not for who was removed meanwhile. */
  #checkAccount(): void {
    if (this.account !== undefined && this.deps.accounts.byId(this.account) === undefined)
      throw new Bye('The account is gone')
  }

  /** RFC 4467 §7: the mailbox, an own one, got another key. */
  #tellKey({ account, mailbox }: Selected): void {
    if (!saysUrlMech(this) || account !== this.owner) return
    const modSeq = this.deps.store.urlKeyModSeq(mailbox)
    if (modSeq > this.keyTold) this.output.line('* OK [URLMECH INTERNAL] The mailbox has another key')
    this.keyTold = modSeq
  }

  /** An owner's rights change with his account; those of others may do so by a command beside the server. */
  #hasLooked({ account, changes }: Selected): boolean {
    if (account !== this.account) return false
    const looked = this.#looked === changes
    this.#looked = changes
    return looked
  }

  tellDelta(selected: Selected, delta: Delta, asked: boolean): void {
    const uids = asked || this.notifications !== undefined // RFC 5465 §5.1
    if (!this.qresync && !this.uidOnly) for (const seq of delta.expunged) this.output.line(`* ${seq} EXPUNGE`)
    else if (delta.expungedUids.length > 0) this.output.line(`* VANISHED ${printSet(delta.expungedUids)}`)
    else if (delta.expunged.length > 0) this.output.line(`* VANISHED 1:${selected.uidNext - 1}`) // it was deleted
    if (delta.exists !== undefined) {
      this.output.line(`* ${delta.exists} EXISTS`)
      if (!this.rev2) this.output.line(`* ${delta.recent} RECENT`)
    }
    if (this.notifications?.ofSelected?.flags === false) return
    for (const seq of delta.changed) this.output.line(flagsLine(this, selected, seq, uids))
  }

  /** The continuation request; what else is gathered goes first. */
  async goAhead(text = 'OK'): Promise<void> {
    if (this.notifications !== undefined) await this.told
    this.output.line(`+ ${text}`)
    await this.output.flush()
  }

  /** Answers a search that goes on by itself, once its client is told what it may be told before. */
  async #command({ octets, literal }: Command, running: Running): Promise<{ readonly aside?: Promise<void> }> {
    const cursor = new Cursor(octets)
    const rest = new CommandRest(this, cursor, literal)
    let row: Row | undefined
    let found: Promise<string | void> | undefined
    await this.#guarded(
      running,
      () => row,
      () =>
        this.#orSwallow(rest, async () => {
          row = await this.#prepared(cursor, running)
          const { run, isLong } = row
          const isLeft = goesAside(row, octets)
          if (isLeft) running.leave()
          const work = isLong === true ? withProgress(this, () => run(this, cursor, rest)) : run(this, cursor, rest)
          if (!isLeft) return work
          found = Promise.resolve(work)
          return LEFT
        }),
    )
    if (found === undefined) return {}
    const aside = this.#aside(running, row, found)
    this.#asides.add(aside)
    return { aside }
  }

  async #aside(running: Running, row: Row | undefined, found: Promise<string | void>): Promise<void> {
    try {
      await this.#guarded(
        running,
        () => row,
        () => found,
      )
    } catch (error) {
      this.#endedBy(error)
    }
    await running.end()
  }

  /** The row of a command that may be run here, after what is to be told before it. */
  async #prepared(cursor: Cursor, running: Running): Promise<Row> {
    running.tag = cursor.takeTag()
    cursor.takeSpace()
    let name = cursor.takeAtom().toUpperCase()
    if (name === 'UID') {
      cursor.takeSpace()
      name = `UID ${cursor.takeAtom().toUpperCase()}`
    }
    const row = commands.get(name)
    if (row === undefined) throw new ImapError('BAD', `Unknown command ${name}`)
    this.#checkState(row)
    this.#checkAccount()
    // ESEARCH may be of the selected mailbox too; what NOTIFY keeps silent about is not looked at by `tell`.
    if (row.state === 'selected' || row.tellsFirst === true) this.#checkRights()
    if (row.tellsFirst === true) await this.tell({ expunges: row.expunges === true, uids: name.startsWith('UID ') })
    return row
  }

  /** What was refused may be coming all the same. */
  async #orSwallow<T>(rest: CommandRest, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      await rest.swallow()
      throw error
    }
  }

  #checkState({ state, byNumber }: Row): void {
    const now =
      this.account === undefined ? 'not-authenticated' : this.selected === undefined ? 'authenticated' : 'selected'
    if (state === 'any' || state === now || (state === 'authenticated' && now === 'selected')) {
      if (byNumber === true && this.uidOnly)
        throw new ImapError('BAD', 'Messages are named by UID here', { code: 'UIDREQUIRED' })
      return
    }
    if (now === 'not-authenticated') throw new ImapError('BAD', 'Log in first')
    throw new ImapError('BAD', state === 'selected' ? 'No mailbox selected' : 'Already logged in')
  }

  /** The one place that turns errors into tagged answers. */
  async #guarded(
    running: Running,
    row: () => Row | undefined,
    work: () => Promise<string | void | typeof LEFT> | string | void | typeof LEFT,
  ): Promise<void> {
    try {
      const text = await work()
      if (text === LEFT) return
      await this.#tellBefore(row())
      if (text !== ANSWERED) this.output.line(`${running.tag} OK ${this.#withHeld(row(), text ?? 'Done')}`)
      this.#badInARow = 0
    } catch (error) {
      await running.turn()
      await this.#refuse(running.tag, error, row())
    }
  }

  /** RFC 5530 §3, EXPUNGEISSUED: what may not be told now. RFC 9738 §3.1: MESSAGELIMIT gives way to it, others do not. */
  #withHeld(row: Row | undefined, text: string): string {
    if (row?.expunges !== false || this.selected?.expungesHeld !== true) return text
    const [, limit, rest = text] = /^(\[MESSAGELIMIT [^\]]*\]) (.*)$/.exec(text) ?? []
    if (limit !== undefined) this.output.line(`* NO ${limit} ${rest}`)
    return rest.startsWith('[') ? rest : `[EXPUNGEISSUED] ${rest}`
  }

  async #tellBefore(row: Row | undefined): Promise<void> {
    const expunges = row === undefined || row.expunges !== false
    await this.tell({ expunges, uids: row?.uid === true, always: row?.removes === true })
  }

  async #refuse(tag: string, error: unknown, row: Row | undefined): Promise<void> {
    if (error instanceof Bye || error instanceof ViewLostError || error instanceof LineTooLong) throw error
    if (error instanceof LogBrokenError) {
      // Whether the message was kept is not known: the client hears nothing (rule 4 of the log).
      this.connection.destroy()
      throw new Bye('The message log is broken')
    }
    const known = knownError(error)
    if (known.code === 'SERVERBUG' || known.code === 'CORRUPTION')
      publish<ImapdEvent>({ event: 'imapd.defect', ...this.client, error })
    if (known.status === 'NO') await this.#tellBefore(row)
    this.output.line(`${tag} ${known.line}`)
    if (known.status === 'BAD' && ++this.#badInARow >= this.deps.cf.imapd_error_limit) this.bye('Too many errors')
  }

  #endedBy(error: unknown): void {
    if (error instanceof LineTooLong) {
      this.output.line('* BAD Command line too long')
      this.bye('Command line too long')
    } else if (error instanceof Bye || error instanceof ViewLostError) {
      if (error.cause !== undefined) publish<ImapdEvent>({ event: 'imapd.defect', ...this.client, error: error.cause })
      this.bye(error.message)
    } else {
      publish<ImapdEvent>({ event: 'imapd.defect', ...this.client, error })
      this.bye('Internal error')
    }
  }

  /** Who takes a large answer, however slowly, is not idle; who takes none of it is let go. */
  #idled(): void {
    if (!this.output.isHeldUp) return this.bye('Autologout; idle for too long')
    if (this.connection.octetsOut !== this.#octetsOut) return this.#armTimer()
    if (this.#reason === '') this.#reason = 'Client takes no answers'
    this.#gone.abort()
    this.input.end()
    this.connection.destroy() // nothing can be said amid what it does not take
  }

  #armTimer(): void {
    this.#octetsOut = this.connection.octetsOut
    const { cf, clock } = this.deps
    // Who has not logged in has so long for it, whatever is said meanwhile: one octet a minute must not hold a connection.
    const left = this.#strangerSince + cf.imapd_login_timeout - clock.monotonic()
    this.connection.idleAfter(this.account === undefined ? Math.max(1, left) : cf.imapd_idle_timeout)
  }

  #lost(): void {
    if (this.#reason === '' && this.connection.closed) this.#reason = 'Connection lost'
    this.#gone.abort()
    this.input.end()
  }

  #finish(): void {
    void this.output.flush()
    this.#visit?.left()
    this.notifications?.end()
    this.close()
    const { octetsIn, octetsOut } = this.connection
    const reason = this.#reason === '' ? 'Connection closed' : this.#reason
    publish<ImapdEvent>({ event: 'imapd.disconnect', ...this.client, user: this.user, reason, octetsIn, octetsOut })
    this.connection.end()
  }
}
