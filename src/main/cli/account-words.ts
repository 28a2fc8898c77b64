/** What the commands about one account share: its name, times as people write and read them. */
import { type Account, AccountError } from '../../mail/accounts/mod.ts'
import { type OpenedAccounts, UsageError } from './accounts-port.ts'

/** Throws AccountError('no-such-account'). */
export function existing({ accounts }: Pick<OpenedAccounts, 'accounts'>, address: string): Account {
  const account = accounts.find(address)
  if (!account) throw new AccountError('no-such-account', `there is no account ${address}`)
  return account
}

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 }
const SPAN_DIGITS_MAX = 6

/** `90d`, `12h`, `2w`, `30m`, in milliseconds. Throws UsageError. */
export function takeSpan(option: string, text: string): number {
  const [, digits, unit = ''] = new RegExp(`^([1-9][0-9]{0,${SPAN_DIGITS_MAX - 1}})([mhdw])$`).exec(text) ?? []
  const size = UNITS[unit]
  if (digits === undefined || size === undefined)
    throw new UsageError(`${option} ${text}: a number with m, h, d or w (minutes, hours, days, weeks)`)
  return Number(digits) * size
}

/** A moment: so long from now, or a day (`2027-03-01`, its start in UTC). Throws UsageError. */
export function takeMoment(option: string, text: string, nowMs: number): number {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return nowMs + takeSpan(option, text)
  const at = Date.parse(`${text}T00:00:00Z`)
  if (Number.isNaN(at)) throw new UsageError(`${option} ${text}: there is no such day`)
  if (at <= nowMs) throw new UsageError(`${option} ${text}: that is past`)
  return at
}

/** `2026-11-24 23:10` in the machine's time zone; `-` for never. */
export function shownTime(ms: number | undefined): string {
  if (ms === undefined) return '-'
  const date = new Date(ms)
  const two = (n: number): string => String(n).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`
}
