/**
 * The signature of a message: what its texts have, as bits. Three parts: values of the fields that clients search by, each under
 * its name; whole header fields; text. A bit that a sought text needs and the message does not have rules the message out.
 */
import { foldForSearch } from '../../formats/message/mod.ts'
import { GRAM_HASHES, GRAM_PIECE, gramHashes, GramState, saltOf } from './search-grams.ts'

/** Where a part begins and how many bits it has. */
export interface SignaturePart {
  readonly from: number
  readonly bits: number
}

export const FIELDS: SignaturePart = { from: 0, bits: 2048 }
export const HEADER: SignaturePart = { from: 2048, bits: 5120 }
export const TEXT: SignaturePart = { from: 7168, bits: 9216 }

export const SIGNATURE_BITS = 16_384
export const SIGNATURE_OCTETS = SIGNATURE_BITS / 8

/** Fields with values of their own in FIELDS; all others are told by HEADER alone. */
export const SEARCHED_FIELDS: ReadonlySet<string> = new Set([
  'subject',
  'from',
  'to',
  'cc',
  'bcc',
  'sender',
  'reply-to',
  'message-id',
  'list-id',
])

/** A text of a message for its signature; `continues`: it goes on where the last one ended. */
export interface IndexedText {
  readonly part: 'field' | 'header' | 'text'
  /** Of a field, in lower case. */
  readonly name?: string
  readonly text: string
  readonly continues?: boolean
}

/** Which bit of a part a hash is. Its upper half is what is even. */
export function bitOf({ from, bits }: SignaturePart, hash: number): number {
  return from + (((hash >>> 16) * bits) >>> 16)
}

/** Makes signatures, one after the other. */
export class SignatureMaker {
  /** Letters of text, and letters of header: a message with more may have anything. */
  readonly limit: number
  readonly #hashes = new Int32Array(GRAM_HASHES)

  constructor(limit: number) {
    this.limit = limit
  }

  /** @param signature SIGNATURE_OCTETS, all zero */
  make(texts: Iterable<IndexedText>, signature: Uint8Array): void {
    let state = new GramState()
    const letters = { header: 0, text: 0 }
    for (const { part, name, text, continues } of texts) {
      if (continues !== true) state = new GramState(part === 'field' ? saltOf(name ?? '') : 0)
      const counted = part === 'text' ? 'text' : 'header'
      if (part !== 'field') letters[counted] += text.length
      if (letters[counted] > this.limit)
        for (const full of part === 'text' ? [TEXT] : [FIELDS, HEADER]) fill(signature, full)
      else
        this.#add(signature, part === 'text' ? TEXT : part === 'header' ? HEADER : FIELDS, state, foldForSearch(text))
    }
  }

  #add(signature: Uint8Array, { from, bits }: SignaturePart, state: GramState, folded: string): void {
    const hashes = this.#hashes
    for (let at = 0; at < folded.length; at += GRAM_PIECE) {
      const n = gramHashes(state, folded, at, hashes)
      for (let i = 0; i < n; i++) {
        const bit = from + (((hashes[i]! >>> 16) * bits) >>> 16)
        signature[bit >> 3]! |= 1 << (bit & 7)
      }
    }
  }
}

/** Of one that cannot be read: it may have anything. */
export function fillSignature(signature: Uint8Array): void {
  signature.fill(0xff)
}

function fill(signature: Uint8Array, { from, bits }: SignaturePart): void {
  signature.fill(0xff, from / 8, (from + bits) / 8)
}
