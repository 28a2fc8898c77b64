/** Connections that have not logged in: so many of a host at a time, and a hundred times as many of all hosts together. */

/** How many hosts may take all the places that a host has, before nobody gets one. */
const HOSTS = 100

export class Strangers {
  readonly #byHost = new Map<string, number>()
  #all = 0

  /** Answers what gives the place back, once; undefined: there is none. @param limit 0: there always is */
  enter(host: string, limit: number): (() => void) | undefined {
    const count = this.#byHost.get(host) ?? 0
    if (limit > 0 && (count >= limit || this.#all >= limit * HOSTS)) return undefined
    this.#byHost.set(host, count + 1)
    this.#all++
    let isIn = true
    return () => {
      if (!isIn) return
      isIn = false
      this.#all--
      const left = (this.#byHost.get(host) ?? 1) - 1
      if (left > 0) this.#byHost.set(host, left)
      else this.#byHost.delete(host)
    }
  }
}
