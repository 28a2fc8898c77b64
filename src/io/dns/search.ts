/**
 * Names with the domains of a search list behind them, in the order of resolver(3) with `ndots:1`.
 */
import { hostname } from 'node:os'
import type { DnsAnswer, SearchRules } from './contract.ts'

/** What resolv.conf(5) searches where it names no domain: that of this machine. */
export function ownDomain(): string[] {
  const name = hostname()
  const dot = name.indexOf('.')
  return dot < 0 ? [] : [name.slice(dot + 1)]
}

/** @param domains of the list */
export async function searched(
  name: string,
  domains: readonly string[],
  { defaultDomain, searchList }: SearchRules,
  ask: (name: string) => Promise<DnsAnswer>,
): Promise<DnsAnswer> {
  const isAbsolute = name.endsWith('.')
  const isShort = !name.includes('.')
  const longer = searchList ? domains : domains.slice(0, 1)
  const applies = !isAbsolute && (isShort ? defaultDomain : searchList)
  const further = applies ? longer.map((domain) => `${name}.${domain}`) : []
  const names = isShort ? [...further, name] : [name, ...further]
  let failure: DnsAnswer | undefined
  let last: DnsAnswer = { status: 'nxdomain', secure: false }
  for (const one of names) {
    last = await ask(one)
    if (last.status === 'ok')
      return { ...last, records: last.records.map((r) => (one === name ? r : { name: one, ...r })) }
    // One that could not be asked may be the right one.
    if (last.status === 'failed') failure ??= last
  }
  return failure ?? last
}
