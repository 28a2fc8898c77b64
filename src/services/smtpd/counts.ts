/** How many commands of each kind a session had, as `disconnect from` says it. */
const ORDER = [
  'helo',
  'ehlo',
  'starttls',
  'auth',
  'mail',
  'rcpt',
  'data',
  'bdat',
  'rset',
  'noop',
  'vrfy',
  'etrn',
  'quit',
  'help',
  'unknown',
]

export class CommandCounts {
  readonly #counts = new Map<string, { ok: number; all: number }>()

  add(verb: string, ok: boolean): void {
    const name = ORDER.includes(verb.toLowerCase()) ? verb.toLowerCase() : 'unknown'
    const count = this.#counts.get(name) ?? { ok: 0, all: 0 }
    count.all++
    if (ok) count.ok++
    this.#counts.set(name, count)
  }

  toString(): string {
    const all = { ok: 0, all: 0 }
    const words = ORDER.flatMap((name) => {
      const count = this.#counts.get(name)
      if (count === undefined) return []
      all.ok += count.ok
      all.all += count.all
      return [`${name}=${print(count)}`]
    })
    return [...words, `commands=${print(all)}`].join(' ')
  }
}

function print({ ok, all }: { ok: number; all: number }): string {
  return ok === all ? String(all) : `${ok}/${all}`
}
