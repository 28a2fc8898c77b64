/**
 * The first words of a message, for lists. RFC 8970. Made when asked for: at most PARTS_LOOKED_AT parts are looked at and
 * OCTETS_READ octets of each, so that it costs little whatever the message.
 */
import {
  decodeCharset,
  decodeParts,
  decodeTransfer,
  type PackedPart,
  stripHtml,
  transferEncoding,
} from '../../formats/message/mod.ts'
import type { StoredMessage } from './contract.ts'
import type { ReadContent } from './search-text.ts'

/** RFC 8970 §3.3: 200 characters. */
export const PREVIEW_CHARACTERS = 200
const PARTS_LOOKED_AT = 8
/** Styles of HTML may come before its text. */
const OCTETS_READ = 65_536

/** `''` where there is no text to show. */
export function previewOf(message: StoredMessage, read: ReadContent): string {
  for (const part of textParts(decodeParts(message.parts))) {
    const text = firstWords(readable(message, part, read))
    if (text !== '') return text
  }
  return ''
}

/** Plain text before HTML where a message has both, then in their order. */
function textParts(root: PackedPart): PackedPart[] {
  const parts: PackedPart[] = []
  const left = [root]
  for (let part = left.pop(); part !== undefined && parts.length < PARTS_LOOKED_AT; part = left.pop()) {
    if (part.contentType === 'text/plain' || part.contentType === 'text/html') parts.push(part)
    const children =
      part.contentType === 'multipart/alternative'
        ? part.children.toSorted(
            (a, b) => Number(b.contentType === 'text/plain') - Number(a.contentType === 'text/plain'),
          )
        : part.children
    left.push(...children.toReversed())
  }
  return parts
}

function readable(message: StoredMessage, part: PackedPart, read: ReadContent): string {
  const from = message.prefix.length + part.bodyFrom
  const end = message.prefix.length + part.bodyTo
  const octets = decodeTransfer(read(message, from, Math.min(end, from + OCTETS_READ)), transferEncoding(part.encoding))
  const text = decodeCharset(octets, part.charset)
  return part.contentType === 'text/html' ? stripHtml(text) : withoutQuotes(text)
}

/** What the sender wrote rather than what was answered; all of it where nothing else is there. */
function withoutQuotes(text: string): string {
  const own = text.replace(/^[ \t]*>.*$/gm, '')
  return own.trim() === '' ? text : own
}

/** Blanks of all kinds as one; newsletters fill with such that take no room. Controls show nothing. */
const BLANKS =
  /(?:[\s\u00ad\u115f\u1160\u180e\u2060\ufeff\ufffd]|\u034f|\p{Cc}|[\u200b-\u200f](?=[\s\u00ad\u200b-\u200f\ufeff]|\u034f|$))+/gu

function firstWords(text: string): string {
  const words = text.replace(BLANKS, ' ').trim()
  let end = 0
  for (let n = 0; n < PREVIEW_CHARACTERS && end < words.length; n++)
    end += (words.codePointAt(end) ?? 0) > 0xffff ? 2 : 1
  return words.slice(0, end).trimEnd().toWellFormed()
}
