/** Recipients that no envelope names: always_bcc, sender_bcc_maps, recipient_bcc_maps. Nobody hears if they fail. */
import type { EnvelopeRecipient } from '../../formats/smtp/mod.ts'
import type { Settings } from '../../io/config/mod.ts'
import type { Router } from '../routing/mod.ts'
import type { intakeParams } from './params.ts'

type BccSettings = Pick<Settings<typeof intakeParams>, 'always_bcc' | 'sender_bcc_maps' | 'recipient_bcc_maps'>

/** @param sender as rewritten */
export async function blindCopies(
  sender: string,
  recipients: readonly EnvelopeRecipient[],
  cf: BccSettings,
  router: Pick<Router, 'bcc'>,
): Promise<EnvelopeRecipient[]> {
  const found: (string | undefined)[] = []
  if (cf.recipient_bcc_maps !== '')
    for (const { address } of recipients) found.push(await router.bcc(address, 'recipient'))
  if (cf.always_bcc !== '') found.push(cf.always_bcc)
  if (cf.sender_bcc_maps !== '') found.push(await router.bcc(sender, 'sender'))
  return found.flatMap((address) => (address === undefined ? [] : [{ address, notify: ['NEVER' as const] }]))
}
