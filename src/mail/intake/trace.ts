/** What intake puts in front of a message. */
import type { Arrival, OpenOptions } from './contract.ts'
import type { IntakeDeps } from './intake.ts'
import { receivedField } from './received.ts'

type Deps = Pick<IntakeDeps<unknown>, 'cf' | 'date'>

/** The lines that PREPEND asks for. */
export function prepended({ effects }: Pick<OpenOptions, 'effects'>): string {
  return effects.map((e) => (e.action === 'prepend' ? e.line + '\r\n' : '')).join('')
}

/** This host's Received field. */
export function received(
  { cf, date }: Deps,
  arrival: Arrival,
  {
    recipients,
    firstRecipient,
    queueId,
    arrivalMs,
  }: Pick<OpenOptions, 'recipients' | 'firstRecipient'> & { readonly queueId: string; readonly arrivalMs: number },
): string {
  return receivedField({
    arrival,
    queueId,
    hostname: cf.myhostname,
    mailName: cf.mail_name,
    date: date(arrivalMs),
    recipient: recipients === 1 ? firstRecipient : undefined,
    tlsLines: cf.smtpd_tls_received_header,
    authenticatedSender: cf.smtpd_sasl_authenticated_header,
  })
}
