/** From a connection to a session that takes mail: greeting, EHLO or LHLO, STARTTLS, log-in. RFC 5321 §3.1, RFC 2033, RFC 3207. */
import { offersBinding } from '../../../formats/sasl/mod.ts'
import { publish } from '#src/base/mod.ts'
import { DISCARDABLE, parseKeywords, type Reply } from '../../../formats/smtp/mod.ts'
import type { TlsClientOptions, TlsFacts } from '../../../io/net/mod.ts'
import { TableError, type Tables } from '../../../io/tables/mod.ts'
import { type Dialogue, DialogueError } from './dialogue.ts'
import type { ClientEvent } from './events.ts'
import { loopOf, type LoopWatch, watchGreeting } from './own-name.ts'
import type { ClientSettings } from './params.ts'
import { pixWorkarounds } from './pix.ts'
import { lineFilter } from './reply-filter.ts'
import { findCredentials, logIn, usableMechanisms } from './sasl.ts'
import type { FailureType } from '../../../formats/reports/mod.ts'
import { certificateFailure, stsTestFailure } from './tls-report/outcome.ts'
import { handshakeOptions, namesFit, type Peer, type Trust, trustOf } from './tls.ts'
import type { TlsFiles } from './tls-files.ts'
import { isMandatory, mustMatch, type TlsPolicy } from './tls-policy.ts'
import { trustFault } from './trust-faults.ts'
import { deferred, type Failure, type Keywords, oneLine, refused } from './words.ts'

/** This server will not do; the next may. */
export class SiteError extends Error {
  readonly failure: Failure
  /** What reports of TLS say of it; undefined: it is not about TLS. */
  readonly tlsFailure: FailureType | undefined
  constructor(failure: Failure, tlsFailure?: FailureType) {
    super(failure.text)
    this.failure = failure
    this.tlsFailure = tlsFailure
  }
}

export interface SessionPlace {
  readonly protocol: 'smtp' | 'lmtp'
  readonly cf: ClientSettings
  readonly tables: Tables
  readonly tlsFiles: TlsFiles
  readonly policy: TlsPolicy
  readonly peer: Peer
  /** `host[address]`, and with `:port`. */
  readonly name: string
  readonly nameAndPort: string
  /** `''` on a unix socket. */
  readonly address: string
  readonly nexthop: string
  readonly sender: string
  readonly queueId: string
  /** How long the message has been in the queue. */
  readonly ageMs: number
  readonly transport: string
  readonly loopWatch?: LoopWatch | undefined
  /** The TLS session that may be gone on with, and where a new one is kept. */
  readonly resumption: Pick<TlsClientOptions, 'session' | 'onSession'>
}

export interface Offer {
  readonly keywords: Keywords
  readonly loggedIn: boolean
  readonly tls: Secured | undefined
}

/** What TLS came to. */
interface Secured {
  readonly trust: Trust
  readonly nameAndPort: string
  readonly facts: TlsFacts
  /** What a domain that tries its policy of MTA-STS wants to hear of. */
  readonly failure: FailureType | undefined
}

/** What the server offers, once mail may be sent. Throws SiteError. */
export async function openSession(dialogue: Dialogue, place: SessionPlace): Promise<Offer> {
  const { cf, policy, tables, protocol } = place
  if (cf.smtp_reply_filter !== '')
    dialogue.filter = lineFilter(tables.maps(cf.smtp_reply_filter), (text) =>
      publish<ClientEvent>({ event: 'client.note', protocol, text: `warning: ${text}` }),
    )
  let tls = cf.smtp_tls_wrappermode ? await startTls(dialogue, place, engineOf(place)) : undefined
  let keywords = await greet(dialogue, place)
  const engine = policy.level === 'none' || dialogue.connection.tls !== undefined ? undefined : engineOf(place)
  const mayTls = policy.level !== 'none' && dialogue.connection.tls === undefined
  if (mayTls && (await wantsTls(dialogue, place, keywords, engine !== undefined))) {
    tls = await startTls(dialogue, place, engine)
    keywords = await hello(dialogue, place, true)
    refuseEarlyReply(dialogue, place)
  } else if (policy.level === 'none' && cf.smtp_tls_note_starttls_offer && keywords.has('STARTTLS')) {
    publish<ClientEvent>({
      event: 'client.note',
      protocol: place.protocol,
      text: `Host offered STARTTLS: [${place.peer.host}]`,
    })
  }
  return { keywords, tls, loggedIn: await authenticate(dialogue, place, keywords, tls?.trust === 'Verified') }
}

