/**
 * What header and body checks need and what they tell: header_checks(5). The same for a message that comes in (Postfix:
 * cleanup) and for one that smtp sends.
 */

/** Which of the four lists looks at a line. */
export type CheckKind = 'header' | 'mime' | 'nested' | 'body'

/** One list of tables. */
export interface CheckList {
  /** `header_checks`, `smtp_body_checks` … as warnings name it. */
  readonly name: string
  /** Throws TableError. */
  get(key: string): string | undefined | Promise<string | undefined>
}

/** What a MIME structure is refused for; without effect while no check is configured. */
export interface MimeStrictness {
  readonly nesting: boolean
  /** strict_7bit_headers, strict_8bitmime. */
  readonly header8bit: boolean
  /** strict_8bitmime_body, strict_8bitmime. */
  readonly body8bit: boolean
  /** strict_mime_encoding_domain. */
  readonly encodingDomain: boolean
}

/** All that is configured. */
export interface ContentChecks {
  readonly lists: Readonly<Partial<Record<CheckKind, CheckList>>>
  readonly strict: MimeStrictness
  /** disable_mime_input_processing: all behind the first header section is body. */
  readonly mime: boolean
  /** Parts that say they are 8-bit become quoted-printable. */
  readonly to7bit: boolean
  readonly header_size_limit: number
  readonly body_checks_size_limit: number
  readonly line_length_limit: number
  readonly mime_nesting_limit: number
  readonly mime_boundary_length_limit: number
  /** smtp's checks know fewer actions: those that change or log a line. */
  readonly actions: 'cleanup' | 'smtp'
}

/** What to do with the line that was matched, and with its message. */
export interface Decision {
  readonly line?: 'drop' | { readonly replace: string }
  /** Stands in front of the line. */
  readonly prepend?: string
  readonly effect?: MessageEffect
  readonly reject?: { readonly status: string; readonly text: string }
  /** No check looks at the rest of the message. */
  readonly last?: true
  readonly log?: { readonly action: string; readonly text: string }
  /** What is wrong with the table. */
  readonly warning?: string
}

/** What a check asks for on the whole message; access(5) has the same. */
export type MessageEffect =
  | { readonly action: 'hold' | 'discard' }
  | { readonly action: 'filter'; readonly destination: string }
  | { readonly action: 'redirect' | 'bcc'; readonly address: string }

export type Place = 'header' | 'body' | 'content'

/** Where checks tell what they do. */
export interface CheckReport {
  /** @param content the line, as text of at most LOGGED_OCTETS */
  log(action: string, place: Place, content: string, text: string): void
  /** `reject: mime-error …` */
  mimeError(text: string, content: string): void
  /** A table could not be asked. */
  lookupFailed(list: string, text: string): void
  warn(text: string): void
}
