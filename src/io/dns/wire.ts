/**
 * DNS messages: the one question that we ask, and replies read within bounds. RFC 1035 §4, RFC 6891 (EDNS).
 */
import { decode, encode, AUTHENTIC_DATA, DNSSEC_OK, RECURSION_DESIRED, type Answer } from 'dns-packet'
import type { DnsRecord, DnsType } from './contract.ts'

/** What a UDP reply may take without fragments (DNS flag day 2020). */
export const UDP_PAYLOAD = 1232
/** Records that a reply may claim; more is no honest answer. */
const MAX_RECORDS = 1000
/** CNAMEs from the question to the answer. */
const MAX_CHAIN = 12
/** Octets of a TXT record that are kept. */
const MAX_TXT = 65_535

export interface Question {
  readonly name: string
  readonly type: DnsType
}

/** A reply that is ours, reduced to what the resolver decides on. */
export interface ParsedReply {
  readonly rcode: 'noerror' | 'nxdomain' | 'formerr' | 'other'
  readonly rcodeText: string
  readonly truncated: boolean
  /** The AD bit; means something only from a trusted server (RFC 6840 §5.8). */
  readonly authentic: boolean
  readonly records: readonly DnsRecord[]
  /** Where a chain of CNAMEs ends without records of the type; undefined when the answer is complete. */
  readonly alias: string | undefined
  /** RFC 2308 §5: lesser of the SOA's TTL and MINIMUM, undefined without SOA. */
  readonly negativeTtl: number | undefined
}

/** One question, recursion desired, DNSSEC records wanted so that a validating resolver says AD. */
export function encodeQuery(id: number, question: Question, edns: boolean): Buffer {
  return encode({
    type: 'query',
    id,
    flags: RECURSION_DESIRED | AUTHENTIC_DATA,
    questions: [{ type: question.type, name: question.name }],
    additionals: edns
      ? [
          {
            type: 'OPT',
            name: '.',
            udpPayloadSize: UDP_PAYLOAD,
            extendedRcode: 0,
            ednsVersion: 0,
            flags: DNSSEC_OK,
            flag_do: true,
            options: [],
          },
        ]
      : [],
  })
}

/**
 * Reads a reply to `question` with `id`. undefined: not a reply to it, or not DNS; it is then as if it had not come.
 * Never throws, whatever the octets.
 */
export function parseReply(message: Buffer, id: number, question: Question): ParsedReply | undefined {
  if (message.length < 12 || message.readUInt16BE(0) !== id) return undefined
  const flags = message.readUInt16BE(2)
  if ((flags & 0x8000) === 0 || !plausible(message)) return undefined
  const rcode = flags & 0xf
  const truncated = (flags & 0x0200) !== 0
  const common = { rcode: rcodes.get(rcode) ?? 'other', rcodeText: rcodeName(rcode), truncated } as const
  const authentic = (flags & 0x0020) !== 0
  const nothing = { ...common, authentic, records: [], alias: undefined, negativeTtl: undefined }
  let packet
  try {
    packet = decode(message)
  } catch {
    // A cut-off reply only says "ask by TCP"; FORMERR may come without its question.
    return truncated || rcode === 1 ? nothing : undefined
  }
  const asked = packet.questions?.[0]
  if (asked === undefined) return rcode === 0 ? undefined : nothing
  if (ownerOf(asked) !== question.name || asked.type !== question.type) return undefined
  const { records, alias } = collect(packet.answers ?? [], question)
  return { ...common, authentic, records, alias, negativeTtl: negativeTtl(packet.authorities ?? []) }
}

const rcodes: ReadonlyMap<number, 'noerror' | 'nxdomain' | 'formerr'> = new Map([
  [0, 'noerror'],
  [1, 'formerr'],
  [3, 'nxdomain'],
])

function rcodeName(rcode: number): string {
  return ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'][rcode] ?? `RCODE ${rcode}`
}

/** The counts in the header fit the message: a record takes 11 octets at least, a question 5. */
function plausible(message: Buffer): boolean {
  const questions = message.readUInt16BE(4)
  const records = message.readUInt16BE(6) + message.readUInt16BE(8) + message.readUInt16BE(10)
  return questions <= 1 && records <= MAX_RECORDS && 12 + questions * 5 + records * 11 <= message.length
}

function collect(answers: readonly Answer[], { name, type }: Question): { records: DnsRecord[]; alias?: string } {
  let owner = name
  for (let step = 0; step < MAX_CHAIN; step++) {
    const own = answers.filter((a) => ownerOf(a) === owner)
    const records = own.filter((a) => a.type === type).flatMap((a) => toRecord(a, type))
    if (records.length > 0)
      return { records: owner === name ? records : records.map((record) => ({ ...record, name: owner })) }
    const cname = own.find((a) => a.type === 'CNAME')
    if (cname === undefined || cname.type !== 'CNAME') break
    owner = cname.data.toLowerCase()
  }
  return owner === name ? { records: [] } : { records: [], alias: owner }
}

/** The root is written `.` or as nothing. */
const ownerOf = ({ name }: { readonly name: string }): string => (name === '' ? '.' : name.toLowerCase())

function toRecord(answer: Answer, type: DnsType): DnsRecord[] {
  if (!('ttl' in answer)) return []
  // RFC 2181 §8: a TTL with the top bit set is zero.
  const ttl = answer.ttl ?? 0
  const base = { type, ttlSeconds: ttl > 0x7fff_ffff ? 0 : ttl }
  if (answer.type === 'A' || answer.type === 'AAAA') return [{ ...base, value: answer.data }]
  if (answer.type === 'PTR' || answer.type === 'NS' || answer.type === 'CNAME')
    return [{ ...base, value: answer.data.toLowerCase() }]
  if (answer.type === 'MX')
    return [{ ...base, value: answer.data.exchange.toLowerCase(), preference: answer.data.preference ?? 0 }]
  if (answer.type === 'SRV') {
    const { priority = 0, weight = 0, port, target } = answer.data
    return [{ ...base, value: target.toLowerCase(), preference: priority, weight, port }]
  }
  if (answer.type === 'TXT') {
    const parts = [answer.data].flat().map((p) => (typeof p === 'string' ? Buffer.from(p) : p))
    const data = Buffer.concat(parts).subarray(0, MAX_TXT)
    return [{ ...base, value: data.toString(), data }]
  }
  if (answer.type === 'SOA') {
    const soa = answer.data
    return [{ ...base, value: `${soa.mname} ${soa.rname} ${soa.serial ?? 0} ${soa.minimum ?? 0}` }]
  }
  if (answer.type === 'TLSA') {
    const { usage, selector, matchingType, certificate } = answer.data
    const data = Buffer.concat([Buffer.from([usage, selector, matchingType]), certificate])
    return [{ ...base, value: `${usage} ${selector} ${matchingType} ${certificate.toString('hex')}`, data }]
  }
  return []
}

function negativeTtl(authorities: readonly Answer[]): number | undefined {
  for (const a of authorities) if (a.type === 'SOA') return Math.min(a.ttl ?? 0, a.data.minimum ?? 0)
  return undefined
}
