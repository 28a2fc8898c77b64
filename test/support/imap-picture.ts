/** What a session was told of its mailbox, by untagged responses alone, as a client keeps it; what cannot be is a problem. */
import type { Known, Model } from './imap-model.ts'

export interface Row {
  uid: number | undefined
  flags: string
  modSeq: bigint
  token: number | undefined
}

/** A message's date says which it is: so many seconds after this. */
export const FIRST_DATE_MS = Date.UTC(2020, 0, 1)

const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec'

export function dateOf(token: number): string {
  const [, day, month, year, time] = /, (\d\d) (\w+) (\d+) ([\d:]+)/.exec(
    new Date(FIRST_DATE_MS + token * 1000).toUTCString(),
  ) ?? ['']
  return `"${day}-${month}-${year} ${time} +0000"`
}

function tokenOf(date: string): number {
  const [, day, month = '', year, hour, minute, second] = /(\d+)-(\w+)-(\d+) (\d+):(\d+):(\d+) \+0000/.exec(date) ?? []
  const ms = Date.UTC(
    Number(year),
    MONTHS.indexOf(month) / 3,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  )
  return (ms - FIRST_DATE_MS) / 1000
}

export function uidsOf(set: string): number[] {
  return set.split(',').flatMap((range) => {
    const [from = 0, to = from] = range.split(':').map(Number)
    return Array.from({ length: to - from + 1 }, (_, i) => from + i)
  })
}

const inOrder = (flags: readonly string[]): string =>
  flags
    .filter((flag) => flag !== '\\Recent' && flag !== '')
    .toSorted()
    .join(' ')

function changed(flags: string, { flag, isSet }: { flag: string; isSet: boolean }): string {
  const others = flags.split(' ').filter((other) => other !== flag)
  return inOrder(isSet ? [...others, flag] : others)
}

export class Picture {
  rows: Row[] = []
  /** What STORE … .SILENT is about: a message whose MODSEQ alone is told has become that. */
  silent: { readonly flag: string; readonly isSet: boolean } | undefined
  /** All changes up to this have been told. */
  modSeq = 0n
  readonly #who: string
  readonly #model: Model
  readonly #hasQresync: boolean

  constructor(who: string, model: Model, hasQresync: boolean) {
    this.#who = who
    this.#model = model
    this.#hasQresync = hasQresync
  }

