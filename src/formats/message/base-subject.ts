/** What is left of a subject without `Re:`, `[list]` and `(fwd)`: by it messages are sorted and threaded. RFC 5256 §2.1. */

export interface BaseSubject {
  readonly text: string
  /** Something was taken off that says: a reply or a forward (RFC 5256 §3, REFERENCES). */
  readonly reply: boolean
}

/** `subj-blob`: any octets but brackets, in brackets. */
const BLOB = /\[[^[\]]*\] */y
/** `subj-refwd`. */
const REFWD = /(?:re|fwd?) *(?:\[[^[\]]*\] *)?:/iy

/** @param subject decoded (RFC 2047); the numbers are the steps of RFC 5256 §2.1 */
export function baseSubject(subject: string): BaseSubject {
  let text = subject.replace(/[ \t\r\n]+/g, ' ') // (1)
  let reply = false
  for (;;) {
    const trailed = withoutTrailers(text) // (2)
    const led = withoutLeaders(trailed.text) // (3) to (5)
    text = led.text
    reply ||= trailed.reply || led.reply
    if (text.slice(0, 5).toLowerCase() !== '[fwd:' || !text.endsWith(']')) return { text, reply } // (7)
    text = text.slice(5, -1) // (6)
    reply = true
  }
}

function withoutTrailers(subject: string): BaseSubject {
  let text = subject
  let reply = false
  for (;;) {
    if (text.endsWith(' ')) text = text.slice(0, -1)
    else if (text.slice(-5).toLowerCase() === '(fwd)') {
      text = text.slice(0, -5)
      reply = true
    } else return { text, reply }
  }
}

/** Each octet is looked at a fixed number of times: a subject may be long. */
function withoutLeaders(text: string): BaseSubject {
  let at = 0
  let reply = false
  for (;;) {
    while (text[at] === ' ') at++
    const { last, end } = skipBlobs(text, at)
    REFWD.lastIndex = end
    if (REFWD.test(text)) {
      at = REFWD.lastIndex
      reply = true
      continue
    }
    // No leader stands behind these blobs, so they go, save the last one where nothing would be left.
    return { text: text.slice(end < text.length ? end : last), reply }
  }
}

/** Where the blobs that begin at `at` end, and where the last of them begins. */
function skipBlobs(text: string, at: number): { last: number; end: number } {
  let last = at
  let end = at
  for (BLOB.lastIndex = at; BLOB.test(text);) {
    last = end
    end = BLOB.lastIndex
  }
  return { last, end }
}
