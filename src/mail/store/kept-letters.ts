/**
 * What THREAD looks at of messages, kept in memory by mailbox: header fields are read and parsed once, then only those of what
 * arrived. As dates are (kept-dates.ts), it is kept by message and laid beside the rows of the view again each time.
 */
import { baseSubject, type Collation, decodeWords } from '../../formats/message/mod.ts'
import type { MailboxId } from './contract.ts'
import { inColumns, KeyTable, type Letter, type Letters, textKey } from './letters.ts'
import type { SearchRows } from './search.ts'
import { HEADER_COLUMNS, type Looked, lookAt, type Looking } from './sort.ts'
import { messageIds } from './thread-keys.ts'

/** Messages of all mailboxes that are kept, about 80 octets each. The mailbox that was looked at longest ago is forgotten first. */
const KEPT_LIMIT = 250_000

interface Kept {
  readonly collation: Collation
  /** Row ids of the messages that are known, in the order of the mailbox. */
  readonly messages: Float64Array
  readonly letters: Letters
}

export class KeptLetters {
  /** In order of use. */
  readonly #mailboxes = new Map<MailboxId, Kept>()
  #messages = 0

  /** Of these messages, ascending. */
  async of(looking: Looking, seqs: readonly number[], collation: Collation): Promise<Letters> {
    const before = this.#mailboxes.get(looking.mailbox)
    const kept = before?.collation === collation ? before : undefined
    const messages = messagesOf(looking.rows(), seqs)
    const places = placesIn(kept, messages)
    const unknown = seqs.filter((_, i) => places[i] === -1)
    if (kept !== undefined && unknown.length === 0) {
      this.#keep(looking.mailbox, kept)
      return chosen(kept.letters, seqs, places)
    }
    const read = await lookAt(looking, unknown, (looked) => letterOf(looked, collation), HEADER_COLUMNS)
    let next = 0
    const letters = inColumns(
      seqs.map((seq, i) => (places[i] === -1 ? read[next++]! : letterAt(kept!.letters, places[i]!, seq))),
    )
    // A look at some messages does not take the place of what is known of all.
    if (seqs.length * 2 > (kept?.messages.length ?? 0)) this.#keep(looking.mailbox, { collation, messages, letters })
    return letters
  }

  #keep(mailbox: MailboxId, kept: Kept): void {
    this.#forget(mailbox)
    this.#mailboxes.set(mailbox, kept)
    this.#messages += sizeOf(kept)
    for (const other of this.#mailboxes.keys()) {
      if (this.#messages <= KEPT_LIMIT) return
      this.#forget(other)
    }
  }

  #forget(mailbox: MailboxId): void {
    const kept = this.#mailboxes.get(mailbox)
    if (kept !== undefined) this.#messages -= sizeOf(kept)
    this.#mailboxes.delete(mailbox)
  }
}

/** Many references count as more messages. */
const sizeOf = ({ messages, letters }: Kept): number => messages.length + letters.references.length / 6

function messagesOf({ entries, numbers }: SearchRows, seqs: readonly number[]): Float64Array {
  return Float64Array.from(seqs, (seq) => entries.message[numbers.placeOf(seq)] ?? 0)
}

/** Where each message is kept; -1: nowhere. */
function placesIn(kept: Kept | undefined, messages: Float64Array): Int32Array {
  const places = new Int32Array(messages.length).fill(-1)
  if (kept === undefined) return places
  const table = new KeyTable(kept.messages.length)
  for (let i = 0; i < kept.messages.length; i++) table.set(kept.messages[i]!, i)
  for (let i = 0; i < messages.length; i++) places[i] = table.get(messages[i]!)
  return places
}

/** All of them in the same places, the usual case, are what is kept. */
function chosen(letters: Letters, seqs: readonly number[], places: Int32Array): Letters {
  if (seqs.length === letters.seq.length) return { ...letters, seq: Int32Array.from(seqs) }
  return inColumns(seqs.map((seq, i) => letterAt(letters, places[i]!, seq)))
}

function letterAt({ sentMs, subject, reply, id, from, references }: Letters, i: number, seq: number): Letter {
  return {
    seq,
    sentMs: sentMs[i]!,
    subject: subject[i]!,
    reply: reply[i] === 1,
    id: id[i]!,
    references: references.subarray(from[i], from[i + 1]),
  }
}

const keyOf = (text: string): number => (text === '' ? 0 : textKey(text))

function letterOf({ seq, text, sentMs }: Looked, collation: Collation): Letter {
  const { text: subject, reply } = baseSubject(decodeWords(text?.value('subject') ?? ''))
  const references = messageIds(text?.value('references') ?? '')
  return {
    seq,
    sentMs,
    subject: keyOf(collation.form(subject)),
    reply,
    id: keyOf(messageIds(text?.value('message-id') ?? '')[0] ?? ''),
    references: (references.length > 0 ? references : messageIds(text?.value('in-reply-to') ?? '').slice(0, 1)).map(
      textKey,
    ),
  }
}
