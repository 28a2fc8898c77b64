/** What one listener's smtpd is made of. */
import type { ExchangeOptions, SaslBackend, SaslChannel, SaslExchange } from '../../formats/sasl/mod.ts'
import type { Clock } from '#src/base/mod.ts'
import type { Settings } from '../../io/config/mod.ts'
import type { Resolver } from '../../io/dns/mod.ts'
import type { Tables } from '../../io/tables/mod.ts'
import type { Intake } from '../../mail/intake/mod.ts'
import type { LoginDoor } from '../../mail/logins/mod.ts'
import type { MacroFacts, Milters, Policy } from '../../mail/policy/mod.ts'
import type { BeforeQueue } from './before-queue/submission.ts'
import type { Transcript } from './history.ts'
import type { smtpdParams } from './params.ts'
import type { LmtpDeps } from './lmtp/deps.ts'
import type { SharedRates } from './rates.ts'

export type SmtpdSettings = Settings<typeof smtpdParams>

/** What a URL stands for. */
export interface UrlContent {
  readonly length: number
  readonly pieces: Iterable<Buffer>
}

export interface SmtpdDeps {
  /** Bound for this listener: master.cf's -o are in it. */
  readonly cf: SmtpdSettings
  readonly clock: Clock
  readonly resolver: Pick<Resolver, 'clientName'>
  /** For the lists of clients and the tables that the settings name. */
  readonly tables: Pick<Tables, 'matchAddress' | 'matchDomain' | 'maps' | 'open'>
  readonly policy: Policy
  readonly intake: Intake
  readonly backend: SaslBackend
  /** Slows guessing, bans and records; missing where nobody logs in. */
  readonly door?: LoginDoor
  readonly startExchange: (
    mechanism: string,
    backend: SaslBackend,
    options: ExchangeOptions,
  ) => SaslExchange | undefined
  /** Mechanisms to offer on a connection, in order. */
  readonly mechanisms: (channel: SaslChannel) => readonly string[] | Promise<readonly string[]>
  /** Mechanisms that EHLO names whatever smtpd_sasl_mechanism_filter says. */
  readonly unfiltered?: readonly string[]
  /** What a client hears that asks for another; Cyrus's words where nothing is said. */
  readonly noMechanism?: string
  /** What makes a whole login name of a bare one (smtpd_sasl_local_domain); `''`: nothing. */
  readonly realm?: string
  /** A certificate is there. */
  readonly tlsAvailable: boolean
  /** Mail waiting for a domain is to be sent now (ETRN). `denied`: not one of fast_flush_domains. */
  readonly flush: (domain: string) => Promise<'started' | 'denied' | 'failed'>
  /** The address could be one: 501 5.1.7 or 5.1.3 otherwise. */
  readonly validAddress: (address: string, declaredUtf8: boolean) => boolean
  /** Takes what was said in sessions with errors, for notify_classes; undefined where nobody is told. */
  readonly tellPostmaster?: ((transcript: Transcript) => void) | undefined
  /** The listener speaks LMTP. */
  readonly lmtp?: LmtpDeps
  /** The listener's name in warnings about rates: `smtp`, `submission`, `127.0.0.1:2525`. */
  readonly serviceName?: string
  /**
   * The milters of a new client; undefined where smtpd_milters and smtpd_milter_maps name none for it. Missing where they
   * name none at all: then nothing is asked.
   */
  readonly milters?: (client: { readonly address: string }, facts: () => MacroFacts) => Promise<Milters | undefined>
  /** What a URL gives to a user who is logged in (BURL); undefined: nothing. Missing where that is not offered. */
  readonly urls?: (url: string, username: string) => Promise<UrlContent | undefined>
  /** Counts what a user who is logged in sends, and says what becomes of it; missing where nothing is limited. */
  readonly sending?: (from: {
    readonly account: number | undefined
    readonly username: string
    readonly queueId: string
    readonly recipients: readonly string[]
    readonly mayHold: boolean
  }) => Promise<'ok' | 'hold' | 'refuse'>
  /** smtpd_proxy_filter; missing where there is none. */
  readonly beforeQueue?: BeforeQueue
  /** What clients do, as all threads count it; missing: the listener alone. */
  readonly rates?: SharedRates
}

/** none, may or encrypt; the old booleans count where the level is not set. */
export function tlsLevel({
  smtpd_tls_security_level: level,
  smtpd_enforce_tls,
  smtpd_use_tls,
}: SmtpdSettings): 'none' | 'may' | 'encrypt' {
  if (level !== '') return level
  return smtpd_enforce_tls ? 'encrypt' : smtpd_use_tls ? 'may' : 'none'
}
