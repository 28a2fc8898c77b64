/**
 * Filters that look at a whole message before it is taken in, and may change it: what intake asks of them, and what they
 * see of it. Policy's milters are such; who opens a submission plugs them.
 */
import type { Reply } from '../../formats/smtp/mod.ts'

/** What a filter says to a step of a session or to a message; it says nothing where that may go on. */
export type FilterVerdict =
  | { readonly action: 'hold' | 'discard' }
  /** A refusal, for now or for good; 421 also ends the session. */
  | { readonly action: 'reject'; readonly reply: Reply }

/** A verdict, and where in a session it fell: `END-OF-MESSAGE`, or for mail without one also `CONNECT`, `MAIL` … */
export interface Inspected {
  readonly where: string
  readonly verdict: FilterVerdict
}

export interface MessageFilters {
  /** Shows the message to each filter in turn. What they want changed is done by `message` at once. */
  inspect(message: FilteredMessage): Promise<Inspected | undefined>
}

/** A header field as filters see it. */
export interface FilteredField {
  readonly name: string
  /** All behind the colon, its lines parted by LF. */
  readonly value: Buffer
}

/** One message, whole and not yet taken in. Requests answer a verdict where nothing more is to be asked of it. */
export interface FilteredMessage {
  readonly queueId: string
  /** The envelope as it stands when the filters begin, for those that were not there when it came. */
  readonly sender: string
  readonly recipients: readonly string[]
  /** Without the trace field that this host put in front. */
  readonly fields: readonly FilteredField[]
  readonly bodyOctets: number
  /** Octets of the body, at most 1 MiB a call. */
  readBody(from: number, to: number): Buffer
  /** @param value as it stands behind the colon, lines parted by LF */
  addField(name: string, value: Buffer): Promise<FilterVerdict | undefined>
  /** @param index among all fields, this host's trace field too; 0 is in front of all */
  insertField(index: number, name: string, value: Buffer): Promise<FilterVerdict | undefined>
  /** @param index among the fields of that name that filters see; 1 is the first. An empty value removes it. */
  changeField(index: number, name: string, value: Buffer): Promise<FilterVerdict | undefined>
  /** @param address as in MAIL; @param parameters ESMTP's, in one text */
  changeSender(address: string, parameters: string): void
  addRecipient(address: string, parameters: string): void
  /** With all that the address was expanded to. */
  deleteRecipient(address: string): void
  /** A piece of the body that takes the message's place: any line ends, any cuts. */
  replaceBody(piece: Buffer): Promise<FilterVerdict | undefined>
  /** All of the new body is there. */
  endBody(): Promise<FilterVerdict | undefined>
}
