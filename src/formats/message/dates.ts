/** Dates of header fields, old forms included. RFC 5322 §3.3, §4.3. */

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Zone names that RFC 5322 §4.3 gives a meaning; minutes east of UTC. Others count as UTC. */
const ZONES: Readonly<Record<string, number>> = {
  UT: 0,
  GMT: 0,
  UTC: 0,
  Z: 0,
  EST: -300,
  EDT: -240,
  CST: -360,
  CDT: -300,
  MST: -420,
  MDT: -360,
  PST: -480,
  PDT: -420,
}

const two = (n: number): string => String(n).padStart(2, '0')

export interface ParsedDate {
  /** Milliseconds since 1970, UTC. */
  readonly ms: number
  /** Days since 1970 of the calendar date as written, zone ignored (IMAP's SENTON and its like). */
  readonly day: number
}

/** As nearly all mail has it; everything else is looked at more slowly. */
const USUAL =
  /^(?:[A-Z][a-z]{2}, {1,2})?(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) ([+-]\d{4})(?: \([^()]*\))?$/

/** Reads a Date field's value; undefined where there is no date in it. */
export function parseDate(text: string): ParsedDate | undefined {
  const match = USUAL.exec(text) ?? findDate(text)
  if (match === null) return undefined
  const [, dayWord, monthWord, yearWord, hour = '0', minute = '0', second = '0', zone = 'UTC'] = match
  const month = MONTHS.findIndex((m) => m.toLowerCase() === monthWord?.toLowerCase())
  const date = Number(dayWord)
  if (month < 0 || date < 1 || date > 31 || Number(hour) > 24 || Number(minute) > 59) return undefined
  const midnight = Date.UTC(fullYear(yearWord ?? ''), month, date)
  const time = (Number(hour) * 60 + Number(minute) - zoneMinutes(zone)) * 60_000 + Math.min(Number(second), 60) * 1000
  return { ms: midnight + time, day: Math.floor(midnight / 86_400_000) }
}

const ANY =
  /(?:^|[\s,])(\d{1,2})[ -]([A-Za-z]{3})[A-Za-z]*[ -](\d{2,4})(?: (\d{1,2}):(\d{2})(?::(\d{2}))?(?:\.\d+)?(?: ?([+-]\d{4}|[A-Za-z]{1,5}))?)?/

function findDate(text: string): RegExpExecArray | null {
  return ANY.exec(text.replace(/\([^()]*\)/g, ' ').replace(/\s+/g, ' '))
}

/** RFC 5322 §4.3: two digits below 50 are 20xx, other two- and three-digit years count from 1900. */
function fullYear(word: string): number {
  const year = Number(word)
  if (word.length >= 4) return year
  return word.length === 2 && year < 50 ? 2000 + year : 1900 + year
}

function zoneMinutes(zone: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d\d)(\d\d)$/.exec(zone) ?? []
  if (sign === undefined) return ZONES[zone.toUpperCase()] ?? 0
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes))
}

function zoneOf(date: Date): string {
  const minutes = -date.getTimezoneOffset()
  const east = Math.abs(minutes)
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(east / 60))}${two(east % 60)}`
}

/** `Tue, 24 Nov 2026 09:04:28 +0000`, in the machine's zone. */
export function formatDate(ms: number): string {
  const d = new Date(ms)
  const day = `${DAYS[d.getDay()]}, ${d.getDate()} ${MONTHS[d.getMonth()]} ${d.getFullYear()}`
  return `${day} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())} ${zoneOf(d)}`
}

const zoneName = new Intl.DateTimeFormat('en', { timeZoneName: 'short' })

/** The same with the zone's name behind, as Postfix writes Received: `… +0000 (UTC)`. */
export function formatTraceDate(ms: number): string {
  const name = zoneName.formatToParts(ms).find((part) => part.type === 'timeZoneName')?.value ?? ''
  return `${formatDate(ms)} (${name})`
}

/** A formatTraceDate that makes each second's text once: every message of a busy server asks for it. */
export function traceDates(): (ms: number) => string {
  let second = Number.NaN
  let text = ''
  return (ms) => {
    if (Math.floor(ms / 1000) !== second) {
      second = Math.floor(ms / 1000)
      text = formatTraceDate(ms)
    }
    return text
  }
}

/** IMAP's date-time: `24-Nov-2026 09:04:28 +0000`. RFC 9051 §9. */
export function formatInternalDate(ms: number): string {
  const d = new Date(ms)
  const time = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`
  return `${String(d.getDate()).padStart(2)}-${MONTHS[d.getMonth()]}-${d.getFullYear()} ${time} ${zoneOf(d)}`
}
