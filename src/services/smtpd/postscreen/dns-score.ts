/** postscreen_dnsbl_sites: what DNS lists make of a client, added up. */
import type { Resolver } from '../../../io/dns/mod.ts'
import { answerPattern, DnsLists, listLabel } from '../../../mail/policy/mod.ts'

interface Site {
  readonly domain: string
  readonly weight: number
  readonly matches: (address: string) => boolean
}

export interface Score {
  readonly score: number
  /** The list of the greatest weight among those that have the client. */
  readonly domain: string
  /** How long at the most this holds, as the lists say; undefined: none said. */
  readonly ttlSeconds: number | undefined
  /** `addr … listed by domain … as …` */
  readonly listed: readonly { readonly domain: string; readonly address: string }[]
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
  async of(address: string): Promise<Score> {
    const label = listLabel('address', address)
    const asked = await Promise.all(
      [...this.#sites].map(async ([domain, sites]) => ({
        domain,
        sites,
        answer: label === undefined ? undefined : await this.#lists.ask(`${label}.${domain}`, domain),
      })),
    )
    const listed = asked.flatMap(({ domain, sites, answer }) =>
      answer?.status === 'listed' ? [{ domain, sites, ...answer }] : [],
    )
    const counted = listed.flatMap(({ sites, addresses }) =>
      sites.filter(({ matches }) => addresses.some((one) => matches(one))),
    )
    const heaviest = counted.reduce<Site | undefined>(
      (best, site) => (best !== undefined && best.weight >= site.weight ? best : site),
      undefined,
    )
    const ttls = listed.flatMap(({ ttlSeconds }) => (ttlSeconds === undefined ? [] : [ttlSeconds]))
    return {
      score: counted.reduce((sum, { weight }) => sum + weight, 0),
      domain: heaviest?.domain ?? '',
      ttlSeconds: ttls.length === 0 ? undefined : Math.min(...ttls),
      listed: listed.flatMap(({ domain, addresses }) => addresses.map((one) => ({ domain, address: one }))),
    }
  }
}
