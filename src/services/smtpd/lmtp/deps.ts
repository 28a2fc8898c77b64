/** What the LMTP server has beside smtpd's own: mailboxes in place of policy. */
import type { MailboxIntake } from '../../../mail/intake/mod.ts'
import type { Routed } from '../../../mail/routing/mod.ts'

export interface LmtpDeps {
  readonly intake: MailboxIntake
  /** Whether a client may speak here (lmtpd_authorized_clients). */
  readonly mayConnect: (client: { readonly name: string; readonly address: string }) => Promise<boolean>
  readonly mailbox: (address: string) => Promise<Pick<Routed, 'account' | 'recipient'>>
  readonly hasRoom: (account: number, octets: number) => boolean
}
