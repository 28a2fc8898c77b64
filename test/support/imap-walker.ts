/** A session that does at random what clients do with one mailbox, and holds what it is told against the model. */
import { type Dialogue, dialogue } from './imap.ts'
import type { Model } from './imap-model.ts'
import { dateOf, Picture, type Row, uidsOf } from './imap-picture.ts'
import type { Random } from './random.ts'

export const BOX = 'Crowd'
/** Where moved messages go. */
export const AWAY = 'Away'
/** Above this a walker rather takes away than adds. */
const ENOUGH = 120
const ITEMS = '(UID FLAGS MODSEQ INTERNALDATE)'

interface Memory {
  readonly uidValidity: string
  readonly modSeq: bigint
  readonly rows: readonly Row[]
}

export class Walker {
  readonly keyword: string
  readonly name: string
  readonly #model: Model
  readonly #random: Random
  readonly #hasQresync: boolean
  readonly #port: () => number
  readonly #limitMs: number
  readonly #memories: Memory[] = []
  readonly #recent: string[] = []
  #last: (() => unknown)[] = []
  #connection: Dialogue | undefined
  #picture: Picture
  #uidValidity = ''

  constructor(number: number, model: Model, random: Random, port: () => number, limitMs = 20_000) {
    this.name = `session ${number}`
    this.keyword = `own${number}`
    this.#model = model
    this.#random = random
    this.#hasQresync = number % 2 === 0
    this.#port = port
    this.#limitMs = limitMs
    this.#picture = new Picture(this.name, model, this.#hasQresync)
  }

