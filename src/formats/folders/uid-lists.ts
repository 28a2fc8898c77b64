/** What Dovecot and Courier keep beside a Maildir: UIDs by file name, and keywords. */

export interface UidListEntry {
  readonly uid: number
  /** What Dovecot's POP3 server called it, where that is not made of its UID. */
  readonly uidl: string | undefined
}

export interface UidList {
  readonly uidValidity: number
  readonly uidNext: number
  /** By the part of a file's name that stays. */
  readonly entries: ReadonlyMap<string, UidListEntry>
  /** The first lines that could not be read, from 1. */
  readonly badLines: readonly number[]
  /** How many there are. */
  readonly bad: number
}

/** RFC 1939 §7. */
const UIDL_FIELD = /^P[\x21-\x7e]{1,70}$/
/** Lines that are told. */
const BAD_LIMIT = 10
/** Messages of a folder: what its owner wrote there must not fill the memory. */
const ENTRY_LIMIT = 2_000_000
const UID = /^[1-9][0-9]{0,9}$/

/**
 * `dovecot-uidlist`: version 3 `3 V1275660208 N25022 G…`, then `25006 W1234 P2f6e :1276528487.M…`; version 1
 * `1 1275660208 25022`, then `25006 1276528487.M…`. undefined: it is none.
 */
export function parseDovecotUids(text: string): UidList | undefined {
  const { head, rest } = headOf(text)
  const old = /^1 ([0-9]+) ([0-9]+)$/.exec(head)
  const uidValidity = old?.[1] ?? /^3 .*?\bV([0-9]+)/.exec(head)?.[1]
  const uidNext = old?.[2] ?? /^3 .*?\bN([0-9]+)/.exec(head)?.[1]
  if (uidValidity === undefined || uidNext === undefined) return undefined
  return collect(Number(uidValidity), Number(uidNext), rest, (line) => {
    const shape = old === null ? /^([0-9]+) (?:(.*?) )?:(.*)$/ : /^([0-9]+)() (.*)$/
    const [, uid = '', fields = '', name = ''] = shape.exec(line) ?? []
    // A field is one letter and its value; POP3's has no white space.
    const uidl = fields.split(' ').find((field) => UIDL_FIELD.test(field))
    return { uid, name, uidl: uidl?.slice(1) }
  })
}

/** `courierimapuiddb`: `1 1275660208 25022`, then `25006 1276528487.M…`. */
export function parseCourierUids(text: string): UidList | undefined {
  const { head, rest } = headOf(text)
  const [, uidValidity, uidNext] = /^1 ([0-9]+) ([0-9]+)$/.exec(head) ?? []
  if (uidValidity === undefined) return undefined
  return collect(Number(uidValidity), Number(uidNext), rest, (line) => {
    const [, uid = '', name = ''] = /^([0-9]+) (.*)$/.exec(line) ?? []
    return { uid, name, uidl: undefined }
  })
}

function headOf(text: string): { head: string; rest: Iterable<string> } {
  const end = text.indexOf('\n')
  return end < 0 ? { head: text, rest: [] } : { head: text.slice(0, end), rest: linesOf(text, end + 1) }
}

/** One at a time: a text of nothing but ends of lines would make an array far larger than itself. */
function* linesOf(text: string, from: number): Generator<string> {
  for (let at = from, end; at < text.length; at = end + 1) {
    end = text.indexOf('\n', at)
    if (end < 0) end = text.length
    yield text.slice(at, end)
  }
}

function collect(
  uidValidity: number,
  uidNext: number,
  lines: Iterable<string>,
  read: (line: string) => { readonly uid: string; readonly name: string; readonly uidl: string | undefined },
): UidList {
  const entries = new Map<string, UidListEntry>()
  const badLines: number[] = []
  let [highest, bad, number] = [0, 0, 1]
  for (const line of lines) {
    number++
    if (line === '') continue
    const { uid, name, uidl } = read(line)
    if (!UID.test(uid) || name === '' || entries.size >= ENTRY_LIMIT) {
      if (bad++ < BAD_LIMIT) badLines.push(number)
    } else {
      // Names may stand with their flags.
      entries.set(name.replace(/[:;!]2,[A-Za-z]*$/, ''), { uid: Number(uid), uidl })
      highest = Math.max(highest, Number(uid))
    }
  }
  return { uidValidity, uidNext: Math.max(uidNext, highest + 1), entries, badLines, bad }
}

/** `dovecot-keywords`: `0 $Junk`, a line a keyword; the number is the letter's place in the alphabet. */
export function parseDovecotKeywords(text: string): (string | undefined)[] {
  const keywords: (string | undefined)[] = []
  for (const line of text.split('\n')) {
    const [, place, word] = /^([0-9]{1,2}) (\S+)$/.exec(line) ?? []
    if (place !== undefined && Number(place) < 26) keywords[Number(place)] = word
  }
  return keywords
}