async function greet(dialogue: Dialogue, place: SessionPlace): Promise<Keywords> {
  const { cf, name } = place
  const greeting = await dialogue.reply(cf.smtp_helo_timeout)
  if (greeting.code < 200 || greeting.code > 299) {
    const text = `host ${name} refused to talk to me: ${oneLine(greeting)}`
    throw new SiteError(refused(greeting, name, text, cf.smtp_skip_5xx_greeting))
  }
  watchGreeting(greeting, place)
  const { disableEsmtp, delayDotCrlf } = await pixWorkarounds(greeting, place)
  if (delayDotCrlf) dialogue.beforeDotMs = cf.smtp_pix_workaround_delay_time
  const esmtp = cf.smtp_always_send_ehlo || greeting.lines.some((line) => /\bESMTP\b/.test(line))
  return hello(dialogue, place, esmtp && !cf.smtp_never_send_ehlo && !disableEsmtp)
}

async function hello(dialogue: Dialogue, place: SessionPlace, extended: boolean): Promise<Keywords> {
  const { cf, name, protocol } = place
  const word = protocol === 'lmtp' ? 'LHLO' : 'EHLO'
  let reply: Reply | undefined
  if (extended || protocol === 'lmtp') {
    dialogue.doing = `performing the ${word} handshake`
    reply = await dialogue.ask(`${word} ${cf.smtp_helo_name}`, cf.smtp_helo_timeout)
    if (reply.code >= 200 && reply.code <= 299) {
      const loop = loopOf(reply, place)
      if (loop !== undefined) throw new SiteError(loop)
      return withEightBits(await discarded(parseKeywords(reply), place), place)
    }
  }
  if (protocol === 'smtp' && reply?.code !== 421) {
    dialogue.doing = 'performing the HELO handshake'
    reply = await dialogue.ask(`HELO ${cf.smtp_helo_name}`, cf.smtp_helo_timeout)
    if (reply.code >= 200 && reply.code <= 299) return new Map()
  }
  throw new SiteError(
    refused(
      reply ?? { code: 421, lines: [] },
      name,
      `host ${name} refused to talk to me: ${reply === undefined ? '' : oneLine(reply)}`,
    ),
  )
}

/** smtp_discard_ehlo_keywords, or what the table says for this address in their place. */
async function discarded(keywords: Keywords, { cf, tables, address, protocol }: SessionPlace): Promise<Keywords> {
  const found = await tables.maps(cf.smtp_discard_ehlo_keyword_address_maps).find(address).catch(asDataError)
  const words = found === undefined ? cf.smtp_discard_ehlo_keywords : found.result.split(/[\s,]+/)
  const gone = new Set(words.map((word) => word.toUpperCase()))
  const known = DISCARDABLE.filter((word) => gone.has(word))
  if (known.length > 0 && !gone.has('SILENT-DISCARD'))
    publish<ClientEvent>({ event: 'client.note', protocol, text: `discarding EHLO keywords: ${known.join(' ')}` })
  return gone.size === 0 ? keywords : new Map([...keywords].filter(([word]) => !gone.has(word)))
}

/** RFC 6531 §3.1: who takes SMTPUTF8 takes 8BITMIME; some forget to say so. */
function withEightBits(keywords: Keywords, { name, protocol }: SessionPlace): Keywords {
  if (!keywords.has('SMTPUTF8') || keywords.has('8BITMIME')) return keywords
  const text = `host ${name} offers SMTPUTF8 support, but not 8BITMIME`
  publish<ClientEvent>({ event: 'client.note', protocol, text })
  return new Map([...keywords, ['8BITMIME', []]])
}

async function wantsTls(
  dialogue: Dialogue,
  { cf, name, policy }: SessionPlace,
  keywords: Keywords,
  isAble: boolean,
): Promise<boolean> {
  const mandatory = isMandatory(policy.level)
  if (!keywords.has('STARTTLS')) {
    if (mandatory) {
      const text = `TLS is required, but was not offered by host ${name}`
      throw new SiteError(deferred('4.7.4', text), 'starttls-not-supported')
    }
    return false
  }
  if (!isAble) {
    if (mandatory) throw new SiteError(deferred('4.7.5', ENGINE_AWAY))
    return false
  }
  dialogue.doing = 'receiving the STARTTLS response'
  const go = await dialogue.ask('STARTTLS', cf.smtp_starttls_timeout)
  if (go.code >= 200 && go.code <= 299) return true
  if (!mandatory) return false
  const text = `TLS is required, but host ${name} refused to start TLS: ${oneLine(go)}`
  throw new SiteError(refused(go, name, text), 'starttls-not-supported')
}

/** What a handshake would be made with; undefined where files of the client's own cannot be used: then there is no TLS. */
function engineOf({ policy, peer, cf, tlsFiles, protocol }: SessionPlace): TlsClientOptions | undefined {
  try {
    return handshakeOptions(policy, peer, cf, tlsFiles)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    publish<ClientEvent>({ event: 'client.note', protocol, text: `warning: ${why}: disabling TLS support` })
    return undefined
  }
}

const ENGINE_AWAY = 'TLS is required, but our TLS engine is unavailable'

/** A handshake at level `may` failed: the server is worth a second connection without TLS. */
export class HandshakeError extends SiteError {}

