/**
 * Who hangs from whom, in columns: nodes are numbers, those of the messages first, then dummies for messages that are not there.
 * Children stand in the order in which they came.
 */
import type { Letters } from './letters.ts'

export const NOBODY = -1

export class Forest {
  readonly letters: Letters
  /** Nodes of messages. */
  readonly messages: number
  /** All nodes. */
  size: number
  readonly parent: Int32Array
  readonly #first: Int32Array
  readonly #last: Int32Array
  readonly #next: Int32Array
  readonly #before: Int32Array

  /** @param most nodes that there may come to be */
  constructor(letters: Letters, most: number) {
    this.letters = letters
    this.messages = letters.seq.length
    this.size = this.messages
    const column = (): Int32Array => new Int32Array(most).fill(NOBODY)
    this.parent = column()
    this.#first = column()
    this.#last = column()
    this.#next = column()
    this.#before = column()
  }

  addDummy(): number {
    return this.size++
  }

  isDummy(node: number): boolean {
    return node >= this.messages
  }

  firstChild(node: number): number {
    return this.#first[node]!
  }
  nextSibling(node: number): number {
    return this.#next[node]!
  }
  hasChildren(node: number): boolean {
    return this.#first[node]! !== NOBODY
  }
  hasSeveral(node: number): boolean {
    return this.#first[node]! !== this.#last[node]!
  }

  children(node: number): number[] {
    const children: number[] = []
    for (let child = this.#first[node]!; child !== NOBODY; child = this.#next[child]!) children.push(child)
    return children
  }

  add(parent: number, child: number): void {
    this.detach(child)
    this.parent[child] = parent
    const last = this.#last[parent]!
    this.#before[child] = last
    if (last === NOBODY) this.#first[parent] = child
    else this.#next[last] = child
    this.#last[parent] = child
  }

  detach(child: number): void {
    const parent = this.parent[child]!
    if (parent === NOBODY) return
    const before = this.#before[child]!
    const next = this.#next[child]!
    if (before === NOBODY) this.#first[parent] = next
    else this.#next[before] = next
    if (next === NOBODY) this.#last[parent] = before
    else this.#before[next] = before
    this.parent[child] = this.#next[child] = this.#before[child] = NOBODY
  }

  /** All below `roots`, each before its children. */
  downwards(roots: ArrayLike<number>): Int32Array {
    const order = new Int32Array(this.size)
    let end = 0
    for (let i = 0; i < roots.length; i++) order[end++] = roots[i]!
    for (let i = 0; i < end; i++)
      for (let child = this.#first[order[i]!]!; child !== NOBODY; child = this.#next[child]!) order[end++] = child
    return order.subarray(0, end)
  }

  /** A dummy stands for its first child. Of a dummy below a dummy there is none. */
  letterOf(node: number): number {
    const letter = this.isDummy(node) ? this.#first[node]! : node
    return letter >= this.messages ? NOBODY : letter
  }

  subjectOf(node: number): number {
    const letter = this.letterOf(node)
    return letter === NOBODY ? 0 : this.letters.subject[letter]!
  }

  isReply(node: number): boolean {
    return !this.isDummy(node) && this.letters.reply[node] === 1
  }

  readonly byDate = (a: number, b: number): number => this.compareLetters(this.letterOf(a), this.letterOf(b))

  compareLetters(a: number, b: number): number {
    const { sentMs, seq } = this.letters
    const order = (a === NOBODY ? 0 : sentMs[a]!) - (b === NOBODY ? 0 : sentMs[b]!)
    return order || (a === NOBODY ? 0 : seq[a]!) - (b === NOBODY ? 0 : seq[b]!)
  }

  sortChildren(node: number): void {
    if (!this.hasSeveral(node)) return
    const sorted = this.children(node).sort(this.byDate)
    for (const child of sorted) this.add(node, child)
  }
}
