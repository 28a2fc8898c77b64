/** cleanup's, qmgr's and the delivery agents' lines, as Postfix 3.7 writes them. */
import { delayText, printable } from '#src/base/mod.ts'
import type { IntakeEvent } from '../../mail/intake/mod.ts'
import type { NoticeEvent } from '../../mail/notices/mod.ts'
import type { QueueEvent } from '../../mail/queue/mod.ts'
import type { PickupEvent } from '../server/pickup.ts'
import type { AddressForm, Line } from './lines.ts'

export function intakeLine(e: IntakeEvent, digits: number, form: AddressForm): Line {
  switch (e.event) {
    case 'intake.message':
      return { service: 'cleanup', text: `${e.queueId}: message-id=${e.messageId === '' ? '<>' : e.messageId}` }
    case 'intake.accepted':
      return {
        service: 'qmgr',
        text: `${e.queueId}: from=<${form(e.sender)}>, size=${e.sizeOctets}, nrcpt=${e.recipients} (queue ${e.hold ? 'hold' : 'active'})`,
      }
    case 'intake.deposited':
    case 'intake.forwarded': {
      const text = e.event === 'intake.deposited' ? 'delivered to mailbox' : `forwarded as ${e.as}`
      const orig = e.original === '' || e.original === e.recipient ? '' : `, orig_to=<${form(e.original)}>`
      const delays = `${delayText(e.delayMs - e.commitMs, digits)}/0/0/${delayText(e.commitMs, digits)}`
      return {
        service: 'local',
        text: `${e.queueId}: to=<${form(e.recipient)}>${orig}, relay=local, delay=${delayText(e.delayMs, digits)}, delays=${delays}, dsn=2.0.0, status=sent (${text})`,
      }
    }
    case 'intake.done':
      return { service: 'qmgr', text: `${e.queueId}: removed` }
    case 'intake.refused':
      return { service: 'cleanup', text: `${e.queueId}: reject: ${e.text}; from=<${form(e.sender)}>` }
    case 'intake.discarded':
      return { service: 'cleanup', text: `${e.queueId}: discard: ${e.text}; from=<${form(e.sender)}>` }
    case 'intake.filtered':
      return { service: 'cleanup', text: filteredText(e, form) }
    case 'intake.check':
      return { service: 'cleanup', text: checkText(e, form) }
    case 'intake.warning':
      return { service: 'cleanup', text: `warning: ${e.text}` }
    case 'intake.failed':
      return { service: 'cleanup', text: `warning: ${e.queueId}: write queue file: ${e.text}` }
    default:
      return e satisfies never
  }
}

export function noticeLine(e: NoticeEvent): Line {
  switch (e.event) {
    case 'notices.sent':
      return { service: 'bounce', text: `${e.queueId}: ${e.what} notification: ${e.as}` }
    case 'notices.discarded':
      return { service: 'bounce', text: `warning: ${e.queueId}: undeliverable postmaster notification discarded` }
    case 'notices.warning':
      return { service: 'bounce', text: `warning: ${e.text}` }
    default:
      return e satisfies never
  }
}

export function pickupLine(e: PickupEvent, form: AddressForm): Line {
  return e.event === 'pickup.message'
    ? { service: 'pickup', text: `${e.queueId}: uid=${e.uid} from=<${form(e.sender)}>` }
    : { service: 'pickup', text: `warning: ${e.text}` }
}

/** Postfix: cleanup_milter_apply. */
function filteredText(e: IntakeEvent & { readonly event: 'intake.filtered' }, form: AddressForm): string {
  const proto = e.protocol === '' ? '' : ` proto=${e.protocol}`
  const helo = e.helo === '' ? '' : ` helo=<${e.helo}>`
  const text = printable(e.text)
  return `${e.queueId}: milter-${e.action}: ${e.where} from ${e.client}: ${text}; from=<${form(e.sender)}> to=<${form(e.recipient)}>${proto}${helo}`
}

/** Postfix: cleanup_act_log, cleanup_mime_error_callback. */
function checkText(e: IntakeEvent & { readonly event: 'intake.check' }, form: AddressForm): string {
  const envelope = `from=<${form(e.sender)}> to=<${form(e.recipient)}>`
  if (e.action === 'mime-error')
    return `${e.queueId}: reject: mime-error ${e.text}: ${e.content} from ${e.client}; ${envelope}`
  const proto = e.protocol === '' ? '' : ` proto=${e.protocol}`
  const helo = e.helo === '' ? '' : ` helo=<${e.helo}>`
  const text = e.text === '' ? '' : `: ${e.text}`
  return `${e.queueId}: ${e.action}: ${e.place} ${e.content} from ${e.client}; ${envelope}${proto}${helo}${text}`
}

export function queueLine(e: QueueEvent, digits: number, form: AddressForm): Line {
  switch (e.event) {
    case 'queue.result': {
      const orig = e.original === '' || e.original === e.recipient ? '' : `, orig_to=<${form(e.original)}>`
      const service = e.program === 'relay' ? 'smtp' : e.program
      const uses = e.connectionUses === undefined ? '' : `, conn_use=${e.connectionUses}`
      return {
        service,
        text: `${e.queueId}: to=<${form(e.recipient)}>${orig}, relay=${e.relay}${uses}, delay=${delayText(e.delayMs, digits)}, delays=${e.delaysMs.map((ms) => delayText(ms, digits)).join('/')}, dsn=${e.dsn}, status=${e.probe === true ? (e.status === 'sent' ? 'deliverable' : 'undeliverable') : e.status} (${e.text})`,
      }
    }
    case 'queue.expired':
      return {
        service: 'qmgr',
        text: `${e.queueId}: from=<${form(e.sender)}>, status=${e.forced ? 'force-' : ''}expired, returned to sender`,
      }
    case 'queue.removed':
      return { service: 'qmgr', text: `${e.queueId}: removed` }
    case 'queue.warning':
      return { service: 'qmgr', text: `warning: ${e.text}` }
    case 'queue.report-failed':
      return { service: 'bounce', text: `warning: ${e.text}` }
    case 'queue.defect':
      return {
        service: 'qmgr',
        text: `fatal: ${e.queueId}: internal error: ${e.error instanceof Error ? (e.error.stack ?? e.error.message) : String(e.error)}`,
      }
    default:
      return e satisfies never
  }
}
