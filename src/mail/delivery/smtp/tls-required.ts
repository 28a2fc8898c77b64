/** Whether a message wants to go out without TLS rather than not at all. RFC 8689; postconf(5), tls_required_enable. */
import { HEADER_LIMIT, saysTlsNotRequired } from '../../../formats/message/mod.ts'
import type { DeliveryJob } from '../../queue/mod.ts'
import type { ClientSettings } from './params.ts'
import { isMandatory, mainLevel } from './tls-policy.ts'

/** What most header sections fit into. */
const FIRST_PIECE = 16 * 1024

/** The message is looked at only where its wish can change anything. */
export function needsNoTls(job: Pick<DeliveryJob, 'read' | 'sizeOctets'>, cf: ClientSettings): boolean {
  if (!cf.tls_required_enable) return false
  const canMatter = isMandatory(mainLevel(cf)) || cf.smtp_tls_policy_maps !== '' || cf.smtp_tls_per_site !== ''
  return canMatter && saysTlsNotRequired(startOf(job))
}

function startOf(job: Pick<DeliveryJob, 'read' | 'sizeOctets'>): Buffer {
  const start = job.read(0, Math.min(job.sizeOctets, FIRST_PIECE))
  const isEnough = start.includes('\r\n\r\n') || start.length === job.sizeOctets
  return isEnough ? start : job.read(0, Math.min(job.sizeOctets, HEADER_LIMIT))
}
