/** Octets of a stored message: the parts of it that FETCH and CATENATE name. */
import { type Partial, type Section, sectionOctets } from '../../formats/imap/mod.ts'
import { decodeParts } from '../../formats/message/mod.ts'
import type { Store, StoredMessage } from '../../mail/store/mod.ts'

export type SectionSource = Parameters<typeof sectionOctets>[1]

export function sourceOf(store: Store, message: StoredMessage): SectionSource {
  let root: SectionSource['root'] | undefined
  return {
    sizeOctets: message.sizeOctets,
    prefixLength: message.prefix.length,
    get root() {
      return (root ??= decodeParts(message.parts))
    },
    read: (from, to) => store.read(message, from, to),
  }
}

/** How many octets a section has, and these piece by piece; undefined where there is no such section. */
export function sectionPieces(
  source: SectionSource,
  found: ReturnType<typeof sectionOctets>,
  partial: Partial | undefined,
): { readonly length: number; readonly pieces: Iterable<Buffer> } | undefined {
  if (found === undefined) return undefined
  if ('octets' in found) {
    const octets =
      partial === undefined ? found.octets : found.octets.subarray(partial.from, partial.from + partial.length)
    return { length: octets.length, pieces: [octets] }
  }
  const from = Math.min(found.to, found.from + (partial?.from ?? 0))
  const to = partial === undefined ? found.to : Math.min(found.to, from + partial.length)
  return { length: to - from, pieces: range(source, from, to) }
}

function* range(source: SectionSource, from: number, to: number): Generator<Buffer> {
  for (let at = from; at < to;) {
    const piece = source.read(at, to)
    if (piece.length === 0) throw new Error('a message is shorter than its size')
    yield piece
    at += piece.length
  }
}

/** The same for a section as a client writes it. */
export function piecesOf(store: Store, message: StoredMessage, section: Section, partial: Partial | undefined) {
  const source = sourceOf(store, message)
  return sectionPieces(source, sectionOctets(section, source), partial)
}
