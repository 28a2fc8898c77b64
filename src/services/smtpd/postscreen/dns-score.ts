/** postscreen_dnsbl_sites: what DNS lists make of a client, added up as they answer. Postfix: postscreen_dnsbl.c. */
import type { Resolver } from '../../../io/dns/mod.ts'
import { answerPattern, DnsLists, listLabel } from '../../../mail/policy/mod.ts'

interface Site {
  readonly domain: string
  readonly weight: number
  readonly matches: (address: string) => boolean
}

/** What lists have said of one client by now. */
export interface Score {
  readonly score: number
  /** The list of the greatest weight among those that have the client. */
  readonly domain: string
  /** How long that holds: the least that lists of the score's sign say; 0 where one does not say, or nobody has answered. */
  readonly ttlSeconds: number
}

/** What becomes of an answer on its way into the score. */
export interface ScoreReport {
  readonly listed: (domain: string, address: string) => void
  /** A list that has not answered within the time limit. */
  readonly late: (domain: string) => void
}

/** Lists that are asked for one client. */
export interface Asking {
  /** By the lists that have answered. */
  readonly now: () => Score
  /** All have answered, or are late. */
  readonly done: Promise<void>
}

/** `domain=filter*weight`; throws RangeError for what is none. */
export function parseSite(text: string): Site {
  const [, domain = '', filter, weight = '1'] = /^([^=*]+)(?:=([^*]+))?(?:\*([+-]?\d{1,6}))?$/.exec(text) ?? []
  const matches = filter === undefined ? () => true : answerPattern(filter)
  if (domain === '' || matches === undefined) throw new RangeError(`bad DNSBL site: ${text}`)
  return { domain, weight: Number(weight), matches }
}

export class DnsScore {
  readonly #sites: ReadonlyMap<string, readonly Site[]>
  readonly #lists: DnsLists

  constructor(
    sites: readonly string[],
    dns: Resolver,
    options: { readonly selfTest: boolean; readonly limitMs: number },
  ) {
    this.#sites = Map.groupBy(sites.map(parseSite), ({ domain }) => domain)
    this.#lists = new DnsLists(dns, options)
  }

  /** All lists are asked at once; one that does not answer in time, or not soundly, has no say. */
  ask(address: string, report: ScoreReport): Asking {
    const tally = new Tally()
    const label = listLabel('address', address)
    const asked = [...this.#sites].map(async ([domain, sites]) => {
      if (label === undefined) return
      const answer = await this.#lists.ask(`${label}.${domain}`, domain)
      if (answer.status === 'failed') {
        if (answer.late === true) report.late(domain)
        else tally.add([], undefined)
        return
      }
      const addresses = answer.status === 'listed' ? answer.addresses : []
      for (const one of addresses) report.listed(domain, one)
      const counted = sites.filter(({ matches }) => addresses.some((one) => matches(one)))
      tally.add(counted, answer.ttlSeconds)
    })
    return { now: () => tally.score(), done: Promise.all(asked).then(() => {}) }
  }
}

class Tally {
  #score = 0
  #heaviest: Site | undefined
  /** Of answers that speak against the client, and of the others. */
  readonly #ttls = { against: Infinity, for: Infinity }

  /** @param sites of one list, those that have the client */
  add(sites: readonly Site[], ttlSeconds: number | undefined): void {
    let weight = 0
    for (const site of sites) {
      weight += site.weight
      if (this.#heaviest === undefined || this.#heaviest.weight < site.weight) this.#heaviest = site
    }
    this.#score += weight
    const side = weight > 0 ? 'against' : 'for'
    this.#ttls[side] = Math.min(this.#ttls[side], ttlSeconds ?? 0)
  }

  score(): Score {
    const ttl = this.#score > 0 ? this.#ttls.against : this.#ttls.for
    return { score: this.#score, domain: this.#heaviest?.domain ?? '', ttlSeconds: ttl === Infinity ? 0 : ttl }
  }
}
