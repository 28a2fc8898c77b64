/**
 * Commands that file mail into folders of their user: what they file is taken into the store before the delivery counts as
 * done. docs/decisions/0010-drop-folders.md.
 */
import { publish } from '#src/base/mod.ts'
import type { Tx } from '../../../../io/db/mod.ts'
import type { RecipientResult } from '../../../queue/mod.ts'
import type { Rights } from '../addressee.ts'
import type { LocalEvent } from '../events.ts'
import type { FileAnswer, FileTool } from '../file-tool.ts'
import { type LockSettings, lockWords } from '../files.ts'
import type { ArrivedItem, DropJournal, EndedCommand, JournalKey } from './journal.ts'
import { messagesOfMbox, toWire } from './mbox-text.ts'
import { arrivedBetween, parseSurvey, type Survey } from './survey.ts'

/** Entries of a user's folders that are looked at; with more the folders are no drop folders. */
const ENTRY_LIMIT = 20_000
const SURVEY_OCTETS = 16 * 1024 * 1024
/** Octets of new mail in one file that are taken in at a time. */
const COLLECT_LIMIT = 256 * 1024 * 1024

export interface DropPorts {
  readonly files: FileTool
  readonly journal: DropJournal
  readonly locks: LockSettings
  /** Puts a message into a mailbox of the account, which is made if it is not there; `also` is of the same transaction. */
  readonly takeIn: (folder: string, message: Buffer, also: (tx: Tx) => void) => Promise<{ readonly problem?: string }>
}

export interface DropUser {
  readonly name: string
  readonly home: string
  /** The user's mbox in the spool. */
  readonly spool: string
  readonly rights: Rights
  /** The group that may make lock files in the spool. */
  readonly spoolGid: number
}

/** One command of one recipient, with the folders that it may file into. */
export class DropDelivery {
  readonly #ports: DropPorts
  readonly #user: DropUser
  readonly #key: JournalKey

  constructor(ports: DropPorts, user: DropUser, key: JournalKey) {
    this.#ports = ports
    this.#user = user
    this.#key = key
  }

  /** Runs the command unless an earlier attempt did; answers its result once all that it filed is in the store. */
  async run(command: () => Promise<RecipientResult>): Promise<RecipientResult> {
    const { journal } = this.#ports
    const found = journal.find(this.#key)
    if (found?.ended !== undefined) return this.#takeIn(found.ended)
    if (found !== undefined) {
      const late = await this.#arrivals(found.before)
      // The server was stopped while the command ran: what it filed by then is the delivery.
      if (!('problem' in late) && late.items.length > 0) return this.#ended(DELIVERED, late.items)
    }
    const before = await this.#survey()
    if ('problem' in before) {
      if (!before.tooMany) return deferred(before.problem)
      this.#warn(`${before.problem}: what the command files there is not taken in`)
      return command()
    }
    await journal.begin(this.#key, before.survey)
    const result = await command()
    const arrivals = await this.#arrivals(before.survey)
    // Whether or not it did its work: mail in a folder is there to be seen.
    return this.#ended(result, 'problem' in arrivals ? [] : arrivals.items)
  }

  async #ended(result: RecipientResult, arrived: readonly ArrivedItem[]): Promise<RecipientResult> {
    const ended = { result, arrived }
    await this.#ports.journal.end(this.#key, ended)
    return this.#takeIn(ended)
  }

  async #arrivals(before: Survey): Promise<{ readonly items: ArrivedItem[] } | { readonly problem: string }> {
    const after = await this.#survey()
    if ('problem' in after) {
      this.#warn(after.problem)
      return after
    }
    const { arrived, rewritten } = arrivedBetween(before, after.survey)
    for (const path of rewritten)
      this.#warn(`${path} was written anew while a command ran: nothing in it is taken as new mail`)
    return { items: arrived.map((one) => ({ ...one, taken: 0, complete: false })) }
  }

  async #survey(): Promise<{ readonly survey: Survey } | { readonly problem: string; readonly tooMany: boolean }> {
    const { name, home, spool, rights } = this.#user
    const rc = /procmail/.test(this.#key.command) ? 1 : 0
    const words = { home, user: name, spool, rc, limit: ENTRY_LIMIT }
    const answer = await this.#ports.files(rights, { verb: 'survey', paths: [], words, outputLimit: SURVEY_OCTETS })
    return answer.ok
      ? { survey: parseSurvey(answer.octets.toString()) }
      : { problem: `folders of ${name}: ${answer.text}`, tooMany: answer.errno === 'EMANY' }
  }

