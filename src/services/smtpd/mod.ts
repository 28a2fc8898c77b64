/**
 * SMTP: a session over a connection, for ports 25, 587 and 465. RFC 5321; replies are Postfix's to the letter.
 * In: lines and content. Out: replies; messages go to intake, what may be sent is asked of policy.
 * Settings: params.ts, bound for each listener (master.cf's -o). Standards: RFC 1870 (SIZE), RFC 2034 (enhanced codes),
 * RFC 2920 (PIPELINING), RFC 3030 (CHUNKING), RFC 3207 (STARTTLS), RFC 3461 (DSN), RFC 4954 (AUTH), RFC 6152 (8BITMIME),
 * RFC 6531 (SMTPUTF8), RFC 1985 (ETRN). LMTP (RFC 2033) is the same session with other commands, in lmtp/.
 */
import type { Connection } from '../../io/net/mod.ts'
import type { SmtpdDeps } from './deps.ts'
import { converse } from './dialogue.ts'
import { openLists } from './lists.ts'
import type { LmtpDeps } from './lmtp/deps.ts'
import { lmtpPolicy } from './lmtp/policy.ts'
import { SharedRates } from './rates.ts'
import { Session } from './session.ts'

export { type SmtpdDeps, type SmtpdSettings, tlsLevel } from './deps.ts'
export type { BeforeQueue } from './before-queue/submission.ts'
export type { SmtpdEvent } from './events.ts'
export type { Transcript } from './history.ts'
export { type ClientRates, rateKey, type RateKind, type RatesDeps, SharedRates } from './rates.ts'
export { accessList, clientCache, createScreen, DnsScore, postscreenParams, screenSchema } from './postscreen/mod.ts'
export { lmtpdParams } from './lmtp/params.ts'
export { smtpdParams } from './params.ts'
export type { LmtpDeps } from './lmtp/deps.ts'

/** What a simulated session has without saying it. */
export interface Preset {
  readonly sasl?: { readonly method: string; readonly username: string; readonly sender: string }
}

/** LMTP, so that another MTA hands mail over for the mailboxes here. */
export function createLmtpd(
  deps: Omit<SmtpdDeps, 'policy' | 'intake' | 'flush'> & { readonly lmtp: LmtpDeps },
): (connection: Connection) => void {
  return createSmtpd({
    ...deps,
    intake: deps.lmtp.intake,
    policy: lmtpPolicy(deps.lmtp),
    flush: async () => 'denied',
  })
}

/**
 * One of a listener's connections becomes a session. Opens the tables that the settings name; throws TableError for
 * one that is none.
 */
export function createSmtpd(deps: SmtpdDeps): (connection: Connection, preset?: Preset) => void {
  const service = deps.serviceName ?? 'smtp'
  const counted = deps.rates ?? new SharedRates({ memory: SharedRates.memory(), thread: 0, clock: deps.clock })
  const rates = counted.of(service, deps.cf.anvil_rate_time_unit)
  const shared = { deps, lists: openLists(deps), rates }
  return (connection, preset) => {
    const session = new Session(shared, connection)
    session.sasl = preset?.sasl
    void converse(session)
  }
}
