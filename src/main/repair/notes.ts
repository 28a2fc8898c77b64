/** What a repair tells of one message, mailbox or account. */
import type { StoreFinding } from '../../mail/store/mod.ts'

export interface RepairNote extends StoreFinding {
  readonly queueId?: string
}
