/** What is made of files, kept until one of them changes. */
interface Known {
  readonly stamp: string
  readonly value: unknown
}

export class FileCache {
  readonly #limit: number
  readonly #stampOf: (path: string) => string
  readonly #known = new Map<string, Known>()

  /** @param stampOf what changes when the file does; throws where there is none */
  constructor(limit: number, stampOf: (path: string) => string) {
    this.#limit = limit
    this.#stampOf = stampOf
  }

  /** @param key names what is made, whatever it is made of; the same key always has the same `make` */
  get<T>(key: string, paths: readonly string[], make: () => T): T {
    const stamp = paths.map(this.#stampOf).join(' ')
    const known = this.#known.get(key)
    if (known?.stamp === stamp) return known.value as T // made by the same `make`
    this.#known.delete(key)
    const value = make()
    for (const oldest of this.#known.keys()) {
      if (this.#known.size < this.#limit) break
      this.#known.delete(oldest)
    }
    this.#known.set(key, { stamp, value })
    return value
  }
}
