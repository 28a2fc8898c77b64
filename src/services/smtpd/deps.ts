/** What one listener's smtpd is made of. */
import type { ExchangeOptions, SaslBackend, SaslExchange } from '../../formats/sasl/mod.ts'
import type { Clock } from '#src/base/mod.ts'
import type { Settings } from '../../io/config/mod.ts'
import type { Resolver } from '../../io/dns/mod.ts'
import type { Intake } from '../../mail/intake/mod.ts'
import type { Policy } from '../../mail/policy/mod.ts'
import type { smtpdParams } from './params.ts'

export type SmtpdSettings = Settings<typeof smtpdParams>

/** Whether a client is one of a `*_clients` or `*_networks` list. */
export type ClientMatch = (client: { readonly name: string; readonly address: string }) => Promise<boolean>

export interface SmtpdDeps {
  readonly cf: SmtpdSettings
  readonly clock: Clock
  readonly resolver: Pick<Resolver, 'clientName'>
  readonly policy: Policy
  readonly intake: Intake
  readonly backend: SaslBackend
  readonly startExchange: (
    mechanism: string,
    backend: SaslBackend,
    options: ExchangeOptions,
  ) => SaslExchange | undefined
  /** Mechanisms to offer, in order, without and with TLS. */
  readonly mechanisms: (tls: boolean) => readonly string[]
  readonly verpClients: ClientMatch
  readonly saslExceptions: ClientMatch
  /** A certificate is there. */
  readonly tlsAvailable: boolean
  /** Mail waiting for a domain is to be sent now (ETRN). `denied`: not one of fast_flush_domains. */
  readonly flush: (domain: string) => Promise<'started' | 'denied' | 'failed'>
  /** The address could be one: 501 5.1.7 or 5.1.3 otherwise. */
  readonly validAddress: (address: string) => boolean
  readonly signal?: AbortSignal
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
