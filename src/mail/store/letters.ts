/** What THREAD looks at of messages, in columns: a hundred thousand of them are a few megabytes and no objects. */

/** What THREAD looks at of one message. Texts are keys (`textKey`); 0 where there is none. */
export interface Letter {
  readonly seq: number
  readonly sentMs: number
  /** Base subject, as the collation has it. */
  readonly subject: number
  readonly reply: boolean
  readonly id: number
  /** Message-IDs of its ancestors, the nearest last. */
  readonly references: ArrayLike<number>
}

/** The same, a column each; references of all, one behind the other, each message's up to the next one's. */
export interface Letters {
  readonly seq: Int32Array
  readonly sentMs: Float64Array
  readonly subject: Float64Array
  readonly reply: Uint8Array
  readonly id: Float64Array
  readonly from: Int32Array
  readonly references: Float64Array
}

export function inColumns(letters: readonly Letter[]): Letters {
  const count = letters.length
  const from = new Int32Array(count + 1)
  for (let i = 0; i < count; i++) from[i + 1] = from[i]! + letters[i]!.references.length
  const columns = {
    seq: new Int32Array(count),
    sentMs: new Float64Array(count),
    subject: new Float64Array(count),
    reply: new Uint8Array(count),
    id: new Float64Array(count),
    from,
    references: new Float64Array(from[count]!),
  }
  for (let i = 0; i < count; i++) {
    const letter = letters[i]!
    columns.seq[i] = letter.seq
    columns.sentMs[i] = letter.sentMs
    columns.subject[i] = letter.subject
    columns.reply[i] = letter.reply ? 1 : 0
    columns.id[i] = letter.id
    columns.references.set(letter.references, from[i])
  }
  return columns
}

/**
 * A text as a number of 52 bits, never 0; two texts have the same once in millions of mailboxes. Somebody who looks for such texts
 * gains no more than a Message-ID that he repeats: a place in a conversation.
 */
export function textKey(text: string): number {
  let a = 0x811c9dc5
  let b = 0x9747b28c
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    a = Math.imul(a ^ code, 0x01000193)
    b = Math.imul(b ^ code, 0x5bd1e995)
    b ^= b >>> 15
  }
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b)
  a ^= a >>> 13
  b = Math.imul(b ^ (b >>> 13), 0xc2b2ae35) ^ a
  return (a >>> 12) * 0x1_0000_0000 + (b >>> 0) || 1
}

/** Numbers by key, without an object for each. */
export class KeyTable {
  readonly #keys: Float64Array
  readonly #values: Int32Array
  readonly #mask: number

  /** @param most keys that will be set */
  constructor(most: number) {
    let size = 16
    while (size < most * 2) size *= 2
    this.#mask = size - 1
    this.#keys = new Float64Array(size)
    this.#values = new Int32Array(size)
  }

  /** -1 where there is none. */
  get(key: number): number {
    const at = this.#find(key)
    return this.#keys[at] === 0 ? -1 : this.#values[at]!
  }

  set(key: number, value: number): void {
    const at = this.#find(key)
    this.#keys[at] = key
    this.#values[at] = value
  }

  #find(key: number): number {
    const keys = this.#keys
    let at = key & this.#mask
    while (keys[at] !== key && keys[at] !== 0) at = (at + 1) & this.#mask
    return at
  }
}
