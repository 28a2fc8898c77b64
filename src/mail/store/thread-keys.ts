/** What ties a message to its conversation: hashes of Message-IDs, each with the base subject. */
import { hash } from 'node:crypto'
import { baseSubject, casemap, decodeWords, fieldValue, type HeaderField } from '../../formats/message/mod.ts'

/** Ancestors that count, the nearest. */
const ANCESTORS_LIMIT = 32

/** Message-IDs looked at in one field, the last ones: the nearest ancestors. */
const REFERENCES_LIMIT = 1000

const MESSAGE_ID = /<((?:"(?:[^"\\<>]|\\.)*"|[^<>"\s@])+@[^<>\s]+)>/g

/** Without quotes that mean nothing: `<"a"@b>` is `<a@b>`. */
export function messageIds(text: string): string[] {
  const ids = Array.from(text.matchAll(MESSAGE_ID), ([, id = '']) =>
    id.replace(/^"((?:[^"\\]|\\.)*)"@/, (_, local: string) => `${local.replace(/\\(.)/g, '$1')}@`),
  )
  return ids.slice(-REFERENCES_LIMIT)
}

/**
 * Its own key first, then those of its ancestors from the nearest on. An answer under another subject begins a new
 * conversation, as in RFC 8621 §3. 48 bits each, so that they are exact numbers.
 */
export function threadKeys(fields: readonly HeaderField[]): number[] {
  const value = (name: string): string => {
    const field = fields.find((one) => one.name === name)
    return field === undefined ? '' : fieldValue(field)
  }
  const references = messageIds(value('references'))
  const ancestors = [...references, ...messageIds(value('in-reply-to')).slice(0, 1)].toReversed()
  const ids = [...messageIds(value('message-id')).slice(0, 1), ...ancestors.slice(0, ANCESTORS_LIMIT)]
  if (ids.length === 0) return []
  const subject = casemap(subjectOf(value('subject'))).normalize('NFKD')
  return [...new Set(ids)].map((id) => hash('sha256', `${id} ${subject}`, 'buffer').readUIntBE(0, 6))
}

/** What programs put before the subject of an answer or a forwarded message in other languages than RFC 5256's. */
const ANSWER =
  /^(?:aw|antw|antwort|betr|enc|odp|odpowiedź|res|rif|rv|sv|tr|vb|vl|vs|wg|ynt|回复|答复|转发|回覆|轉寄)\s*[:：]\s*/iu

function subjectOf(field: string): string {
  let subject = baseSubject(decodeWords(field)).text
  for (let rest = ''; rest !== subject;) {
    rest = subject
    subject = baseSubject(subject.replace(ANSWER, '')).text
  }
  return subject
}

const KEY_OCTETS = 6

/** As the row of a message keeps them. */
export function packKeys(keys: readonly number[]): Buffer {
  const packed = Buffer.alloc(keys.length * KEY_OCTETS)
  for (const [i, key] of keys.entries()) packed.writeUIntBE(key, i * KEY_OCTETS, KEY_OCTETS)
  return packed
}

export function unpackKeys(packed: Buffer): number[] {
  return Array.from({ length: packed.length / KEY_OCTETS }, (_, i) => packed.readUIntBE(i * KEY_OCTETS, KEY_OCTETS))
}
