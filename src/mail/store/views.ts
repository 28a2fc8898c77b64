/** The views of a thread under `view_memory_limit`: the least recently used are put away, those without sessions first. */
import type { Reader, Tx } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import type { StoreContext } from './context.ts'
import type { MailboxId } from './contract.ts'
import { mailboxById, type MailboxRow } from './mailbox-rows.ts'
import { pageFrom, pageHolding } from './pages.ts'
import { rowAsSeenBy } from './private-seen.ts'
import { type Told, View } from './view.ts'

export class Views {
  readonly #ctx: StoreContext
  /** In order of use, the least recent first; by `keyOf`. */
  readonly #views = new Map<MailboxId | string, View>()
  #memory = 0

  constructor(ctx: StoreContext) {
    this.#ctx = ctx
  }

  /** Octets that views hold now. */
  get memoryOctets(): number {
    return this.#memory
  }

  /** The view of a mailbox, perhaps not loaded. @param reader who has a \Seen of their own */
  of(mailbox: MailboxId, account: AccountId, reader?: AccountId): View {
    const key = keyOf({ mailbox, reader })
    let view = this.#views.get(key)
    if (view === undefined) {
      view = new View(mailbox, account, reader)
      this.#views.set(key, view)
    }
    return view
  }

  /** The mailbox's row as who has the view sees it; undefined once upkeep removed it. */
  rowOf({ mailbox, reader }: View): MailboxRow | undefined {
    const { read } = this.#ctx.db
    const row = mailboxById(read, mailbox)
    return row && rowAsSeenBy(read, row, reader)
  }

  /** Brings a view up to date, loading it where it was put away. @throws ViewLostError */
  pull(view: View): void {
    const { db, feed, dictionaries } = this.#ctx
    // The counter first: what is committed after this look raises it again.
    const seen = feed.value(view.account)
    if (view.loaded && seen === view.seen) return
    const before = view.memoryOctets
    snapshot(db.read, () => {
      const row = this.rowOf(view)
      if (row?.name === undefined) {
        view.bury(row?.highestModSeq ?? 0)
        return
      }
      if (view.loaded) view.pull(db.read, row)
      else view.load(db.read, row)
      if (view.dictionary.version !== row.keywordVersion)
        view.dictionary = dictionaries.get(db.read, row.id, row.keywordVersion)
    })
    view.seen = seen
    this.#memory += view.memoryOctets - before
    this.#use(view)
  }

  /** Loads a view that was put away, so that what its sessions were told can be answered. @throws ViewLostError */
  load(view: View): void {
    if (!view.loaded && !view.deleted) this.pull(view)
  }

  /**
   * A session goes over to the view of another \Seen of its mailbox. What that one forgot of expunges this session may still count;
   * then it is read anew.
   */
  move(session: Told, from: View, row: MailboxRow, reader: AccountId | undefined): View {
    from.sessions.delete(session)
    this.leave(from)
    const to = this.of(row.id, row.account, reader)
    to.sessions.add(session)
    if (to.loaded && row.expungedModSeq > session.toldExpunges) this.#putAway(to)
    return to
  }

  /** A session leaves. */
  leave(view: View): void {
    if (view.sessions.size === 0 && (!view.loaded || view.deleted)) this.#forget(view)
  }

  /** A session that may change the mailbox was shown its recent messages; nobody else is. */
  claimRecent(view: View, uidNext: number): Promise<void> {
    view.recentUid = Math.max(view.recentUid, uidNext)
    return this.#ctx.db.write((tx) => claimRecentRow(tx, view.mailbox, uidNext))
  }

  #use(view: View): void {
    const key = keyOf(view)
    this.#views.delete(key)
    this.#views.set(key, view)
    const limit = this.#ctx.settings.view_memory_limit
    for (const idle of [true, false]) {
      if (this.#memory <= limit) return
      for (const other of this.#views.values()) {
        if (this.#memory <= limit) return
        if (other !== view && other.loaded && (other.sessions.size === 0 || !idle)) this.#putAway(other)
      }
    }
  }

  #putAway(view: View): void {
    this.#memory -= view.memoryOctets
    view.putAway()
    if (view.sessions.size === 0) this.#views.delete(keyOf(view))
  }

  #forget(view: View): void {
    this.#memory -= view.memoryOctets
    view.putAway()
    const key = keyOf(view)
    if (this.#views.get(key) === view) this.#views.delete(key)
  }
}

const keyOf = ({ mailbox, reader }: Pick<View, 'mailbox' | 'reader'>): MailboxId | string =>
  reader === undefined ? mailbox : `${mailbox} ${reader}`

/** Runs `look` over one state of the database. */
export function snapshot<T>(reader: Reader, look: () => T): T {
  reader.sql('BEGIN').run()
  try {
    return look()
  } finally {
    reader.sql('COMMIT').run()
  }
}

function claimRecentRow(tx: Tx, mailbox: MailboxId, upTo: number): void {
  const row = mailboxById(tx, mailbox)
  if (row === undefined || row.recentUid >= upTo) return
  const left = upTo >= row.uidNext ? 0 : countFrom(tx, mailbox, upTo)
  tx.sql('UPDATE mailbox SET recent_uid = ?, recent = ? WHERE id = ?').run(upTo, left, mailbox)
}

/** Messages with a UID of at least `uid`. */
function countFrom(reader: Reader, mailbox: MailboxId, uid: number): number {
  const first = pageHolding(reader, mailbox, uid)
  let count = first === undefined ? 0 : first.entries.length - first.entries.lowerBound(uid)
  let page = pageFrom(reader, mailbox, uid + 1)
  for (; page !== undefined; page = pageFrom(reader, mailbox, page.firstUid + 1)) count += page.entries.length
  return count
}
