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

/** What the native name service (hosts file, then DNS) knows of a host. */
export type HostAddresses =
  | { readonly status: 'ok'; readonly addresses: readonly string[] }
  | { readonly status: 'none' }
  | { readonly status: 'failed'; readonly reason: string }

export interface Resolver {
  /** DNS alone, CNAMEs followed. Never throws: a name that is none answers nxdomain. */
  query(name: string, type: DnsType): Promise<DnsAnswer>
  /** Addresses of a host by the hosts file, then A and AAAA: what getaddrinfo() would say. */
  addresses(host: string): Promise<HostAddresses>
  /** The verified and unverified name of a client address, as smtpd's log and restrictions need it. */
  clientName(address: string): Promise<{
    readonly name: string
    readonly reverseName: string
    /** Of the verified name. */
    readonly nameStatus: 'ok' | 'permanent' | 'temporary'
    /** Of the name by PTR alone. */
    readonly reverseStatus: 'ok' | 'permanent' | 'temporary'
  }>
  /** Ends what is under way; later questions answer `failed`. */
  close(): void
}
