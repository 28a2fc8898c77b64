/** The one error of SMTP. */
import type { EnhancedStatus, Reply } from './contract.ts'

/** Ends the command in progress with a reply; the session goes on. */
export class SmtpError extends Error {
  readonly reply: Reply

  constructor(code: number, enhanced: EnhancedStatus | undefined, text: string, cause?: unknown) {
    super(text, { cause })
    this.reply = { code, enhanced, lines: [text] }
  }
}
