/** Mailboxes of virtual domains: accounts of ours, else files as virtual(8) writes them. */
import { splitAddress } from '../../../formats/address/mod.ts'
import { publish } from '#src/base/mod.ts'
import type { Agent, DeliveryJob, RecipientResult } from '../../queue/mod.ts'
import { type Addressee, addresseeOf } from './addressee.ts'
import type { LocalAgentDeps } from './agent.ts'
import type { LocalEvent } from './events.ts'
import { deliverToFile } from './files.ts'
import { wouldBe } from '../would-be.ts'
import { copyOf, traceLines } from './octets.ts'
import type { JobRecipient } from './ports.ts'
import { StoreEntries } from './store-entry.ts'

export type VirtualAgentDeps = Pick<LocalAgentDeps, 'queue' | 'store' | 'clock' | 'cf' | 'find' | 'files' | 'accountOf'>

const BAD_SETTING: RecipientResult = { status: 'deferred', dsn: '4.3.5', text: 'mail system configuration error' }

export function createVirtualAgent(deps: VirtualAgentDeps): Agent {
  return {
    async deliver(job, report, signal) {
      const entries = new StoreEntries(job, deps)
      for (const recipient of job.recipients) {
        if (signal.aborted) return
        report(recipient.id, await deliverOne(job, recipient, entries, deps), 'virtual')
      }
    },
  }
}

async function deliverOne(
  job: DeliveryJob,
  recipient: JobRecipient,
  entries: StoreEntries,
  deps: VirtualAgentDeps,
): Promise<RecipientResult> {
  const cf = deps.cf()
  const to = addresseeOf(job, recipient, cf)
  const account = await deps.accountOf(recipient.address)
  if (account !== undefined && job.trace === 'verify') return wouldBe('delivers to mailbox')
  if (account !== undefined) {
    const head = traceLines(to, { fromLine: false, deliveredTo: true }, 0, '\r\n')
    return entries.deliver({ recipient: recipient.id, account, head })
  }
  const mailbox = await findFor(to, cf.virtual_mailbox_maps, deps)
  if (mailbox === undefined)
    return { status: 'bounced', dsn: '5.1.1', text: `unknown user: "${recipient.address.toLowerCase()}"` }
  const uid = await idFor(to, 'virtual_uid_maps', cf.virtual_minimum_uid, deps)
  const gid = await idFor(to, 'virtual_gid_maps', 1, deps)
  if (uid === undefined || gid === undefined) return BAD_SETTING
  if (job.trace === 'verify') return wouldBe(`delivers to ${mailbox.endsWith('/') ? 'maildir' : 'mailbox'}`)
  return toFile(job, to, { path: pathOf(cf.virtual_mailbox_base, mailbox), uid, gid }, deps)
}

async function toFile(
  job: DeliveryJob,
  to: Addressee,
  { path, uid, gid }: { readonly path: string; readonly uid: number; readonly gid: number },
  { cf: settings, clock, files }: VirtualAgentDeps,
): Promise<RecipientResult> {
  const cf = settings()
  const nowMs = clock.now()
  const copy = (style: 'mbox' | 'maildir'): Iterable<Buffer> => {
    const mbox = style === 'mbox'
    return copyOf(job, to, { fromLine: mbox, deliveredTo: true, escapeFrom: mbox, blankAtEnd: mbox }, nowMs)
  }
  const what = { mailboxOf: to.recipient, strictOwner: cf.strict_mailbox_ownership, virtual: true }
  const delivery = { path, rights: { uid, gid }, copy, limit: cf.virtual_mailbox_limit, what, nowMs }
  return deliverToFile(files, delivery, { ...cf, locks: cf.virtual_mailbox_lock })
}

function pathOf(base: string, result: string): string {
  return base === '' ? result : `${base}/${result}`
}

/** `user+extension@domain`, `user@domain`, `@domain`: virtual(8), TABLE SEARCH ORDER. */
async function findFor(to: Addressee, tables: string, { find }: VirtualAgentDeps): Promise<string | undefined> {
  const { domain = '' } = splitAddress(to.recipient)
  const keys = [to.recipient.toLowerCase(), `${to.user}@${domain}`, `@${domain}`]
  for (const key of new Set(keys)) {
    const found = await find(tables, key)
    if (found !== undefined) return found
  }
  return undefined
}

async function idFor(
  to: Addressee,
  parameter: 'virtual_uid_maps' | 'virtual_gid_maps',
  least: number,
  deps: VirtualAgentDeps,
): Promise<number | undefined> {
  const tables = deps.cf()[parameter]
  const found = await findFor(to, tables, deps)
  const what = parameter === 'virtual_uid_maps' ? 'uid' : 'gid'
  if (found === undefined) return complain(`recipient ${to.recipient}: ${what} not found in ${parameter}`)
  const id = /^\d+$/.test(found.trim()) ? Number(found) : Number.NaN
  return id >= least ? id : complain(`recipient ${to.recipient}: bad ${what} ${found} in ${parameter}`)
}

function complain(text: string): undefined {
  publish<LocalEvent>({ event: 'delivery.warning', text })
  return undefined
}
