/** `date-time` and `date`. RFC 9051 §9. */
import type { Cursor } from './cursor.ts'

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

function day(text: string, date: string, month: string, year: string, cursor: Cursor): number {
  const at = MONTHS.indexOf(month.toLowerCase())
  const ms = at < 0 ? Number.NaN : Date.UTC(Number(year), at, Number(date))
  if (Number.isNaN(ms) || new Date(ms).getUTCDate() !== Number(date)) throw cursor.bad(`Not a date: ${text}`)
  return ms
}

/** `"17-Jul-1996 02:44:25 -0700"` → ms since 1970. */
export function takeDateTime(cursor: Cursor): number {
  const text = cursor.takeString().toString('latin1')
  const match = /^\s?(\d{1,2})-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/.exec(text)
  if (match === null) throw cursor.bad('Not a date-time')
  const [, date = '', month = '', year = '', h, m, s, sign, zh, zm] = match
  const offset = (Number(zh) * 60 + Number(zm)) * (sign === '-' ? -1 : 1)
  if (Number(h) > 23 || Number(m) > 59 || Number(s) > 60) throw cursor.bad('Not a time')
  return day(text, date, month, year, cursor) + ((Number(h) * 60 + Number(m) - offset) * 60 + Number(s)) * 1000
}

/** `1-Feb-1994`, quoted or not → days since 1970. */
export function takeDate(cursor: Cursor): number {
  const text = cursor.takeAStringOctets().toString('latin1')
  const [, date = '', month = '', year = ''] = /^(\d{1,2})-([A-Za-z]{3})-(\d{4})$/.exec(text) ?? []
  if (year === '') throw cursor.bad('Not a date')
  return day(text, date, month, year, cursor) / 86_400_000
}
