/** Where a user's mail goes when no .forward file takes it: Postfix's order of mailbox_… parameters, then the store. */
import type { RecipientResult } from '../../queue/mod.ts'
import { type LocalDelivery, rightsOf } from './delivery.ts'
import { spoolFile, spoolGroup } from './spool.ts'
import type { SystemUser } from './users.ts'

/** @param store puts the message into the user's INBOX */
export async function deliverToMailbox(
  one: LocalDelivery,
  user: SystemUser,
  store: () => Promise<RecipientResult>,
): Promise<RecipientResult> {
  const { cf, ports, job, recipient, to } = one
  const transport = (await ports.find(cf.mailbox_transport_maps, to.user)) ?? cf.mailbox_transport
  if (transport !== '') {
    const colon = transport.indexOf(':')
    const named = colon < 0 ? transport : transport.slice(0, colon)
    return ports.pass(job, recipient, named, (colon < 0 ? '' : transport.slice(colon + 1)) || to.domain)
  }
  const text = (await ports.find(cf.mailbox_command_maps, to.user)) ?? cf.mailbox_command
  if (text !== '') return one.filing(text, user)
  if (cf.home_mailbox !== '') return one.file(`${user.home}/${cf.home_mailbox}`, rightsOf(user), to.user)
  if (ports.spoolIsSet()) return toSpool(one, user)
  const result = await store()
  if (cf.mail_spool_copy && result.status === 'sent' && !one.isProbe) await copyToSpool(one, user)
  return result
}

function toSpool(one: LocalDelivery, user: SystemUser): Promise<RecipientResult> {
  const { mail_spool_directory: spool } = one.cf
  const path = spoolFile(spool, user.name)
  const rights = rightsOf(user)
  return one.file(path, { ...rights, gid: spoolGroup(spool) ?? rights.gid }, user.name)
}

/** A copy is for those who read the spool by themselves: the mail has arrived, whatever comes of it. */
async function copyToSpool(one: LocalDelivery, user: SystemUser): Promise<void> {
  const copied = await toSpool(one, user)
  if (copied.status !== 'sent') one.warn(`${one.job.queueId}: mail_spool_copy: ${copied.text}`)
}
