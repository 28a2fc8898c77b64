/** The one error of IMAP. */

/** Ends the command in progress with a tagged response; the session goes on. */
export class ImapError extends Error {
  readonly status: 'NO' | 'BAD'
  /** Response code without brackets: `NONEXISTENT`, `BADCHARSET ("UTF-8")`. RFC 5530. */
  readonly code: string | undefined

  constructor(status: 'NO' | 'BAD', text: string, options: { readonly code?: string; readonly cause?: unknown } = {}) {
    super(text, { cause: options.cause })
    this.status = status
    this.code = options.code
  }

  /** What follows the tag. */
  get line(): string {
    return `${this.status} ${this.code === undefined ? '' : `[${this.code}] `}${this.message}`
  }
}
