/**
 * Many networks in order, the first that contains an address wins: cut into ranges that do not overlap, so that a
 * lookup is one binary search.
 */
import { parseAddress, parseIPv4, type Network } from './addresses.ts'

/** One network and what it answers; earlier in the list goes before later. */
export interface Ranged {
  readonly network: Network
  readonly result: string
}

interface Cuts<T> {
  /** Where each range begins, rising. */
  readonly starts: ArrayLike<T>
  /** The list position that answers in the range; -1 for none. */
  readonly answers: Int32Array
}

export class Ranges {
  readonly #results: readonly string[]
  readonly #v4: Cuts<number>
  readonly #v6: Cuts<bigint>

  constructor(list: readonly Ranged[]) {
    this.#results = list.map((r) => r.result)
    const v4 = cut(list, 32)
    this.#v4 = { starts: Float64Array.from(v4.starts, Number), answers: v4.answers }
    this.#v6 = cut(list, 128)
  }

  /** The result of the first network of the list that contains the address. */
  get(key: string): string | undefined {
    const v4 = parseIPv4(key)
    if (v4 >= 0) return this.#results[search(this.#v4, v4)]
    const address = parseAddress(key)
    return address === undefined || address.bits === 32 ? undefined : this.#results[search(this.#v6, address.value)]
  }
}

function search<T extends number | bigint>(cuts: Cuts<T>, value: T): number {
  let low = 0
  let high = cuts.starts.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const start = cuts.starts[middle]
    if (start !== undefined && start <= value) low = middle + 1
    else high = middle
  }
  return low === 0 ? -1 : (cuts.answers[low - 1] ?? -1)
}

/** Sweeps over all beginnings and ends; networks either nest or are apart, so a stack of open ones is enough. */
function cut(list: readonly Ranged[], bits: 32 | 128): Cuts<bigint> {
  const nets = list
    .map((r, at) => ({ ...r.network, at }))
    .filter((n) => n.bits === bits)
    // Larger ones first where they begin together, so that they are below on the stack.
    .sort((a, b) => compare(a.first, b.first) || compare(b.last, a.last) || a.at - b.at)
  const starts: bigint[] = []
  const answers: number[] = []
  const open: { last: bigint; best: number }[] = []
  const mark = (start: bigint, answer: number): void => {
    if (starts.at(-1) === start) answers[answers.length - 1] = answer
    else {
      starts.push(start)
      answers.push(answer)
    }
  }
  const closeBefore = (value: bigint | undefined): void => {
    for (let top = open.at(-1); top !== undefined && (value === undefined || top.last < value); top = open.at(-1)) {
      open.pop()
      mark(top.last + 1n, open.at(-1)?.best ?? -1)
    }
  }
  for (const net of nets) {
    closeBefore(net.first)
    const best = Math.min(net.at, open.at(-1)?.best ?? net.at)
    open.push({ last: net.last, best })
    mark(net.first, best)
  }
  closeBefore(undefined)
  return { starts, answers: Int32Array.from(answers) }
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}
