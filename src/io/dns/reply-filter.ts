/**
 * A filter over what DNS says: records written out as `name ttl IN type value`, and dropped where a table wants it.
 * postconf(5): smtp_dns_reply_filter.
 */
import type { DnsAnswer, DnsRecord, DnsType, Resolver } from './contract.ts'

export interface ReplyFilter {
  /** The filter's name, for the log: `smtp_dns_reply_filter`. */
  readonly parameter: string
  /** What the tables say of a record; throws where they cannot be asked. */
  readonly find: (record: string) => Promise<string | undefined>
  readonly told: (severity: 'info' | 'warning', text: string) => void
}

/** Questions to DNS alone are filtered; the hosts file, and what follows it, is not. */
export function filteredResolver(dns: Resolver, filter: ReplyFilter): Resolver {
  return {
    async query(name, type, search) {
      const answer = await dns.query(name, type, search)
      return answer.status === 'ok' ? filtered({ name, type, answer }, filter) : answer
    },
    addresses: (host) => dns.addresses(host),
    clientName: (address) => dns.clientName(address),
    close: () => dns.close(),
  }
}

interface Asked {
  readonly name: string
  readonly type: DnsType
  readonly answer: Extract<DnsAnswer, { status: 'ok' }>
}

async function filtered({ name, type, answer }: Asked, filter: ReplyFilter): Promise<DnsAnswer> {
  const fail = (why: string): DnsAnswer & { status: 'failed' } => ({
    status: 'failed',
    reason: `Error looking up name=${name} type=${type}: ${why}`,
  })
  const kept: DnsRecord[] = []
  for (const record of answer.records) {
    const text = printed(record, name)
    const verdict = await verdictOf(text, filter)
    if (verdict === 'broken') return fail('Invalid DNS reply filter syntax')
    if (verdict === 'keep') kept.push(record)
    else filter.told('info', `ignoring DNS RR: ${text}`)
  }
  if (kept.length === 0) return { ...fail('DNS reply filter drops all results'), filtered: true }
  return { ...answer, records: kept }
}

async function verdictOf(text: string, { parameter, find, told }: ReplyFilter): Promise<'keep' | 'drop' | 'broken'> {
  try {
    const action = await find(text)
    if (action === undefined) return 'keep'
    if (/^ignore(?:\s|$)/i.test(action)) return 'drop'
    told('warning', `${parameter}: unknown DNS filter action: "${action}"`)
  } catch (error) {
    told('warning', `${parameter}: ${error instanceof Error ? error.message : String(error)}`)
  }
  return 'broken'
}

/** Names end in a dot. */
function printed({ name, type, value, preference, weight, port, ttlSeconds }: DnsRecord, asked: string): string {
  const dotted = (text: string): string => (text.endsWith('.') ? text : `${text}.`)
  const isName = ['MX', 'SRV', 'NS', 'PTR', 'CNAME'].includes(type)
  const isWeighed = type === 'MX' || type === 'SRV'
  const words = [...(isWeighed ? [preference, weight, port] : []), isName ? dotted(value) : value].filter(
    (word) => word !== undefined,
  )
  return `${dotted(name ?? asked)} ${ttlSeconds} IN ${type} ${words.join(' ')}`
}
