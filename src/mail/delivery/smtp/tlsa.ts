/** TLSA records: asking for them, and what of them can be used. RFC 6698, RFC 7671, RFC 7672 §2.2 and §3.1. */
import { createPublicKey, X509Certificate } from 'node:crypto'
import type { DnsRecord, Resolver } from '../../../io/dns/mod.ts'
import type { Anchor } from '../../../io/net/mod.ts'
import type { Resolved } from './host-addresses.ts'

export interface TlsaSet {
  /** The name that the records stand under: what certificates are asked for by. */
  readonly base: string
  /** Usage 3: the server's own certificate or key. */
  readonly leaves: readonly Anchor[]
  /** Usage 2: who vouches for it. */
  readonly anchors: readonly Anchor[]
}

export type TlsaLookup = TlsaSet | 'none' | 'unusable' | 'failed'

export interface TlsaQuestion {
  readonly port: number
  readonly host: Resolved
  /** Records are asked for even where the host's addresses are not secure. */
  readonly forced: boolean
  readonly digests: Digests
  readonly dns: Resolver
  readonly note: (text: string) => void
}

/** A hash by its matching type, in order of preference; 0 is the whole. */
export type Digests = ReadonlyMap<number, string>

const IANA: Readonly<Record<string, number>> = { sha256: 1, sha512: 2 }
const OCTETS: Readonly<Record<string, number>> = { sha224: 28, sha256: 32, sha384: 48, sha512: 64 }

/** tls_dane_digests, as far as it is right; `fault` is what is wrong with it. Records by any other hash cannot be used. */
export function readDigests(words: readonly string[]): { readonly digests: Digests; readonly fault?: string } {
  const digests = new Map<number, string>()
  for (const word of words) {
    const [, name = '', number] = /^([^=]*)(?:=(\d{1,3}))?$/.exec(word.toLowerCase()) ?? []
    const type = number === undefined ? IANA[name] : Number(number)
    const fault = type === undefined ? 'Unknown incompletely specified element' : faultOf(name, type, digests)
    if (type === undefined || fault !== undefined) return { digests, fault: `${fault} in tls_dane_digests: ${word}` }
    digests.set(type, name)
  }
  return { digests }
}

function faultOf(name: string, type: number, known: Digests): string | undefined {
  const standard = IANA[name]
  if (type < 1 || type > 255) return 'Invalid matching type number'
  if (standard !== undefined && standard !== type) return 'Non-standard value'
  if (standard === undefined && Object.values(IANA).includes(type)) return 'Non-standard algorithm'
  if (known.has(type) || [...known.values()].includes(name)) return 'Duplicate element'
  return OCTETS[name] === undefined ? 'Unimplemented digest algorithm' : undefined
}

/** Behind an alias the records of its target count first, where all of the way is secure. */
export async function findTlsa(question: TlsaQuestion): Promise<TlsaLookup> {
  const { host, forced, dns, note } = question
  const isAlias = host.asked.toLowerCase() !== host.canonical.toLowerCase()
  if (!forced && !host.secure) {
    if (!isAlias) return 'none' // RFC 7672 §2.2.2: no secure records stand under an insecure name
    const alias = await dns.query(host.asked, 'CNAME')
    if (alias.status !== 'ok') {
      note(
        `warning: DNSSEC status lookup error for ${host.asked}: ${alias.status === 'failed' ? alias.reason : 'no longer a CNAME'}`,
      )
      return 'failed'
    }
    if (!alias.secure) return 'none'
  }
  if (host.secure) {
    const found = await lookUp(host.canonical, question)
    if (found !== 'none' || !isAlias) return found
  }
  return lookUp(host.asked, question)
}

async function lookUp(base: string, { port, digests, dns, note }: TlsaQuestion): Promise<TlsaLookup> {
  const name = `_${port}._tcp.${base}`
  const answer = await dns.query(name, 'TLSA')
  if (answer.status === 'failed') {
    note(`warning: DANE TLSA lookup problem: ${answer.reason}`)
    return 'failed'
  }
  if (answer.status !== 'ok' || !answer.secure) return 'none'
  const records = answer.records
    .map((record) => read(record, { name, digests, note }))
    .filter((one) => one !== undefined)
  const usable = agile(records, digests)
  if (usable.length === 0) return 'unusable'
  const of = (usage: number): Anchor[] => usable.filter((one) => one.usage === usage).map(({ anchor }) => anchor)
  return { base, leaves: of(3), anchors: of(2) }
}

/** Octets of a record that the log shows. */
const SHOWN_OCTETS = 32

interface Usable {
  readonly usage: number
  readonly selector: number
  readonly matching: number
  readonly anchor: Anchor
}

function read(
  record: DnsRecord,
  { name, digests, note }: { name: string } & Pick<TlsaQuestion, 'digests' | 'note'>,
): Usable | undefined {
  const data = record.data ?? Buffer.alloc(0)
  const owner = record.name === undefined ? name : `${name} -> ${record.name}`
  const refuse = (what: string): undefined => {
    const hex = data
      .subarray(3, 3 + SHOWN_OCTETS)
      .toString('hex')
      .toUpperCase()
    const shown = data.length > 3 + SHOWN_OCTETS ? `${hex}...` : hex
    note(`warning: ${owner} ${what}: ${[...data.subarray(0, 3), shown].join(' ')}`)
  }
  if (data.length < 3) return refuse('truncated TLSA RRset')
  const [usage = 0, selector = 0, matching = 0] = data
  const octets = data.subarray(3)
  // RFC 7672 §3.1.3: usages 0 and 1 do not apply to SMTP.
  if (usage !== 2 && usage !== 3) return refuse('unsupported TLSA certificate usage')
  if (selector !== 0 && selector !== 1) return refuse('unsupported TLSA selector')
  const of = selector === 0 ? 'certificate' : 'key'
  const digest = digests.get(matching)
  if (matching === 0) {
    if (!isWhole(of, octets)) return refuse(`malformed TLSA ${of}, unusable TLSA RR`)
  } else if (digest === undefined) return refuse('unsupported TLSA matching type')
  else if (octets.length !== OCTETS[digest]) return refuse(`malformed TLSA ${digest} digest, unusable TLSA RR`)
  return { usage, selector, matching, anchor: { of, digest, data: octets } }
}

function isWhole(of: Anchor['of'], octets: Buffer): boolean {
  try {
    return of === 'certificate'
      ? new X509Certificate(octets).publicKey.type === 'public'
      : createPublicKey({ key: octets, type: 'spki', format: 'der' }).type === 'public'
  } catch {
    return false
  }
}

/** RFC 7671 §9: of one usage and selector only the hashes that we like best count, and those named whole. */
function agile(records: readonly Usable[], digests: Digests): Usable[] {
  const order = [...digests.keys()]
  const rank = (one: Usable): number => order.indexOf(one.matching)
  return records.filter((one) => {
    const rivals = records.filter(
      (other) => other.usage === one.usage && other.selector === one.selector && other.matching !== 0,
    )
    return one.matching === 0 || rivals.every((other) => rank(one) <= rank(other))
  })
}