  /** `quiet`: during a command that must not be told of expunges (RFC 9051 §7.5.1). */
  apply(text: string, quiet = false): void {
    for (const line of text.split('\r\n')) {
      const [, number, word, rest = ''] = /^\* (\d+) (EXISTS|EXPUNGE|FETCH) ?(.*)$/.exec(line) ?? []
      if (word === 'EXISTS') this.#exists(Number(number))
      else if (word === 'EXPUNGE') this.#expunge(Number(number), quiet)
      else if (word === 'FETCH') this.#fetch(Number(number), rest)
      const vanished = /^\* VANISHED (\(EARLIER\) )?([\d:,]+)$/.exec(line)
      if (vanished !== null) this.#vanished(uidsOf(vanished[2] ?? ''), vanished[1] !== undefined, quiet)
      if (!/^\*|^t\d+ |^\+|^\)|^$/.test(line)) this.#problem(`an odd line: ${line}`)
    }
  }

  /** What SELECT (QRESYNC …) says to one who knew this. */
  resync(known: readonly Row[], whole: string): void {
    // What happens meanwhile is told behind what happened before.
    const at = whole.search(/^\* VANISHED \d/m)
    const next = at < 0 ? whole.length : at
    const exists = whole.slice(0, next).search(/(?<=EXISTS\r\n[^]*)^\* \d+ EXISTS/m)
    const text = whole.slice(0, exists < 0 ? next : exists)
    const byUid = new Map(known.map((row) => [row.uid, { ...row }]))
    const count = Number(/^\* (\d+) EXISTS/m.exec(text)?.[1])
    const told: [number, number][] = []
    for (const line of text.split('\r\n')) {
      const vanished = /^\* VANISHED \(EARLIER\) ([\d:,]+)$/.exec(line)
      for (const uid of vanished === null ? [] : uidsOf(vanished[1] ?? ''))
        if (byUid.delete(uid)) this.#model.gone.add(uid)
      const fetched = /^\* (\d+) FETCH (.*)$/.exec(line)
      if (fetched === null) continue
      const uid = Number(/UID (\d+)/.exec(fetched[2] ?? '')?.[1])
      byUid.set(uid, byUid.get(uid) ?? { uid, flags: '', modSeq: 0n, token: undefined })
      told.push([Number(fetched[1]), uid])
    }
    this.rows = [...byUid.values()].toSorted((a, b) => (a.uid ?? 0) - (b.uid ?? 0))
    if (this.rows.length !== count) this.#problem(`after QRESYNC ${this.rows.length} are known, ${count} exist`)
    for (const [seq, uid] of told)
      if (this.rows[seq - 1]?.uid !== uid)
        this.#problem(`QRESYNC: ${seq} is UID ${this.rows[seq - 1]?.uid}, not ${uid}`)
    this.apply(text.replaceAll(/^\* (\d+ EXISTS|VANISHED .*)\r\n/gm, ''))
    this.apply(whole.slice(text.length))
  }

  /** Those that are known, by UID. */
  known(): Map<number, Known> {
    const known = new Map<number, Known>()
    for (const { uid, flags, modSeq, token } of this.rows)
      if (uid !== undefined && token !== undefined) known.set(uid, { flags, modSeq, token })
    return known
  }

  #exists(count: number): void {
    if (count < this.rows.length) this.#problem(`EXISTS fell from ${this.rows.length} to ${count}`)
    while (this.rows.length < count) this.rows.push({ uid: undefined, flags: '', modSeq: 0n, token: undefined })
  }

  #expunge(seq: number, quiet: boolean): void {
    if (quiet) this.#problem(`EXPUNGE ${seq} where it is not allowed`)
    if (this.#hasQresync) this.#problem('EXPUNGE instead of VANISHED')
    const [row] = this.rows.splice(seq - 1, 1)
    if (row === undefined) this.#problem(`EXPUNGE ${seq} of ${this.rows.length}`)
    if (row?.uid !== undefined) this.#model.gone.add(row.uid)
  }

  #vanished(uids: readonly number[], isEarlier: boolean, quiet: boolean): void {
    if (quiet && !isEarlier) this.#problem('VANISHED where it is not allowed')
    if (!this.#hasQresync) this.#problem('VANISHED instead of EXPUNGE')
    for (const uid of uids) {
      let at = this.rows.findIndex((row) => row.uid === uid)
      if (at < 0 && isEarlier) continue
      if (at < 0) at = this.#unasked(uid)
      if (at < 0) this.#problem(`VANISHED ${uid}, which was not known`)
      else this.rows.splice(at, 1)
      this.#model.gone.add(uid)
    }
  }

  /** Where one stands that exists and whose UID was not asked for yet; −1: nowhere. */
  #unasked(uid: number): number {
    const at = this.rows.findLastIndex((row) => row.uid !== undefined && row.uid < uid) + 1
    return at < this.rows.length && this.rows[at]?.uid === undefined ? at : -1
  }

  #fetch(seq: number, items: string): void {
    const row = this.rows[seq - 1]
    if (row === undefined) return this.#problem(`FETCH ${seq} of ${this.rows.length}`)
    const uid = /UID (\d+)/.exec(items)?.[1]
    if (uid !== undefined) {
      if (row.uid !== undefined && row.uid !== Number(uid)) this.#problem(`${seq} is UID ${row.uid}, and now ${uid}`)
      row.uid = Number(uid)
    }
    const flags = /FLAGS \(([^)]*)\)/.exec(items)?.[1]
    const modSeq = BigInt(/MODSEQ \((\d+)\)/.exec(items)?.[1] ?? 0)
    const date = /INTERNALDATE "([^"]*)"/.exec(items)?.[1]
    if (date !== undefined) row.token = tokenOf(date)
    if (modSeq === 0n) return
    if (modSeq < row.modSeq) this.#problem(`MODSEQ of UID ${row.uid} fell from ${row.modSeq} to ${modSeq}`)
    const isNews = modSeq > row.modSeq // one that was expunged meanwhile keeps its MODSEQ, and nothing changed
    row.modSeq = modSeq
    if (flags !== undefined) row.flags = inOrder(flags.split(' '))
    else if (this.silent === undefined || !isNews) return
    else row.flags = changed(row.flags, this.silent)
    if (row.uid !== undefined) this.#model.seen(this.#who, row.uid, row)
  }

  #problem(text: string): void {
    this.#model.problem(`${this.#who}: ${text}`)
  }
}