/** Throws SiteError where the level asks for more than there is. */
async function startTls(
  dialogue: Dialogue,
  place: SessionPlace,
  engine: TlsClientOptions | undefined,
): Promise<Secured> {
  const { cf, policy, peer, protocol, nameAndPort, resumption } = place
  if (engine === undefined) throw new SiteError(deferred('4.7.5', ENGINE_AWAY))
  let facts
  try {
    facts = await dialogue.startTls({ ...engine, ...resumption })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    publish<ClientEvent>({ event: 'client.note', protocol, text: `SSL_connect error to ${nameAndPort}: ${why}` })
    throw new HandshakeError(deferred('4.7.5', 'Cannot start TLS: handshake failure'), 'validation-failure')
  }
  const trust = trustOf(policy, peer, facts, cf)
  if (facts.resumed && cf.smtp_tls_loglevel >= 2)
    publish<ClientEvent>({ event: 'client.note', protocol, text: `${nameAndPort}: Reusing old session` })
  const fit = namesFit({ ...policy, ...(policy.sts && { match: ['hostname'] }) }, peer, facts, cf)
  const failure = stsTestFailure(policy, peer.host, { isTrusted: facts.peerVerified === true, namesFit: fit, facts })
  const secured = { trust, nameAndPort, facts, failure }
  noteTls(secured, 'established', place)
  const fits = trust === 'Verified' || (trust === 'Trusted' && policy.level === 'half-dane')
  if (fits || !mustMatch(policy.level)) return secured
  publish<ClientEvent>({
    event: 'client.note',
    protocol,
    text: trustFault({ policy, facts, namesFit: namesFit(policy, peer, facts, cf) }, nameAndPort),
  })
  throw new SiteError(deferred('4.7.5', 'Server certificate not verified'), certificateFailure(policy, facts))
}

/** Postfix: tls_log_summary(). */
export function noteTls(
  { trust, nameAndPort, facts }: Omit<Secured, 'failure'>,
  usage: 'established' | 'reused',
  { cf, protocol }: Pick<SessionPlace, 'cf' | 'protocol'>,
): void {
  if (cf.smtp_tls_loglevel < 1) return
  const cipher = `${facts.protocol} with cipher ${facts.cipher} (${facts.bits}/${facts.bits} bits)`
  const text = `${trust} TLS connection ${usage} to ${nameAndPort}: ${cipher}`
  publish<ClientEvent>({ event: 'client.note', protocol, text })
}

/** CVE-2009-3555: whoever put commands in front of ours before TLS began gives himself away by their replies. */
function refuseEarlyReply(dialogue: Dialogue, { cf, protocol, name }: SessionPlace): void {
  if (!cf.smtp_tls_block_early_mail_reply || !dialogue.hasEarlyReply) return
  const text = `warning: server ${name} violates ${protocol}_tls_block_early_mail_reply policy`
  publish<ClientEvent>({ event: 'client.note', protocol, text })
  throw new SiteError(deferred('4.7.0', 'unexpected server message'))
}

async function authenticate(
  dialogue: Dialogue,
  place: SessionPlace,
  keywords: Keywords,
  verified: boolean,
): Promise<boolean> {
  const { cf, tables, peer, name, nexthop, sender } = place
  const offered = keywords.get('AUTH')
  if (!cf.smtp_sasl_auth_enable || offered === undefined) return false
  const maps = tables.maps(cf.smtp_sasl_password_maps)
  const credentials = await findCredentials(cf, maps, { host: peer.host, nexthop, sender }).catch(asDataError)
  if (credentials === undefined) return false
  const failed = 'SASL authentication failed'
  const mechanisms = await usableMechanisms(offered, cf, tables)
  if (mechanisms.length === 0) {
    const why = 'no compatible authentication mechanisms for this type of connection security'
    throw new SiteError(deferred('4.7.0', `${failed}: server ${name} offered ${why}`))
  }
  const asWhom = cf.send_cyrus_sasl_authzid ? { ...credentials, authzid: credentials.username } : credentials
  const result = await logIn(dialogue, mechanisms, asWhom, {
    cf,
    host: peer.host,
    verified,
    couldBind: !offersBinding(offered),
  })
  if (result === 'done') return true
  if (result === 'loop')
    throw new SiteError(deferred('4.3.0', `${failed}; authentication protocol loop with server ${name}`))
  if ('text' in result)
    throw new SiteError(deferred('4.7.0', `${failed}; cannot authenticate to server ${name}: ${result.text}`))
  const text = `${failed}; server ${name} said: ${result.reply.text?.replaceAll('\n', '?') ?? oneLine(result.reply)}`
  throw new SiteError(refused(result.reply, name, text, cf.smtp_sasl_auth_soft_bounce))
}

/** A table that cannot be asked: nothing is known of what the mail needs, and it waits. */
function asDataError(error: unknown): never {
  throw error instanceof TableError ? new DialogueError('data') : error
}
