/** How many commands of each kind a session had, as `disconnect from` says it. The order is Postfix's. */
const ORDER = [
  'helo',
  'ehlo',
  'lhlo',
  'xclient',
  'xforward',
  'starttls',
  'auth',
  'mail',
  'rcpt',
  'data',
  'bdat',
  'burl',
  'rset',
  'noop',
  'vrfy',
  'etrn',
  'quit',
  'help',
  'unknown',
] as const

interface Count {
  ok: number
  all: number
}

export class CommandCounts {
  readonly #counts = new Map<string, Count>()

  /** A command begins; whoever runs it raises `ok` when it went well. */
  begin(verb: string): Count {
    const name = verb.toLowerCase()
    let count = this.#counts.get(name)
    if (count === undefined) this.#counts.set(name, (count = { ok: 0, all: 0 }))
    count.all++
    return count
  }

  toString(): string {
    const sum: Count = { ok: 0, all: 0 }
    const words: string[] = []
    for (const name of ORDER) {
      const count = this.#counts.get(name)
      if (count === undefined) continue
      sum.ok += count.ok
      sum.all += count.all
      words.push(`${name}=${print(count)}`)
    }
    return [...words, `commands=${sum.all === 0 ? '0/0' : print(sum)}`].join(' ')
  }
}

function print({ ok, all }: Count): string {
  return ok === all ? String(all) : `${ok}/${all}`
}
