/** An mbox, locked while it is read, with the numbers and flags that UW-IMAP, Dovecot and others keep in it. */
import { hash } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import {
  isInternalData,
  keptFlags,
  mboxBase,
  type MboxBase,
  type MboxMessage,
  MboxScanner,
  mboxText,
  type Quoting,
} from '../../formats/folders/mod.ts'
import { type FolderMessage, inBatches, MESSAGE_LIMIT, type OpenFolder, type ReadOptions } from './contract.ts'

const PIECE = 4 * 1024 * 1024
/** A header section that is looked at for X-UID. */
const HEAD = 64 * 1024

export interface MboxOptions extends ReadOptions {
  readonly quoting: Quoting
}

/** To be opened and read with the rights of its owner; the locks are the caller's. */
export function openMbox(path: string, options: MboxOptions): OpenFolder {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const file = new MboxFile(fd, path, options)
    const { uidValidity, uidNext } = file.numbers ?? {}
    return {
      uidValidity,
      uidNext,
      expected: file.messages.length,
      batches: () => inBatches(file.read()),
      close() {
        closeSync(fd)
        return Promise.resolve()
      },
    }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

interface Numbers {
  readonly uidValidity: number
  readonly uidNext: number
  /** By offset of the message. */
  readonly uids: ReadonlyMap<number, number>
}

class MboxFile {
  readonly #fd: number
  readonly #path: string
  readonly #options: MboxOptions
  readonly messages: readonly MboxMessage[]
  readonly numbers: Numbers | undefined

  constructor(fd: number, path: string, options: MboxOptions) {
    this.#fd = fd
    this.#path = path
    this.#options = options
    if (!fstatSync(fd).isFile()) throw new Error('it is no file')
    const all = this.#contentLengths(this.#scan())
    const first = all[0] && this.#octets(all[0].textOffset, Math.min(all[0].end, all[0].textOffset + HEAD))
    const base = first && mboxBase(first)
    this.messages = first !== undefined && isInternalData(first) ? all.slice(1) : all
    this.numbers = base && this.#numbersOf(base)
  }

  #scan(): MboxMessage[] {
    const scanner = new MboxScanner()
    const size = fstatSync(this.#fd).size
    for (let at = 0; at < size; at += PIECE) scanner.push(this.#octets(at, Math.min(size, at + PIECE)))
    const messages = scanner.end(size)
    if (scanner.stray !== undefined) {
      const end = messages[0]?.offset ?? size
      this.#options.problem(`${this.#path}, octet 0: no message begins here; ${end} octets are passed over`)
    }
    return messages
  }

  /** Where a message says how long it is, and one ends there, what looks like a From_ line before that is text. */
  #contentLengths(found: readonly MboxMessage[]): MboxMessage[] {
    const byEnd = new Map(found.map(({ end }, i) => [end, i]))
    const messages: MboxMessage[] = []
    for (let i = 0; i < found.length; i++) {
      const message = found[i]
      if (message === undefined) continue
      const said = this.#saidEnd(message)
      // With the empty line that the mbox adds, or without.
      const last = said === undefined ? undefined : (byEnd.get(said) ?? byEnd.get(said + 1))
      messages.push(last === undefined ? message : { ...message, end: found[last]?.end ?? message.end })
      i = Math.max(i, last ?? i)
    }
    return messages
  }

  /** undefined: it says nothing, or no more than is known. */
  #saidEnd({ textOffset, end }: MboxMessage): number | undefined {
    const head = this.#octets(textOffset, Math.min(end, textOffset + HEAD)).toString('latin1')
    const blank = /\r?\n\r?\n/.exec(head)
    const length = /^content-length:[ \t]*([0-9]{1,12})[ \t]*\r?$/im.exec(head.slice(0, blank?.index ?? 0))?.[1]
    if (blank === null || length === undefined) return undefined
    const said = textOffset + blank.index + blank[0].length + Number(length)
    return said > end ? said : undefined
  }

  /** UIDs in ascending order and below the last one given; else they are worth nothing, as for UW-IMAP itself. */
  #numbersOf({ uidValidity, lastUid }: MboxBase): Numbers | undefined {
    const uids = new Map<number, number>()
    let highest = 0
    let next = lastUid + 1
    for (const message of this.messages) {
      const head = this.#octets(message.textOffset, Math.min(message.end, message.textOffset + HEAD))
      const given = mboxText(head, 'none').uid
      // One that came since the folder was open last would be numbered next.
      const uid = given ?? next++
      if (uid <= highest || (given !== undefined && given > lastUid)) {
        const at = `${this.#path}, octet ${message.offset}`
        this.#options.problem(`${at}: X-UID ${uid} is not in order; all messages get new UIDs`)
        return undefined
      }
      highest = uid
      uids.set(message.offset, uid)
    }
    return uidValidity < 1 ? undefined : { uidValidity, uidNext: next, uids }
  }

  *read(): Generator<FolderMessage> {
    const seen = new Map<string, number>()
    for (const message of this.messages) {
      const { offset, textOffset, end, from } = message
      if (end - textOffset > MESSAGE_LIMIT) {
        this.#options.problem(`${this.#path}, octet ${offset}: a message of ${end - textOffset} octets is left`)
        continue
      }
      const text = mboxText(this.#octets(textOffset, end), this.#options.quoting)
      const uid = this.numbers?.uids.get(offset)
      const sum = hash('sha256', text.message, 'base64url')
      const n = (seen.get(sum) ?? 0) + 1
      seen.set(sum, n)
      yield {
        known: n === 1 ? sum : `${sum}.${n}`,
        content: text.message,
        flags: keptFlags(text.flags),
        internalDateMs: from.dateMs,
        uid,
        uidl: text.uidl ?? this.#uidlOf(uid),
      }
    }
  }

  #uidlOf(uid: number | undefined): string | undefined {
    if (uid === undefined || this.numbers === undefined) return undefined
    return this.#options.uidl({ uid, uidValidity: this.numbers.uidValidity, file: '' })
  }

  #octets(from: number, to: number): Buffer {
    const octets = Buffer.allocUnsafe(to - from)
    let size = 0
    for (let n; size < octets.length && (n = readSync(this.#fd, octets, size, octets.length - size, from + size)) > 0;)
      size += n
    return octets.subarray(0, size)
  }
}