  async #takeIn(ended: EndedCommand): Promise<RecipientResult> {
    let state = ended
    for (const [n, item] of ended.arrived.entries()) {
      if (!item.complete) {
        const done = await this.#takeItem(state, n)
        if ('problem' in done) return deferred(done.problem)
        state = done
      }
      await this.#clear(item)
    }
    await this.#ports.journal.remove(this.#key)
    return ended.result
  }

  async #takeItem(state: EndedCommand, n: number): Promise<EndedCommand | { readonly problem: string }> {
    const item = state.arrived[n]
    const collected = item === undefined ? undefined : await this.#collect(item)
    if (item === undefined || collected === undefined) return state
    if ('problem' in collected) return collected
    let current = state
    const messages = collected.messages
    for (let taken = item.taken; taken < messages.length; taken++) {
      const next = withItem(current, n, { ...item, taken: taken + 1, complete: taken + 1 === messages.length })
      const also = (tx: Tx): void => this.#ports.journal.progress(tx, this.#key, next)
      const { problem } = await this.#ports.takeIn(item.folder, messages[taken] ?? Buffer.alloc(0), also)
      if (problem !== undefined) return { problem }
      current = next
    }
    return current
  }

  /** undefined: it is no mail, or it is gone; then it stays as it is. */
  async #collect(
    item: ArrivedItem,
  ): Promise<{ readonly messages: Buffer[] } | { readonly problem: string } | undefined> {
    const answer = await this.#file('collect', item, COLLECT_LIMIT + 1024)
    if (!answer.ok) {
      if (answer.errno === 'EAGAIN') return { problem: `${item.path}: ${answer.text}` }
      this.#warn(`${item.path}: ${answer.text}`)
      return undefined
    }
    const octets = answer.octets.subarray(0, item.to - item.from)
    if (item.kind === 'file') return { messages: [toWire(octets)] }
    const messages = messagesOfMbox(octets)
    return messages === undefined ? undefined : { messages }
  }

  /** The messages are safe: what cannot be cleared is only shown to those who look into the file. */
  async #clear(item: ArrivedItem): Promise<void> {
    const { arrived } = this.#ports.journal.find(this.#key)?.ended ?? { arrived: [] }
    if (arrived.find((one) => one.path === item.path)?.complete !== true) return
    const answer = await this.#file('clear', item, 1024)
    if (!answer.ok) this.#warn(`${item.path}: ${answer.text}`)
  }

  async #file(
    verb: 'collect' | 'clear',
    { kind, path, from, to }: ArrivedItem,
    outputLimit: number,
  ): Promise<FileAnswer> {
    // Others' programs lock mbox files only; a directory that takes no lock file is none of ours to judge.
    const locks = kind === 'mbox' ? { ...lockWords(this.#ports.locks), may_fail: 1 } : { locks: '' }
    const words = { ...locks, from, to, limit: COLLECT_LIMIT }
    const { rights, spool, spoolGid } = this.#user
    const request = { verb, paths: [path], words, outputLimit }
    const answer = await this.#ports.files(path === spool ? { ...rights, gid: spoolGid } : rights, request)
    // Where the group of the spool may not be taken the kernel's locks have to do, as for procmail's other readers.
    const refused = !answer.ok && answer.errno === 'EREFUSED' && path === spool
    return refused ? this.#ports.files(rights, request) : answer
  }

  #warn(text: string): void {
    publish<LocalEvent>({ event: 'delivery.warning', text: `${this.#key.queueId}: ${text}` })
  }
}

const DELIVERED: RecipientResult = { status: 'sent', dsn: '2.0.0', text: 'delivered to command, before a restart' }

function deferred(problem: string): RecipientResult {
  return { status: 'deferred', dsn: '4.2.0', text: `cannot take in what the command filed: ${problem}` }
}

function withItem(state: EndedCommand, n: number, item: ArrivedItem): EndedCommand {
  return { ...state, arrived: state.arrived.with(n, item) }
}
