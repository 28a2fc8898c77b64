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
  /** Lines that could not be read, from 1. */
  readonly badLines: readonly number[]
}

/** RFC 1939 §7. */
const UIDL_FIELD = /^P[\x21-\x7e]{1,70}$/
const UID = /^[1-9][0-9]{0,9}$/

/**
 * `dovecot-uidlist`: version 3 `3 V1275660208 N25022 G…`, then `25006 W1234 P2f6e :1276528487.M…`; version 1
 * `1 1275660208 25022`, then `25006 1276528487.M…`. undefined: it is none.
 */
export function parseDovecotUids(text: string): UidList | undefined {
  const [head = '', ...lines] = text.split('\n')
  const old = /^1 ([0-9]+) ([0-9]+)$/.exec(head)
  const uidValidity = old?.[1] ?? /^3 .*?\bV([0-9]+)/.exec(head)?.[1]
  const uidNext = old?.[2] ?? /^3 .*?\bN([0-9]+)/.exec(head)?.[1]
  if (uidValidity === undefined || uidNext === undefined) return undefined
  return collect(Number(uidValidity), Number(uidNext), lines, (line) => {
    const shape = old === null ? /^([0-9]+) (?:(.*?) )?:(.*)$/ : /^([0-9]+)() (.*)$/
    const [, uid = '', fields = '', name = ''] = shape.exec(line) ?? []
    // A field is one letter and its value; POP3's has no white space.
    const uidl = fields.split(' ').find((field) => UIDL_FIELD.test(field))
    return { uid, name, uidl: uidl?.slice(1) }
  })
}

/** `courierimapuiddb`: `1 1275660208 25022`, then `25006 1276528487.M…`. */
export function parseCourierUids(text: string): UidList | undefined {
  const [head = '', ...lines] = text.split('\n')
  const [, uidValidity, uidNext] = /^1 ([0-9]+) ([0-9]+)$/.exec(head) ?? []
  if (uidValidity === undefined) return undefined
  return collect(Number(uidValidity), Number(uidNext), lines, (line) => {
    const [, uid = '', name = ''] = /^([0-9]+) (.*)$/.exec(line) ?? []
    return { uid, name, uidl: undefined }
  })
}

function collect(
  uidValidity: number,
  uidNext: number,
  lines: readonly string[],
  read: (line: string) => { readonly uid: string; readonly name: string; readonly uidl: string | undefined },
): UidList {
  const entries = new Map<string, UidListEntry>()
  const badLines: number[] = []
  let highest = 0
  for (const [i, line] of lines.entries()) {
    if (line === '') continue
    const { uid, name, uidl } = read(line)
    if (!UID.test(uid) || name === '') badLines.push(i + 2)
    else {
      // Names may stand with their flags.
      entries.set(name.replace(/[:;!]2,[A-Za-z]*$/, ''), { uid: Number(uid), uidl })
      highest = Math.max(highest, Number(uid))
    }
  }
  return { uidValidity, uidNext: Math.max(uidNext, highest + 1), entries, badLines }
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