  /** Does one thing. A connection that broke off is opened again by the next. */
  async step(): Promise<void> {
    if (this.#connection === undefined) return this.#open()
    const n = this.#random.below(100)
    if (this.#picture.rows.length < 3 || (n < 18 && this.#picture.rows.length < ENOUGH)) return this.#append()
    if (n < 50) return this.#store()
    if (n < 58) return this.#expunge()
    if (n < 64) return this.#picture.rows.length < ENOUGH ? this.#copy(BOX) : this.#move()
    if (n < 68) return this.#move()
    if (n < 72) return this.#copy(AWAY)
    if (n < 82) return this.#noop()
    if (n < 87) return this.#idle()
    if (n < 91) return this.#numbers()
    if (n < 93) return this.#whole()
    return this.#leave()
  }

  /** Is told of all that is left to tell; answers what it knows then. */
  async finish(): Promise<Picture> {
    for (let tries = 0; this.#connection === undefined && tries < 100; tries++) await this.#open()
    await this.#noop()
    await this.#whole()
    return this.#picture
  }

  close(): void {
    this.#connection?.close()
    this.#connection = undefined
    for (const fn of this.#last) fn()
    this.#last = []
  }

  /** What was said last, for one who looks for the cause of a problem. */
  trace(): string {
    return this.#recent.join('\n')
  }

  #note(command: string, said: string): void {
    this.#recent.push(`${this.name} C: ${command.slice(0, 200)}`, said.slice(0, 3000))
    if (this.#recent.length > 16) this.#recent.splice(0, 2)
  }

  /** undefined where the connection broke off without an answer. */
  async #ask(command: string | Buffer, quiet = false): Promise<string | undefined> {
    const said = (await this.#connection?.ask(command)) ?? ''
    this.#picture.apply(said, quiet)
    this.#note(String(command), said)
    const answer = /(?:^|\n)t\d+ (.*)\r\n$/.exec(said)?.[1]
    if (answer === undefined) {
      this.#model.count('broken off')
      this.close()
      return undefined
    }
    if (!answer.startsWith('OK') && !/^NO \[(EXPUNGEISSUED|MODIFIED|CANNOT|UNAVAILABLE|INUSE)/.test(answer))
      this.#model.problem(`${this.name}: ${String(command).slice(0, 80)}: ${answer}`)
    const highest = /\[HIGHESTMODSEQ (\d+)\]/.exec(answer)?.[1]
    if (highest !== undefined) this.#picture.modSeq = BigInt(highest)
    return said
  }

  async #open(): Promise<void> {
    const t = { after: (fn: () => unknown): void => void this.#last.push(fn) }
    const opened = await dialogue(t, this.#port(), 'ana', 'plain', this.#limitMs)
    this.#connection = opened
    if (!/t1 OK/.test(opened.greeting)) {
      this.close()
      await new Promise((wake) => setTimeout(wake, 100)) // a server that is started again
      return
    }
    this.#picture = new Picture(this.name, this.#model, this.#hasQresync)
    if ((await this.#ask(`ENABLE ${this.#hasQresync ? 'QRESYNC' : 'CONDSTORE'}`)) === undefined) return
    const memory = this.#hasQresync ? this.#memories[this.#random.below(this.#memories.length + 1)] : undefined
    const how = memory === undefined ? '' : ` (QRESYNC (${memory.uidValidity} ${memory.modSeq}))`
    const said = await opened.ask(`SELECT ${BOX}${how}`)
    if (/(^|\n)t\d+ (NO|BAD)/.test(said)) this.#model.problem(`${this.name}: SELECT${how}: ${said}`)
    if (!/\nt\d+ OK/.test(said)) return this.close()
    this.#uidValidity = /UIDVALIDITY (\d+)/.exec(said)?.[1] ?? ''
    this.#model.count(memory === undefined ? 'opened' : 'resynchronised')
    this.#note(how, said)
    if (memory === undefined) this.#picture.apply(said)
    else if (memory.uidValidity !== this.#uidValidity) this.#model.problem('UIDVALIDITY changed')
    else this.#picture.resync(memory.rows, said)
    const highest = BigInt(/HIGHESTMODSEQ (\d+)/.exec(said)?.[1] ?? 0)
    this.#picture.modSeq = highest
    await this.#complete()
    await this.#whole(memory === undefined ? 0n : highest)
  }

  /** Asks for what it has not got yet of messages that it knows to exist. */
  async #complete(): Promise<void> {
    for (let tries = 0; this.#connection && tries < 20; tries++) {
      const at = this.#picture.rows.flatMap((row, i) =>
        row.uid === undefined || row.token === undefined || row.modSeq === 0n ? [i + 1] : [],
      )
      if (at.length === 0) return
      await this.#ask(`FETCH ${at.join(',')} ${ITEMS}`, true)
    }
  }

  async #append(): Promise<void> {
    const tokens = Array.from({ length: this.#random.chance(0.2) ? 3 : 1 }, () => this.#model.token())
    const parts = tokens.map((token) => {
      const message = `Subject: ${token}\r\n\r\n${'x'.repeat(this.#random.below(300))}\r\n`
      return ` ${dateOf(token)} {${message.length}+}\r\n${message}`
    })
    const said = await this.#ask(`APPEND ${BOX}${parts.join('')}`)
    const uids = /\[APPENDUID \d+ ([\d:,]+)\]/.exec(said ?? '')?.[1]
    if (uids === undefined) for (const token of tokens) this.#model.doubt(token)
    else for (const [i, uid] of uidsOf(uids).entries()) this.#model.given(uid, tokens[i] ?? 0, { isNew: true })
    this.#model.count('append')
    await this.#complete()
  }

  /** Some of those it knows. */
  #some(): Row[] {
    const rows = this.#picture.rows.filter((row) => row.uid !== undefined && row.token !== undefined)
    return Array.from({ length: 1 + this.#random.below(5) }, () => rows[this.#random.below(rows.length)]).filter(
      (row, i, all) => row !== undefined && all.indexOf(row) === i,
    ) as Row[] // those that are undefined are gone by the filter
  }

  async #store(): Promise<void> {
    const rows = this.#some()
    const isOwn = this.#random.chance(0.6)
    const flag = isOwn ? this.keyword : (['\\Seen', '\\Flagged', '\\Answered'][this.#random.below(3)] ?? '')
    const isSet = this.#random.chance(0.6)
    const byUid = this.#random.chance(0.5)
    const set = rows.map((row) => (byUid ? row.uid : this.#picture.rows.indexOf(row) + 1)).join(',')
    const condition = this.#random.chance(0.2) ? ` (UNCHANGEDSINCE ${this.#model.highest})` : ''
    const silent = this.#random.chance(0.3) ? '.SILENT' : ''
    const before = this.#model.highest
    const changes = rows.filter((row) => isOwn && this.#model.ownOf(row.uid ?? 0, flag) === !isSet)
    if (isOwn && condition !== '') for (const row of rows) this.#model.own(row.uid ?? 0, flag, undefined)
    const command = `${byUid ? 'UID ' : ''}STORE ${set}${condition} ${isSet ? '+' : '-'}FLAGS${silent} (${flag})`
    this.#picture.silent = silent === '' ? undefined : { flag, isSet }
    const said = await this.#ask(command, !byUid)
    this.#picture.silent = undefined
    this.#model.count('store')
    const isSure = said !== undefined && condition === '' && /\nt\d+ OK|^t\d+ OK/.test(said)
    if (isOwn) for (const row of rows) this.#model.own(row.uid ?? 0, flag, isSure ? isSet : undefined)
    if (isSure)
      for (const row of changes)
        if (this.#picture.rows.includes(row) && row.modSeq <= before && !this.#model.isCondemned(row.uid ?? 0))
          this.#model.problem(`${this.name}: ${command}: MODSEQ ${row.modSeq} of ${row.uid}, ${before} was seen before`)
    await this.#complete()
  }

  async #expunge(): Promise<void> {
    const uids = this.#some().map((row) => row.uid ?? 0)
    for (const uid of uids) this.#model.condemn(uid)
    this.#picture.silent = { flag: '\\Deleted', isSet: true }
    const said = await this.#ask(`UID STORE ${uids.join(',')} +FLAGS.SILENT (\\Deleted)`)
    this.#picture.silent = undefined
    if (said === undefined) return
    this.#model.doom()
    await this.#ask(this.#random.chance(0.5) ? 'EXPUNGE' : `UID EXPUNGE ${uids.join(',')}`)
    this.#model.count('expunge')
    await this.#complete()
  }

  async #move(): Promise<void> {
    const uids = this.#some().map((row) => row.uid ?? 0)
    for (const uid of uids) this.#model.condemn(uid)
    this.#model.doom(uids)
    await this.#ask(`UID MOVE ${uids.join(',')} ${AWAY}`)
    this.#model.count('move')
    await this.#complete()
  }

  async #copy(mailbox: string): Promise<void> {
    const tokens = new Map(this.#some().map((row) => [row.uid ?? 0, row.token ?? 0]))
    const said = await this.#ask(`UID COPY ${[...tokens.keys()].join(',')} ${mailbox}`)
    this.#model.count('copy')
    const [, from = '', to = ''] = /\[COPYUID \d+ ([\d:,]+) ([\d:,]+)\]/.exec(said ?? '') ?? []
    if (mailbox === BOX && said === undefined) for (const token of tokens.values()) this.#model.doubt(token)
    const sources = from === '' ? [] : uidsOf(from)
    if (mailbox === BOX && to !== '')
      for (const [i, uid] of uidsOf(to).entries()) {
        const source = sources[i] ?? 0
        const isDeleted = this.#model.isCondemned(source)
        this.#model.given(uid, tokens.get(source) ?? 0, { isNew: false, isDeleted })
      }
    await this.#complete()
  }

  async #noop(): Promise<void> {
    const { gone, modSeqs } = this.#model.moment()
    if ((await this.#ask('NOOP')) === undefined) return
    // Later flags may be told of while earlier expunges are held back: RFC 7162 §3.1 (what FETCH says is no such point).
    const upTo = this.#picture.rows.reduce((max, row) => (row.modSeq > max ? row.modSeq : max), this.#picture.modSeq)
    await this.#complete()
    this.#model.count('noop')
    const known = this.#picture.known()
    for (const uid of gone)
      if (known.has(uid)) this.#model.problem(`${this.name}: NOOP did not tell that ${uid} is gone`)
    if (this.#connection === undefined) return
    for (const [uid, modSeq] of modSeqs) {
      const row = known.get(uid)
      if (row === undefined && !this.#model.isCondemned(uid))
        this.#model.problem(`${this.name}: NOOP did not tell of ${uid}`)
      if (row !== undefined && row.modSeq < modSeq)
        this.#model.problem(`${this.name}: NOOP left ${uid} at ${row.modSeq}, ${modSeq} was told to others`)
    }
    this.#remember(upTo)
  }

  #remember(modSeq: bigint): void {
    this.#memories.push({ uidValidity: this.#uidValidity, modSeq, rows: this.#picture.rows.map((row) => ({ ...row })) })
    if (this.#memories.length > 4) this.#memories.splice(this.#random.below(4), 1)
  }

  async #idle(): Promise<void> {
    const connection = this.#connection
    connection?.send('i IDLE\r\n')
    const began = (await connection?.until(/\+ .*\r\n/)) ?? ''
    await new Promise((wake) => setTimeout(wake, this.#random.below(30)))
    connection?.send('DONE\r\n')
    const said = began + ((await connection?.until(/(?<=^|\n)i .*\r\n/)) ?? '')
    if (!/(^|\n)i OK/.test(said)) return this.close()
    this.#picture.apply(said.replace(/i OK.*\r\n$/, ''))
    this.#note('IDLE', said)
    this.#model.count('idle')
    await this.#complete()
  }

  /** Numbers stand for the UIDs that the session knows, and nothing is expunged under it. */
  async #numbers(): Promise<void> {
    const before = this.#picture.rows.map((row) => row.uid)
    if ((await this.#ask(`FETCH 1:${before.length} (UID)`, true)) === undefined) return
    if (before.some((uid, i) => uid !== undefined && this.#picture.rows[i]?.uid !== uid))
      this.#model.problem(`${this.name}: numbers moved`)
    this.#model.count('numbers')
    await this.#complete()
  }

  /** All anew; what is no younger than `upTo` must have been known before. */
  async #whole(upTo = 0n): Promise<void> {
    const before = this.#picture.known()
    if ((await this.#ask(`UID FETCH 1:* ${ITEMS}`)) === undefined) return
    for (const [uid, row] of this.#picture.known()) {
      const was = before.get(uid)
      if (row.modSeq <= upTo && (was?.modSeq !== row.modSeq || was.flags !== row.flags))
        this.#model.problem(
          `${this.name}: ${uid} at ${row.modSeq} (${row.flags}), known (${was?.flags}) at ${was?.modSeq}`,
        )
    }
    this.#model.count('whole')
    await this.#complete()
  }

  async #leave(): Promise<void> {
    if (this.#random.chance(0.5)) await this.#noop()
    this.#model.count('left')
    this.close()
  }
}
