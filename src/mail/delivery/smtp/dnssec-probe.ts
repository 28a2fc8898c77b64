/** dnssec_probe: whether anybody validates at all, asked once where an answer was not secure. Postfix: dns_sec.c. */
import type { DnsAnswer, DnsType, Resolver } from '../../../io/dns/mod.ts'

const TYPES: readonly DnsType[] = ['NS', 'SOA', 'A', 'AAAA', 'MX', 'TXT', 'TLSA', 'CNAME', 'PTR', 'SRV']

export interface ProbeSettings {
  /** `type:name`, or nothing. */
  readonly dnssec_probe: string
}

export class DnssecProbe {
  #seen = false
  #sent = false

  /** DNS whose answers show whether there is DNSSEC. */
  watch(dns: Resolver, { dnssec_probe: probe }: ProbeSettings, note: (text: string) => void): Resolver {
    return {
      query: async (name, type, search) => {
        const answer = await dns.query(name, type, search)
        if (isSecure(answer)) this.#seen = true
        else if (!this.#seen && !this.#sent && probe !== '') {
          this.#sent = true
          void this.#send(dns, probe, note)
        }
        return answer
      },
      addresses: (host) => dns.addresses(host),
      clientName: (address) => dns.clientName(address),
      close: () => dns.close(),
    }
  }

  async #send(dns: Resolver, probe: string, note: (text: string) => void): Promise<void> {
    const [, word = '', name = ''] = /^(\w+):(.+)$/.exec(probe) ?? []
    const type = TYPES.find((one) => one === word.toUpperCase())
    if (type === undefined) return note(`warning: malformed dnssec_probe value: "${probe}"`)
    const answer = await dns.query(name, type)
    if (isSecure(answer)) {
      this.#seen = true
      return
    }
    const why =
      answer.status === 'failed'
        ? `received no response: ${answer.reason}`
        : 'received a response that is not DNSSEC validated'
    note('warning: DNSSEC validation may be unavailable')
    note(`warning: reason: dnssec_probe '${probe}' ${why}`)
  }
}

const isSecure = (answer: DnsAnswer): boolean => answer.status !== 'failed' && answer.secure
