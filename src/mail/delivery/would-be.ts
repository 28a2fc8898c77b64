/** What would become of mail, where nothing is delivered (sendmail -bv, address verification). The words are Postfix's. */
import type { RecipientResult } from '../queue/mod.ts'

export function wouldBe(text: string): RecipientResult {
  return { status: 'sent', dsn: '2.0.0', text }
}
