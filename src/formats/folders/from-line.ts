/** The From_ line before each message of an mbox: `From ana@example.com  Tue Nov 24 12:05:02 2026`. */

export interface FromLine {
  readonly sender: string
  readonly dateMs: number
}

export const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const

/** A line that is longer is none. */
export const FROM_LINE_LIMIT = 1024

/**
 * What c-client and Dovecot take for one: a date as asctime(3) prints it, with or without seconds, a zone before or behind the
 * year, and anything behind (`remote from …`).
 */
const SHAPE = new RegExp(
  `^From +(?:(.*?) +)?(?:${DAYS.join('|')})[, ] *(${MONTHS.join('|')}) +([0-9]{1,2}) +([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?` +
    `(?: +([A-Z]{3,5}(?: DST)?|[+-][0-9]{4}))? +([0-9]{4})(?: +([+-][0-9]{4}|[A-Z]{3,5}))?(?: .*)?$`,
)

/** Zones by name as RFC 5322 §4.3 knows them; every other name is taken for this machine's own. */
const ZONES: Readonly<Record<string, number>> = {
  GMT: 0,
  UTC: 0,
  UT: 0,
  EST: -300,
  EDT: -240,
  CST: -360,
  CDT: -300,
  MST: -420,
  MDT: -360,
  PST: -480,
  PDT: -420,
}

/** undefined: it only begins like one. The time is local where no zone is named. @param line without its end */
export function parseFromLine(line: string): FromLine | undefined {
  const parts = SHAPE.exec(line)
  if (parts === null) return undefined
  const [, sender = '', month = '', day, hour, minute, second = '0', before, year, behind] = parts
  const numbers = [Number(year), MONTHS.findIndex((one) => one === month), ...[day, hour, minute, second].map(Number)]
  const [y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0] = numbers
  if (d < 1 || d > 31 || h > 23 || mi > 59 || s > 60) return undefined
  const zone = zoneMinutes(behind ?? before)
  const dateMs =
    zone === undefined ? new Date(y, mo, d, h, mi, s).getTime() : Date.UTC(y, mo, d, h, mi, s) - zone * 60_000
  return { sender, dateMs }
}

function zoneMinutes(zone: string | undefined): number | undefined {
  if (zone === undefined) return undefined
  const [, sign, hours, minutes] = /^([+-])([0-9]{2})([0-9]{2})$/.exec(zone) ?? []
  if (sign === undefined) return ZONES[zone]
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes))
}

/** In local time, as asctime(3) and everybody else writes it. */
export function fromLine(sender: string, dateMs: number): string {
  const date = new Date(dateMs)
  const two = (n: number): string => String(n).padStart(2, '0')
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')
  const day = `${DAYS[date.getDay()]} ${MONTHS[date.getMonth()]} ${String(date.getDate()).padStart(2)}`
  return `From ${sender === '' ? 'MAILER-DAEMON' : sender.replaceAll(/\s/g, '-')}  ${day} ${clock} ${date.getFullYear()}`
}
