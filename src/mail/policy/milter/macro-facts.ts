/** The values of macros, from what is known of a session. MILTER_README, "What macros will Postfix send to Milters?". */
import type { X509Certificate } from 'node:crypto'
import { quote, type Router } from '../../routing/mod.ts'
import type { MacroSource } from './macros.ts'
import type { MilterSettings } from './service.ts'

/** What a session knows when a milter is told an event; what is not known yet has no macro. */
export interface MacroFacts {
  readonly client: {
    readonly name: string
    readonly reverseName: string
    readonly address: string
    readonly port: number
    readonly nameStatus: 'ok' | 'permanent' | 'temporary'
  }
  /** Of this client, at a time; 0 where it is not counted. */
  readonly connections?: number
  readonly local: { readonly address: string; readonly port: number }
  readonly tls?: {
    readonly protocol: string
    readonly cipher: string
    readonly bits: number
    /** The client's own, where it was verified. */
    readonly certificate?: X509Certificate
  }
  readonly sasl?: { readonly method: string; readonly username: string; readonly sender: string }
  readonly queueId?: string
  readonly sender?: string
  readonly recipient?: string
  /** The reply with which the recipient is refused: `554 5.7.1 <a@b>: Relay access denied`. */
  readonly refusal?: string
}

export interface MacroContext {
  readonly cf: MilterSettings
  readonly hostname: string
  readonly facts: () => MacroFacts
  /** For the next hops of sender and recipient; without it there are no macros of those. */
  readonly router?: Pick<Router, 'resolve'>
}

type Value = (facts: MacroFacts, context: MacroContext) => string | undefined | Promise<string | undefined>

export function macroSource(context: MacroContext): MacroSource {
  return (name) => VALUES.get(name)?.(context.facts(), context)
}

const VALUES: ReadonlyMap<string, Value> = new Map<string, Value>([
  ['{daemon_name}', (_, { cf }) => cf.milter_macro_daemon_name],
  ['{v}', (_, { cf }) => cf.milter_macro_v],
  ['{j}', (_, { hostname }) => hostname],
  ['{_}', whoIsThere],
  ['{client_addr}', ({ client: { address } }) => (address.includes(':') ? `IPv6:${address}` : address)],
  ['{client_port}', ({ client }) => String(client.port)],
  ['{client_connections}', ({ connections }) => connections?.toString()],
  ['{client_name}', ({ client }) => client.name],
  ['{client_ptr}', ({ client }) => client.reverseName],
  ['{client_resolve}', resolved],
  ['{daemon_addr}', ({ local }) => local.address],
  ['{daemon_port}', ({ local }) => String(local.port)],
  ['{tls_version}', ({ tls }) => tls?.protocol],
  ['{cipher}', ({ tls }) => tls?.cipher],
  ['{cipher_bits}', ({ tls }) => tls?.bits.toString()],
  ['{cert_subject}', ({ tls }) => tls?.certificate && subjectOf(tls.certificate)],
  ['{cert_issuer}', ({ tls }) => tls?.certificate && issuerOf(tls.certificate)],
  ['{i}', ({ queueId }) => queueId],
  ['{auth_type}', ({ sasl }) => sasl?.method],
  ['{auth_authen}', ({ sasl }) => sasl?.username],
  ['{auth_author}', ({ sasl }) => sasl?.sender || undefined],
  ['{mail_addr}', ({ sender }, context) => addressOf(sender, context)],
  ['{mail_host}', ({ sender }, { router }) => hop(sender, router, 'nexthop')],
  ['{mail_mailer}', ({ sender }, { router }) => hop(sender, router, 'transport')],
  ['{rcpt_addr}', (facts, context) => words(facts)?.text ?? addressOf(facts.recipient, context)],
  ['{rcpt_host}', (facts, { router }) => words(facts)?.status ?? hop(facts.recipient, router, 'nexthop')],
  ['{rcpt_mailer}', (facts, { router }) => (words(facts) ? 'error' : hop(facts.recipient, router, 'transport'))],
])

/** The common name; `''` where there is none, as in Postfix. */
const subjectOf = (certificate: X509Certificate): string => first(certificate.toLegacyObject().subject.CN)

/** The same; an authority without one has that of its organization. */
function issuerOf(certificate: X509Certificate): string {
  const { CN, O } = certificate.toLegacyObject().issuer
  return first(CN) || first(O)
}

const first = (value: string | string[] = ''): string => (typeof value === 'string' ? value : (value[0] ?? ''))

function whoIsThere({ client: { name, reverseName, address } }: MacroFacts): string {
  const forged = name.toLowerCase() === reverseName.toLowerCase() ? '' : ' (may be forged)'
  return `${reverseName} [${address}]${forged}`
}

function resolved({ client: { nameStatus, reverseName } }: MacroFacts): string {
  if (nameStatus === 'ok') return 'OK'
  if (nameStatus === 'temporary') return 'TEMP'
  return reverseName === 'unknown' ? 'FAIL' : 'FORGED'
}

/** What stands in a refusal behind its code: the status, and of the text what follows the first word. */
function words({ refusal }: MacroFacts): { status: string; text: string } | undefined {
  const [, status = '', text = ''] = /^\d{3} (\S+) \S+ ?(.*)$/s.exec(refusal ?? '') ?? []
  return refusal === undefined ? undefined : { status, text }
}

async function addressOf(address: string | undefined, { router }: MacroContext): Promise<string | undefined> {
  if (address === undefined || address === '') return address
  return quote(router === undefined ? address : (await router.resolve(address)).recipient)
}

async function hop(
  address: string | undefined,
  router: MacroContext['router'],
  what: 'nexthop' | 'transport',
): Promise<string | undefined> {
  return address === undefined || router === undefined ? undefined : (await router.resolve(address))[what]
}
