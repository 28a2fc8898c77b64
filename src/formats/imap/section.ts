/** Sections of a message: which octets `BODY[…]` means. RFC 9051 §6.4.5, §9 `section-spec`. */
import type { PackedPart } from '../message/mod.ts'
import { fieldSelector } from './field-selector.ts'

export interface Section {
  /** `[1, 2]` of `BODY[1.2.MIME]`; empty for the whole message. */
  readonly part: readonly number[]
  readonly text: 'HEADER' | 'HEADER.FIELDS' | 'HEADER.FIELDS.NOT' | 'TEXT' | 'MIME' | undefined
  /** For HEADER.FIELDS(.NOT), as the client wrote them. */
  readonly fields: readonly string[]
}

export interface Partial {
  readonly from: number
  readonly length: number
}

/** The message as a section is cut from it: prefix + slice, offsets of the parts are the slice's. */
export interface SectionSource {
  readonly sizeOctets: number
  readonly prefixLength: number
  readonly root: PackedPart
  /** Octets of the whole (prefix and slice), at most 1 MiB a call. */
  read(from: number, to: number): Buffer
}

/** A range of octets of the message, or octets made for the purpose; undefined: no such section (NIL). */
export type SectionOctets = { readonly from: number; readonly to: number } | { readonly octets: Buffer } | undefined

/** The part that the numbers name. RFC 9051: part 1 of a message that is not multipart is its body. */
export function findPart(root: PackedPart, path: readonly number[]): PackedPart | undefined {
  let part: PackedPart = root
  for (const [i, n] of path.entries()) {
    // Through a message/rfc822 part the numbers go to the parts of the message inside.
    const inner =
      i > 0 && part.children.length === 1 && part.contentType.startsWith('message/') ? part.children[0]! : part
    if (inner.contentType.startsWith('multipart/')) {
      const child = inner.children[n - 1]
      if (child === undefined) return undefined
      part = child
    } else if (n === 1 && (i === 0 || inner !== part)) part = inner
    else return undefined
  }
  return part
}

export function sectionOctets(section: Section, source: SectionSource): SectionOctets {
  const { prefixLength, sizeOctets } = source
  // The whole message, what clients ask for most, needs no look at its parts.
  if (section.part.length === 0 && section.text === undefined) return { from: 0, to: sizeOctets }
  const { root } = source
  const shift = (from: number, to: number): { from: number; to: number } => ({
    from: from + prefixLength,
    to: to + prefixLength,
  })
  if (section.part.length === 0) {
    const bodyFrom = root.bodyFrom + prefixLength
    if (section.text === 'TEXT') return { from: bodyFrom, to: sizeOctets }
    if (section.text === 'MIME') return undefined
    return headerOctets(section, source, 0, bodyFrom)
  }
  const part = findPart(root, section.part)
  if (part === undefined) return undefined
  if (section.text === undefined) return shift(part.bodyFrom, part.bodyTo)
  if (section.text === 'MIME')
    return part === root ? { from: 0, to: root.bodyFrom + prefixLength } : shift(part.headerFrom, part.bodyFrom)
  const [message] = part.contentType.startsWith('message/') ? part.children : []
  if (message === undefined) return undefined
  if (section.text === 'TEXT') return shift(message.bodyFrom, part.bodyTo)
  const { from, to } = shift(message.headerFrom, message.bodyFrom)
  return headerOctets(section, source, from, to)
}

function headerOctets(section: Section, source: SectionSource, from: number, to: number): SectionOctets {
  if (section.text === 'HEADER') return { from, to }
  const pieces: Buffer[] = []
  for (let at = from; at < to;) {
    const piece = source.read(at, to)
    if (piece.length === 0) break
    pieces.push(piece)
    at += piece.length
  }
  return { octets: fieldSelector(section)(Buffer.concat(pieces)) }
}
