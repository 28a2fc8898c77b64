/** Events as the lines that postmasters' tools read: Postfix's shapes, from Postfix's service names. */
import type { PostigoEvent } from '#src/base/mod.ts'
import type { IntakeEvent } from '../../mail/intake/mod.ts'
import type { MilterWarning, PolicyEvent, PolicyWarning } from '../../mail/policy/mod.ts'
import type { NoticeEvent } from '../../mail/notices/mod.ts'
import type { QueueEvent } from '../../mail/queue/mod.ts'
import type { ClientEvent, LocalEvent } from '../../mail/delivery/mod.ts'
import type { RoutingEvent } from '../../mail/routing/mod.ts'
import type { ImapdEvent } from '../../services/imapd/mod.ts'
import type { Pop3dEvent } from '../../services/pop3d/mod.ts'
import type { SmtpdEvent } from '../../services/smtpd/mod.ts'
import type { PickupEvent } from '../server/pickup.ts'
import { intakeLine, noticeLine, pickupLine, queueLine } from './mail-lines.ts'
import { imapdLine, pop3dLine } from './mailbox-lines.ts'
import { policyLine, smtpdLine } from './smtpd-lines.ts'

export interface Line {
  readonly service: string
  readonly text: string
  readonly syslogName?: string
}

/** How an address of internal form is shown: info_log_address_format. */
export type AddressForm = (address: string) => string

/** Events for the record of paths: they stand in no log. */
export const UNLOGGED: ReadonlySet<string> = new Set(['policy.verdict', 'intake.planned'])

/** undefined: an event that has no line. @param digits delay_logging_resolution_limit */
export function lineOf(event: PostigoEvent, digits: number, form: AddressForm): Line | undefined {
  const room = event.event.slice(0, event.event.indexOf('.'))
  // Each room publishes only its own union under its name.
  switch (room) {
    case 'smtpd':
      return smtpdLine(event as SmtpdEvent, form)
    case 'policy':
      return policyLine(event as PolicyEvent | PolicyWarning, form)
    case 'milter': {
      const { service, text } = event as MilterWarning
      return { service, text: `warning: ${text}` }
    }
    case 'intake':
      return intakeLine(event as IntakeEvent, digits, form)
    case 'routing':
      return { service: 'local', text: `warning: ${(event as RoutingEvent).text}` }
    case 'delivery': {
      const { program = 'local', text } = event as LocalEvent
      return { service: program, text: `warning: ${text}` }
    }
    case 'client': {
      const { protocol, text } = event as ClientEvent
      return { service: protocol, text }
    }
    case 'queue':
      return queueLine(event as QueueEvent, digits, form)
    case 'notices':
      return noticeLine(event as NoticeEvent)
    case 'pickup':
      return pickupLine(event as PickupEvent, form)
    case 'imapd':
      return imapdLine(event as ImapdEvent)
    case 'logins': {
      const text = 'text' in event ? String(event.text) : `warning: ${'error' in event ? String(event.error) : ''}`
      return { service: 'logins', text }
    }
    case 'pop3d':
      return pop3dLine(event as Pop3dEvent)
    default:
      return otherLine(event)
  }
}

/** Rooms that only warn: tables, database, log, accounts. */
function otherLine(event: PostigoEvent): Line | undefined {
  // Postfix: master(8) tells of starts and ends.
  if (event.event === 'main.tool' && 'service' in event && 'text' in event)
    return { service: String(event.service), text: String(event.text) }
  if (event.event.startsWith('main.') && 'text' in event) return { service: 'master', text: String(event.text) }
  const text = 'text' in event ? String(event.text) : 'error' in event ? String(event.error) : undefined
  return text === undefined ? undefined : { service: 'postigo', text: `warning: ${event.event}: ${text}` }
}
