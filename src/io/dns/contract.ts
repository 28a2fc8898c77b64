/**
 * What other rooms see of DNS.
 */
export type DnsType = 'A' | 'AAAA' | 'MX' | 'TXT' | 'PTR' | 'NS' | 'TLSA' | 'SOA' | 'CNAME' | 'SRV'

export type DnsAnswer =
  /** `records`: A/AAAA/PTR/NS/CNAME as text, TXT joined, MX as `{ preference, exchange }` … */
  | {
      readonly status: 'ok'
      readonly records: readonly DnsRecord[]
      readonly ttlSeconds: number
      readonly secure: boolean
    }
  /** `ttlSeconds`: how long that holds, by the zone's SOA (RFC 2308 §5); undefined where there was none. */
  | { readonly status: 'nodata' | 'nxdomain'; readonly secure: boolean; readonly ttlSeconds?: number }
  /** SERVFAIL, time limit, no resolver; `filtered`: there were records, and a filter of ours has dropped them all. */
  | { readonly status: 'failed'; readonly reason: string; readonly filtered?: true }

export interface DnsRecord {
  readonly type: DnsType
  /** Whose it is, where that is not the name asked for: an alias led there, or a search list. */
  readonly name?: string
  /** Of an SRV record the host. */
  readonly value: string
  /** Of an MX record; an SRV record's priority. */
  readonly preference?: number
  readonly weight?: number
  readonly port?: number
  readonly ttlSeconds: number
  /** Raw octets of a TLSA or an unparsed record. */
  readonly data?: Buffer
}

/** What the native name service (hosts file, then DNS) knows of a host. */
export type HostAddresses =
  | { readonly status: 'ok'; readonly addresses: readonly string[] }
  | { readonly status: 'none' }
  | { readonly status: 'failed'; readonly reason: string }

/** What is put behind names that are not found, as resolver(3) has it. */
export interface SearchRules {
  /** RES_DEFNAMES: the first domain of resolv.conf's list, behind a name without dots. */
  readonly defaultDomain: boolean
  /** RES_DNSRCH: all domains of the list, behind any name. */
  readonly searchList: boolean
}

export interface Resolver {
  /** DNS alone, CNAMEs followed; `.` is the root. Never throws: a name that is none answers nxdomain. */
  query(name: string, type: DnsType, search?: SearchRules): Promise<DnsAnswer>
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
