/** What `postigo tls-report` asks of whoever has the data. */
import { TlsCounts } from '../../mail/delivery/mod.ts'
import type { ControlAnswer, ControlRequest } from './control.ts'
import type { Rooms } from './rooms.ts'

const DAY_MS = 86_400_000
/** A day's rows that are shown. */
const MAX_ROWS = 10_000

export function answerTlsReport({ db, clock }: Pick<Rooms, 'db' | 'clock'>, request: ControlRequest): ControlAnswer {
  const { day = Math.floor(clock.now() / DAY_MS), domain } = request
  if (typeof day !== 'number' || !Number.isSafeInteger(day)) return { ok: false, error: 'no such day' }
  const counts = new TlsCounts(db, () => clock.now())
  const rows = counts.list(day, typeof domain === 'string' ? domain : undefined)
  return { ok: true, rows: rows.slice(0, MAX_ROWS), more: rows.length > MAX_ROWS }
}
