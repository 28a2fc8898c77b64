/**
 * A message as a client reads it. One that has not said UTF8 gets header fields in ASCII (RFC 6856 §2.1): header sections of
 * the message and of its parts are made anew where they hold more, all else is as it is.
 */
import { asciiHeader, decodeParts, HEADER_LIMIT, type PackedPart } from '../../formats/message/mod.ts'
import type { StoredMessage } from '../../mail/store/mod.ts'
import type { Maildrop } from './maildrop.ts'

/** Octets that stand for those from `from` up to `to` of the message. */
interface Replaced {
  readonly from: number
  readonly to: number
  readonly octets: Buffer
}

export interface Shown {
  readonly sizeOctets: number
  /** Some octets from `from` on, at most up to `to`; none at the end. */
  read(from: number, to: number): Buffer
}

/** A message up to so large is read at once, headers and all. */
const WHOLE_LIMIT = 256 * 1024

export function shown(maildrop: Maildrop, message: StoredMessage, utf8: boolean): Shown {
  const { sizeOctets } = message
  const read = reading(maildrop, message)
  const replaced = utf8 ? [] : replacedHeaders(read, message)
  return replaced.length === 0 ? { sizeOctets, read } : new Surrogate(read, message, replaced)
}

type Read = Shown['read']

function reading(maildrop: Maildrop, message: StoredMessage): Read {
  const { sizeOctets } = message
  if (sizeOctets > WHOLE_LIMIT) return (from, to) => maildrop.read(message, from, to)
  let whole: Buffer | undefined
  return (from, to) => (whole ??= maildrop.read(message, 0, sizeOctets)).subarray(from, to)
}

function replacedHeaders(read: Read, message: StoredMessage): Replaced[] {
  const ahead = message.prefix.length
  const replaced: Replaced[] = []
  const look = (from: number, to: number): void => {
    if (to - from > HEADER_LIMIT || to <= from) return
    const octets = asciiHeader(readWhole(read, from, to))
    if (octets !== undefined) replaced.push({ from, to, octets })
  }
  const walk = (part: PackedPart): void => {
    for (const child of part.children) {
      look(child.headerFrom + ahead, child.bodyFrom + ahead)
      walk(child)
    }
  }
  const root = decodeParts(message.parts)
  look(0, root.bodyFrom + ahead)
  walk(root)
  return replaced.toSorted((a, b) => a.from - b.from)
}

function readWhole(read: Read, from: number, to: number): Buffer {
  const pieces: Buffer[] = []
  for (let at = from; at < to;) {
    const piece = read(at, to)
    if (piece.length === 0) break
    pieces.push(piece)
    at += piece.length
  }
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
}

/** A stretch of what is shown, and where it comes from. */
interface Stretch {
  /** Where it begins in what is shown. */
  readonly at: number
  readonly length: number
  /** undefined: the message's own octets, from `from` on. */
  readonly octets: Buffer | undefined
  readonly from: number
}

class Surrogate implements Shown {
  readonly sizeOctets: number
  readonly #read: Read
  readonly #stretches: Stretch[] = []

  constructor(read: Read, message: StoredMessage, replaced: readonly Replaced[]) {
    this.#read = read
    let at = 0
    let from = 0
    const add = (length: number, octets?: Buffer): void => {
      if (length > 0) this.#stretches.push({ at, length, octets, from })
      at += length
    }
    for (const one of replaced) {
      if (one.from < from) continue // within one that was replaced already
      add(one.from - from)
      from = one.to
      add(one.octets.length, one.octets)
    }
    add(message.sizeOctets - from)
    this.sizeOctets = at
  }

  read(from: number, to: number): Buffer {
    const stretch = this.#stretches.findLast(({ at }) => at <= from)
    if (stretch === undefined || from >= this.sizeOctets) return Buffer.alloc(0)
    const begin = from - stretch.at
    const end = Math.min(stretch.length, to - stretch.at)
    if (stretch.octets !== undefined) return stretch.octets.subarray(begin, end)
    return this.#read(stretch.from + begin, stretch.from + end)
  }
}
