/** A message of this host's own to people here, through intake; nobody is told of what becomes of it. */
import type { Reply } from '../../formats/smtp/mod.ts'
import type { Intake } from '../intake/mod.ts'

/** @param text the whole message; it names the queue id in its Message-Id */
export async function sendNotice(
  intake: Intake,
  sender: string,
  recipients: readonly string[],
  text: (queueId: string) => string,
): Promise<Reply> {
  const submission = intake.open(
    {
      origin: 'internal',
      mailClass: 'notify',
      clientAddress: '',
      clientName: '',
      helo: '',
      protocol: '',
      rewriteHeaders: false,
    },
    { effects: [], recipients: 0, firstRecipient: '', sender: '' },
  )
  if ('code' in submission) return submission
  await submission.write(Buffer.from(text(submission.queueId)))
  const envelope = recipients.map((address) => ({ address, notify: ['NEVER' as const] }))
  return submission.finish({ sender, recipients: envelope, smtpUtf8: false })
}
