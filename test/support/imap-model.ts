/**
 * What must hold of a mailbox that many sessions change at once, whatever their order: who says what of a message at a MODSEQ
 * says the same; a MODSEQ given now is above all that were seen; what was acknowledged is there, what nobody took away too.
 * Each session has a keyword of its own, of which the outcome is known exactly. A message is known by its date.
 */

/** What is known of a message's entry in the mailbox. */
export interface Known {
  readonly flags: string
  readonly modSeq: bigint
  readonly token: number
}

interface Entry {
  token: number | undefined
  modSeq: bigint
  readonly versions: Map<bigint, string>
  /** By a session's keyword: set, not set; undefined after a command without an answer. */
  readonly own: Map<string, boolean | undefined>
  /** By an APPEND, without keywords; a copy has those that its source had. */
  isNew: boolean
}

export class Model {
  readonly problems: string[] = []
  /** What the session said and was told that found the first. */
  trace = ''
  readonly counts = new Map<string, number>()
  /** The highest MODSEQ that anybody has seen. */
  highest = 0n
  readonly gone = new Set<number>()
  readonly #entries = new Map<number, Entry>()
  /** UIDs that somebody may have taken away, and those that were given with an answer. */
  readonly #condemned = new Set<number>()
  readonly #doomed = new Set<number>()
  readonly #given = new Map<number, number>()
  /** By token: messages whose command had no answer. */
  readonly #doubts = new Map<number, number>()
  #tokens = 0

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }

  problem(text: string): void {
    if (this.problems.length < 50) this.problems.push(text)
  }

  token(): number {
    return ++this.#tokens
  }

  /** UID and token of a message, as an APPEND or COPY was answered; one that was copied may have \\Deleted. */
  given(uid: number, token: number, { isNew, isDeleted = false }: { isNew: boolean; isDeleted?: boolean }): void {
    if (this.#given.has(uid)) this.problem(`UID ${uid} was given twice`)
    this.#given.set(uid, token)
    if (isDeleted) {
      this.#condemned.add(uid)
      this.#doomed.add(uid)
    }
    this.#is(uid, token)
    this.#entry(uid).isNew = isNew
  }

  doubt(token: number): void {
    this.#doubts.set(token, (this.#doubts.get(token) ?? 0) + 1)
  }

  condemn(uid: number): void {
    this.#condemned.add(uid)
  }

  /** An EXPUNGE is sent: from now on they may be gone. */
  doom(uids: Iterable<number> = this.#condemned): void {
    for (const uid of uids) this.#doomed.add(uid)
  }

  isCondemned(uid: number): boolean {
    return this.#condemned.has(uid)
  }

  /** A session was told this. */
  seen(who: string, uid: number, told: { flags: string; modSeq: bigint; token: number | undefined }): void {
    const entry = this.#entry(uid)
    const other = entry.versions.get(told.modSeq)
    // A session that may not be told yet that a message is gone is not told of its last flags either.
    if (other !== undefined && other !== told.flags && !this.#doomed.has(uid))
      this.problem(`${who}: UID ${uid} at ${told.modSeq} has (${told.flags}), another was told (${other})`)
    entry.versions.set(told.modSeq, told.flags)
    if (told.token !== undefined) this.#is(uid, told.token)
    if (told.modSeq > entry.modSeq) entry.modSeq = told.modSeq
    if (told.modSeq > this.highest) this.highest = told.modSeq
  }

  /** The outcome of a session's keyword; undefined: none is known. */
  own(uid: number, keyword: string, is: boolean | undefined): void {
    this.#entry(uid).own.set(keyword, is)
  }

  ownOf(uid: number, keyword: string): boolean | undefined {
    const entry = this.#entries.get(uid)
    if (entry === undefined || entry.own.has(keyword)) return entry?.own.get(keyword)
    return entry.isNew ? false : undefined
  }

  /** What every session has to know at the end of a command that is sent now and tells all. */
  moment(): { readonly gone: ReadonlySet<number>; readonly modSeqs: ReadonlyMap<number, bigint> } {
    const modSeqs = new Map<number, bigint>()
    for (const [uid, entry] of this.#entries) if (!this.gone.has(uid)) modSeqs.set(uid, entry.modSeq)
    return { gone: new Set(this.gone), modSeqs }
  }

  /** A mailbox that nobody changes any more, whole. */
  end(rows: ReadonlyMap<number, Known>, keywords: readonly string[]): void {
    const doubts = new Map(this.#doubts)
    for (const [uid, { token }] of this.#entries) {
      if (rows.has(uid)) continue
      if (this.#given.has(uid) && !this.#condemned.has(uid))
        this.problem(`UID ${uid} (${token}) was acknowledged, and is not there though nobody took it away`)
    }
    for (const uid of this.gone) if (rows.has(uid)) this.problem(`UID ${uid} was told to be gone, and is there`)
    for (const [uid, row] of rows) {
      this.seen('the end', uid, row)
      if (!this.#given.has(uid)) {
        const left = doubts.get(row.token) ?? 0
        if (left === 0) this.problem(`UID ${uid} (${row.token}) is there and nobody made it`)
        doubts.set(row.token, left - 1)
      }
      const flags = new Set(row.flags.split(' '))
      for (const keyword of keywords) {
        const expected = this.ownOf(uid, keyword)
        if (expected !== undefined && flags.has(keyword) !== expected)
          this.problem(`UID ${uid}: ${keyword} is ${expected ? 'lost' : 'there'}, flags (${row.flags})`)
      }
    }
  }

  #is(uid: number, token: number): void {
    const entry = this.#entry(uid)
    if (entry.token !== undefined && entry.token !== token)
      this.problem(`UID ${uid} is message ${token}, and was ${entry.token}`)
    entry.token = token
  }

  #entry(uid: number): Entry {
    let entry = this.#entries.get(uid)
    if (entry === undefined) {
      entry = { token: undefined, modSeq: 0n, versions: new Map(), own: new Map(), isNew: false }
      this.#entries.set(uid, entry)
    }
    return entry
  }
}
