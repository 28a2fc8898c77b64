/**
 * What other rooms see of DNS.
 */
export type DnsType = 'A' | 'AAAA' | 'MX' | 'TXT' | 'PTR' | 'NS' | 'TLSA' | 'SOA' | 'CNAME'

export type DnsAnswer =
  /** `records`: A/AAAA/PTR/NS/CNAME as text, TXT joined, MX as `{ preference, exchange }` … */
  | {
      readonly status: 'ok'
      readonly records: readonly DnsRecord[]
      readonly ttlSeconds: number
      readonly secure: boolean
    }
  | { readonly status: 'nodata' | 'nxdomain'; readonly secure: boolean }
  /** SERVFAIL, time limit, no resolver. */
  | { readonly status: 'failed'; readonly reason: string }

export interface DnsRecord {
  readonly type: DnsType
  readonly value: string
  readonly preference?: number
  readonly ttlSeconds: number
  /** Raw octets of a TLSA or an unparsed record. */
  readonly data?: Buffer
}

export interface Resolver {
  query(name: string, type: DnsType): Promise<DnsAnswer>
  /** The verified and unverified name of a client address, as smtpd's log and restrictions need it. */
  clientName(address: string): Promise<{
    readonly name: string
    readonly reverseName: string
    readonly nameStatus: 'ok' | 'permanent' | 'temporary'
  }>
}
