/**
 * Whether a name is one that mail can come from or go to: has it an address or an MX?
 */
import type { DnsType } from '../../io/dns/mod.ts'
import type { Evaluation } from './evaluation.ts'

/** Asks the types in order until one is found; `failed` where an answer is missing that could have been yes. */
export async function mailHost(
  ev: Evaluation,
  name: string,
  types: readonly DnsType[],
): Promise<'found' | 'none' | 'failed' | 'null-mx'> {
  // Postfix asks for the name as it stands, and one with a final dot is none to it.
  if (name.endsWith('.')) return 'none'
  let failed = false
  let filtered = false
  for (const type of types) {
    const answer = await ev.rules.dns.query(name, type)
    ev.step('DNS', `${name} ${type}`, answer.status)
    if (answer.status === 'failed') {
      if (answer.filtered === true) filtered = true
      else failed = true
    }
    if (answer.status !== 'ok') continue
    // RFC 7505 §3: a single MX of "." says that the domain takes no mail.
    const isNull = type === 'MX' && answer.records.length === 1 && answer.records[0]?.value === '.'
    return isNull ? 'null-mx' : 'found'
  }
  if (failed) return 'failed'
  // smtpd_dns_reply_filter has dropped what there was: the name exists.
  return filtered ? 'found' : 'none'
}
