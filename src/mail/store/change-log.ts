/** Which UIDs of a view had their flags changed, pull by pull, so that a session need not look at every message. */
import { lowerBound } from './entries.ts'

/** Changes remembered; who was told less looks at all messages. */
const KEPT = 4096

export class ChangeLog {
  #uids: number[] = []
  /** For each, the MODSEQ of the view after the pull that brought it. */
  #upTo: number[] = []
  /** Everything after this MODSEQ is here. */
  #from = 0

  get length(): number {
    return this.#uids.length
  }

  reset(modSeq: number): void {
    this.#uids = []
    this.#upTo = []
    this.#from = modSeq
  }

  add(uid: number): void {
    this.#uids.push(uid)
  }

  /** The pull is over; the view now stands at `modSeq`. */
  close(modSeq: number): void {
    if (this.#uids.length - this.#upTo.length > KEPT) {
      this.reset(modSeq)
      return
    }
    while (this.#upTo.length < this.#uids.length) this.#upTo.push(modSeq)
    if (this.#uids.length <= KEPT) return
    const cut = this.#uids.length - KEPT / 2
    this.#from = this.#upTo[cut - 1] ?? modSeq
    const start = lowerBound(this.#upTo, this.#from + 1)
    this.#uids = this.#uids.slice(start)
    this.#upTo = this.#upTo.slice(start)
  }

  /** UIDs that changed after `modSeq`, ascending, each once; undefined when the log does not reach so far back. */
  since(modSeq: number): number[] | undefined {
    if (modSeq < this.#from) return undefined
    const uids = this.#uids.slice(lowerBound(this.#upTo, modSeq + 1))
    return uids.length < 2 ? uids : [...new Set(uids)].sort((a, b) => a - b)
  }
}
