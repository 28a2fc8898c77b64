/** Delivery status filters: a table has the last word on status code and text of what became of a recipient. */
import { publish } from '#src/base/mod.ts'
import { defineParams, str } from '../../io/config/mod.ts'
import { type Maps, TableError } from '../../io/tables/mod.ts'
import type { Agent, RecipientResult } from '../queue/mod.ts'
import type { LocalEvent } from './local/events.ts'

export const statusFilterParams = defineParams({
  default_delivery_status_filter: str(
    '',
    'Tables that change status code and text of deliveries, by `code text`; a success stays one, and a failure stays one.',
  ),
  local_delivery_status_filter: str('$default_delivery_status_filter', 'The same for local(8).'),
  pipe_delivery_status_filter: str('$default_delivery_status_filter', 'The same for pipe(8).'),
  virtual_delivery_status_filter: str('$default_delivery_status_filter', 'The same for virtual(8).'),
})

type Program = 'smtp' | 'lmtp' | 'local' | 'pipe' | 'virtual'

/** The tables of one transport. */
export interface StatusFilter {
  readonly program: Program
  readonly maps: Maps
}

type Report = Parameters<Agent['deliver']>[1]

/** Reports through a filter; `settled` is when all that was reported has been passed on. */
export function filteredReport(filter: StatusFilter, report: Report): { report: Report; settled(): Promise<void> } {
  const waiting: Promise<void>[] = []
  return {
    report(recipient, result, relay, times) {
      const pass = (found: RecipientResult): void => report(recipient, found, relay, times)
      const found = filtered(filter, result)
      if (found instanceof Promise) waiting.push(found.then(pass))
      else pass(found)
    },
    async settled() {
      await Promise.all(waiting)
    },
  }
}

function filtered(filter: StatusFilter, result: RecipientResult): RecipientResult | Promise<RecipientResult> {
  try {
    const answer = filter.maps.get(`${result.dsn} ${result.text}`)
    if (!(answer instanceof Promise)) return changed(filter, result, answer)
    return answer.then(
      (found) => changed(filter, result, found),
      (error: unknown) => unasked(filter, result, error),
    )
  } catch (error) {
    return unasked(filter, result, error)
  }
}

/** postconf(5) default_delivery_status_filter: what is no status of the same sort is warned of and passed over. */
function changed({ program }: StatusFilter, result: RecipientResult, found: string | undefined): RecipientResult {
  if (found === undefined) return result
  const [, dsn = '', text = ''] = /^([245]\.\d{1,3}\.\d{1,3})(?:\s+(.*))?$/s.exec(found) ?? []
  if (dsn === '' || text === '' || dsn.startsWith('2') !== (result.status === 'sent')) {
    warn(program, `${program} delivery status filter: bad status code: ${found}`)
    return result
  }
  if (result.status === 'sent') return { ...result, dsn, text }
  return { ...result, status: dsn.startsWith('5') ? 'bounced' : 'deferred', dsn, text }
}

/** The mail has gone, or not: a table that cannot be asked changes nothing about that. */
function unasked({ program }: StatusFilter, result: RecipientResult, error: unknown): RecipientResult {
  if (!(error instanceof TableError)) throw error
  warn(program, `${program} delivery status filter: ${error.message}`)
  return result
}

function warn(program: Program, text: string): void {
  publish<LocalEvent>({ event: 'delivery.warning', program, text })
}
