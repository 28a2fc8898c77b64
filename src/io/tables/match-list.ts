/**
 * Match lists (mynetworks, mydestination, relay_domains …): items in order, the first that matches decides, `!` says
 * no. An item is a name, an address, a network, a `/file` with further items, or a `type:table`.
 */
import type { Clock } from '../../base/mod.ts'
import { splitList } from '../config/mod.ts'
import { contains, parseAddress, parseNetwork } from './addresses.ts'
import type { Table } from './contract.ts'
import { TableError } from './errors.ts'
import { readTableFile, tableLines } from './source.ts'
import { Watched } from './watched.ts'

/** Files inside files no deeper than this. */
const MAX_FILE_DEPTH = 10

export interface MatchContext {
  readonly open: (name: string) => Table
  readonly clock: Clock
  readonly parameter: string
  /** Where relative names of files start is not asked: only absolute names are files. */
  readonly parentDomains: boolean
}

type Item =
  | { readonly kind: 'pattern'; readonly negated: boolean; readonly text: string; readonly folded: string }
  | { readonly kind: 'table'; readonly negated: boolean; readonly text: string; readonly table: Table }
  | { readonly kind: 'file'; readonly negated: boolean; readonly items: Watched<readonly Item[]> }

/** How one subject is compared with an item; undefined: not at all. */
interface Matcher {
  pattern(folded: string, text: string): boolean
  table(table: Table): Promise<boolean>
}

export class MatchList {
  readonly #items: readonly Item[]
  readonly #context: MatchContext

  constructor(text: string, context: MatchContext) {
    this.#context = context
    this.#items = parseItems(text, context, 0)
  }

  /** The item that a domain matches. Throws TableError when that cannot be known. */
  domain(name: string): Promise<string | undefined> {
    return decide(this.#items, new DomainMatcher(name.toLowerCase(), this.#context.parentDomains))
  }

  /** The item that a client's name or address matches. */
  client(name: string, address: string): Promise<string | undefined> {
    const byName = new DomainMatcher(name.toLowerCase(), this.#context.parentDomains)
    const byAddress = new AddressMatcher(address, this.#context.parameter)
    return decide(this.#items, {
      pattern: (folded, text) => byName.pattern(folded) || byAddress.pattern(folded, text),
      table: async (table) => (await byName.table(table)) || (await byAddress.table(table)),
    })
  }
}

function parseItems(text: string, context: MatchContext, depth: number): Item[] {
  return splitList(text).map((word) => {
    const bare = word.replace(/^!+/, '')
    const negated = (word.length - bare.length) % 2 === 1
    if (bare.startsWith('/')) return { kind: 'file', negated, items: fileItems(bare, context, depth) }
    // `[fd00::]/8` and `::1` have colons too.
    const isTable = /^[A-Za-z][\w-]*:/.test(bare) && parseAddress(bare) === undefined
    if (isTable) return { kind: 'table', negated, text: word, table: context.open(bare) }
    return { kind: 'pattern', negated, text: word, folded: bare.toLowerCase() }
  })
}

function fileItems(file: string, context: MatchContext, depth: number): Watched<readonly Item[]> {
  const load = (): Item[] => {
    if (depth >= MAX_FILE_DEPTH)
      throw new TableError('configuration', file, `${context.parameter}: files nest too deeply`)
    const { lines } = tableLines(readTableFile(file, file, `${context.parameter}: open file`))
    return parseItems(lines.map((l) => l.text).join('\n'), context, depth + 1)
  }
  return new Watched([file], load, context.clock)
}

/** Walks the items; a file's items stand where its name stands. */
async function decide(items: readonly Item[], matcher: Matcher): Promise<string | undefined> {
  const verdict = await firstMatch(items, matcher)
  return verdict?.negated === false ? verdict.text : undefined
}

async function firstMatch(
  items: readonly Item[],
  matcher: Matcher,
): Promise<{ negated: boolean; text: string } | undefined> {
  for (const item of items) {
    if (item.kind === 'pattern') {
      if (matcher.pattern(item.folded, item.text)) return item
    } else if (item.kind === 'table') {
      if (await matcher.table(item.table)) return item
    } else {
      const inside = await firstMatch(item.items.get(), matcher)
      if (inside !== undefined) return { negated: inside.negated !== item.negated, text: inside.text }
    }
  }
  return undefined
}

class DomainMatcher implements Matcher {
  readonly #name: string
  readonly #parents: boolean

  constructor(name: string, parents: boolean) {
    this.#name = name
    this.#parents = parents
  }

  pattern(folded: string): boolean {
    const name = this.#name
    if (name === folded) return true
    if (!name.endsWith(folded) || name.length === folded.length || folded === '') return false
    return this.#parents ? name[name.length - folded.length - 1] === '.' : folded.startsWith('.')
  }

  /** The name, then its parents: `example.com` or `.example.com`; patterns get the name alone. */
  async table(table: Table): Promise<boolean> {
    if (this.#name === '') return false
    if ((await table.get(this.#name)) !== undefined) return true
    if (!table.fixed) return false
    for (let dot = this.#name.indexOf('.', 1); dot >= 0; dot = this.#name.indexOf('.', dot + 1)) {
      const parent = this.#name.slice(this.#parents ? dot + 1 : dot)
      if (parent !== '' && (await table.get(parent)) !== undefined) return true
    }
    return false
  }
}

class AddressMatcher implements Matcher {
  readonly #text: string
  readonly #address: ReturnType<typeof parseAddress>
  readonly #parameter: string

  constructor(text: string, parameter: string) {
    this.#text = text
    this.#address = parseAddress(text)
    this.#parameter = parameter
  }

  pattern(folded: string, text: string): boolean {
    if (folded === this.#text) return true
    if (this.#address === undefined || !looksLikeAddress(folded)) return false
    const network = parseNetwork(folded)
    // Postfix: a bad network fails the whole list for now, rather than letting a client in or out by chance.
    if (typeof network === 'string') throw new TableError('unavailable', text, `${this.#parameter}: ${network}`)
    return contains(network, this.#address)
  }

  async table(table: Table): Promise<boolean> {
    return (await table.get(this.#text)) !== undefined
  }
}

/** A host name is no bad network. */
function looksLikeAddress(text: string): boolean {
  return text.startsWith('[') || /^[\d.]+(?:\/.*)?$/.test(text) || /^[0-9a-f]*:[0-9a-f:.]*(?:\/.*)?$/.test(text)
}
