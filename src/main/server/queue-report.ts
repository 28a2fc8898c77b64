/** The queue at a glance: how old, for whom, and why it waits. */
import type { Reader } from '../../io/db/mod.ts'

export interface QueueReport {
  /** Upper bounds of the age columns, in minutes; the last column is all that is older. */
  readonly ageMinutes: readonly number[]
  readonly total: readonly number[]
  /** By recipient domain, the largest first. */
  readonly destinations: readonly { readonly domain: string; readonly ages: readonly number[] }[]
  /** Deferred recipients by what stands in the way, the most frequent first. */
  readonly causes: readonly {
    readonly cause: string
    readonly recipients: number
    /** The earliest of theirs. */
    readonly nextAttemptMs: number
    /** The reason of one of them, whole. */
    readonly example: string
    readonly domains: number
  }[]
}

/** qshape(1)'s. */
const AGES = [5, 10, 20, 40, 80, 160, 320, 640, 1280]
const PAGE = 5000
/** Domains and causes that are told apart; the rest is in the total. */
const KINDS_LIMIT = 10_000

export function queueByCause(db: Reader, nowMs: number): QueueReport {
  const total = AGES.concat(0).map(() => 0)
  const destinations = new Map<string, number[]>()
  const causes = new Map<string, { recipients: number; nextAttemptMs: number; example: string; domains: Set<string> }>()
  for (let last = 0; ;) {
    const rows = db
      .sql(
        `SELECT r.id, r.address, r.reason, r.next_attempt_ms, m.arrival_ms FROM queue_recipient r JOIN queue_message m ON m.id = r.message
         WHERE r.id > ? AND r.outcome IS NULL ORDER BY r.id LIMIT ?`,
      )
      .all(last, PAGE)
    for (const [id, address, reason, next, arrival] of rows) {
      last = Number(id)
      const domain = String(address).replace(/^.*@/, '').toLowerCase()
      const minutes = (nowMs - Number(arrival)) / 60_000
      const column = AGES.findIndex((age) => minutes < age)
      const at = column < 0 ? AGES.length : column
      total[at] = (total[at] ?? 0) + 1
      const ages = destinations.get(domain) ?? AGES.concat(0).map(() => 0)
      ages[at] = (ages[at] ?? 0) + 1
      if (destinations.size < KINDS_LIMIT) destinations.set(domain, ages)
      if (reason !== '') count(causes, String(reason), domain, Number(next))
    }
    if (rows.length < PAGE) break
  }
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)
  return {
    ageMinutes: AGES,
    total,
    destinations: [...destinations]
      .map(([domain, ages]) => ({ domain, ages }))
      .toSorted((a, b) => sum(b.ages) - sum(a.ages) || (a.domain < b.domain ? -1 : 1)),
    causes: [...causes]
      .map(([cause, { domains, ...facts }]) => ({ cause, ...facts, domains: domains.size }))
      .toSorted((a, b) => b.recipients - a.recipients || (a.cause < b.cause ? -1 : 1)),
  }
}

function count(
  causes: Map<string, { recipients: number; nextAttemptMs: number; example: string; domains: Set<string> }>,
  reason: string,
  domain: string,
  nextAttemptMs: number,
): void {
  const cause = normalisedReason(reason)
  const known = causes.get(cause)
  if (known === undefined) {
    if (causes.size < KINDS_LIMIT)
      causes.set(cause, { recipients: 1, nextAttemptMs, example: reason, domains: new Set([domain]) })
    return
  }
  known.recipients++
  known.nextAttemptMs = Math.min(known.nextAttemptMs, nextAttemptMs)
  known.domains.add(domain)
}

/** A reason without what differs from one recipient to the next: addresses, hosts, ids, numbers. */
export function normalisedReason(reason: string): string {
  return reason
    .replace(/<[^<>\s]*@[^<>\s]*>|[\w.+=-]+@[\w.-]+\.\w+/g, '<address>')
    .replace(/[\w.-]+\[[\w.:/-]+\](:\d+)?/g, 'host$1')
    .replace(/\b\d{1,3}(?:\.\d{1,3}){3}\b/g, 'address')
    .replace(/\bname=\S+/g, 'name=host')
    .replace(/\bhost host\b/g, 'host')
    .replace(/\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{8,}\b/g, 'id')
    .replace(/\b\d{4,}\b/g, 'n')
    .replace(/^delivery temporarily suspended: /, '')
}
