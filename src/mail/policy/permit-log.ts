/** What smtpd_log_access_permit_actions asks for: a line for each action that let somebody in. */
import { defineParams, str } from '../../io/config/mod.ts'
import type { Evaluation, Subject } from './evaluation.ts'

export const permitLogParams = defineParams({
  smtpd_log_access_permit_actions: str(
    '',
    'Names of the actions that are logged when they let somebody in: permit, permit_mynetworks, OK …, or files and tables of them; static:all is all.',
  ),
})

type About = Pick<Subject, 'name' | 'replyClass'>

/** @param from the access table that the action stood in */
export async function notePermit(ev: Evaluation, action: string, about: About, from?: string): Promise<void> {
  const { permitLog } = ev.rules
  if (permitLog === undefined || (await permitLog(action)) === undefined) return
  // The blank at the end is Postfix's, where no table is named.
  ev.note(
    'permit',
    `action=${action} for ${about.replyClass}=${about.name} ${from === undefined ? '' : `from ${from}`}`,
  )
}

/** Whom a `permit_…` restriction is about, whatever list it stands in. */
export function permitted(ev: Evaluation, rule: string, subject: About): About {
  switch (rule.toLowerCase()) {
    case 'permit':
      return subject
    case 'permit_auth_destination':
    case 'permit_mx_backup':
      return { name: ev.facts.recipient ?? '', replyClass: 'Recipient address' }
    case 'permit_naked_ip_address':
      return { name: ev.facts.helo ?? '', replyClass: 'Helo command' }
    default:
      return { name: ev.client, replyClass: 'Client host' }
  }
}
