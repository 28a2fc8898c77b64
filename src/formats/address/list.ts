/**
 * Address lists of header fields: `Name <local@domain>, group: a@b, c@d;`, comments anywhere. RFC 5322 §3.4, §4.4.
 * Never throws: what cannot be read is passed over as a reader would.
 */
import { findAddrSpec, routeLength } from './addr-spec.ts'
import { isSpecial, phraseOf, type Token, tokenise } from './tokens.ts'

/** One mailbox, or the edge of a group. */
export type ListItem =
  | {
      readonly kind: 'mailbox'
      /** As it stands, encoded words and all; unquoted, comment used where there is no phrase. `''` for none. */
      readonly name: string
      /** `@a,@b` of an old source route, `''` for none. RFC 5322 §4.4. */
      readonly route: string
      /** Unquoted. */
      readonly local: string
      /** `''` where there is none. */
      readonly domain: string
      /** Where the addr-spec stands in the text, its route left out. */
      readonly from: number
      readonly to: number
    }
  | { readonly kind: 'group'; readonly name: string }
  | { readonly kind: 'end-group' }

type Mailbox = Extract<ListItem, { kind: 'mailbox' }>

/** Addresses of one field at the most; what follows is left out. */
export const LIST_LIMIT = 10_000

/** Words, specials and comments that are looked at between two commas. */
const ENTRY_LIMIT = 250

/** The form that nearly all have: `ana@example.com`, `Ana Lopez <ana@example.com>`, alone in its field. */
const SIMPLE = /^([\s]*(?:([\w'-]+(?: [\w'-]+)*) )?<?)([\w.+-]+)@([\w.-]+)(>?)\s*$/

function simple(text: string): ListItem | undefined {
  const [, before, name = '', local = '', domain = '', closing] = SIMPLE.exec(text) ?? []
  if (before === undefined || before.endsWith('<') !== (closing === '>') || (name !== '' && closing === ''))
    return undefined
  const from = before.length
  return { kind: 'mailbox', name, route: '', local, domain, from, to: from + local.length + 1 + domain.length }
}

export function parseAddressList(text: string): ListItem[] {
  const only = simple(text)
  if (only !== undefined) return [only]
  return new ListParser(tokenise(text)).parse()
}

class ListParser {
  readonly #tokens: readonly Token[]
  readonly #items: ListItem[] = []
  #inGroup = false

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  parse(): ListItem[] {
    let entryFrom = 0
    let hasAt = false
    for (let at = 0; at < this.#tokens.length && this.#items.length < LIST_LIMIT; at++) {
      const token = this.#tokens[at]!
      if (token.kind !== 'special') continue
      if (token.text === '@') hasAt = true
      if (token.text === '<') at = this.#closing(at)
      const isEnd = token.text === ',' || token.text === ';'
      // `name:`; but not `@route:a@b`, and no group within a group.
      const isGroup = token.text === ':' && !this.#inGroup && !hasAt
      if (!isEnd && !isGroup) continue
      if (isEnd) this.#entry(entryFrom, at)
      else this.#openGroup(entryFrom, at)
      if (token.text === ';') this.#closeGroup()
      entryFrom = at + 1
      hasAt = false
    }
    if (this.#items.length < LIST_LIMIT) this.#entry(entryFrom, this.#tokens.length)
    this.#closeGroup()
    return this.#items
  }

  /** The `>` of this `<`, for commas inside are a source route's. A bracket without one must not swallow the list. */
  #closing(open: number): number {
    for (let i = open + 1; i < this.#tokens.length && !isSpecial(this.#tokens[i], '<'); i++)
      if (isSpecial(this.#tokens[i], '>')) return i
    return open
  }

  #openGroup(from: number, at: number): void {
    this.#items.push({ kind: 'group', name: phraseOf(this.#slice(from, at)) })
    this.#inGroup = true
  }

  #closeGroup(): void {
    if (this.#inGroup) this.#items.push({ kind: 'end-group' })
    this.#inGroup = false
  }

  /** What stands between two commas; more than one mailbox where a comma was forgotten. */
  #entry(from: number, to: number): void {
    let rest = this.#slice(from, to)
    while (rest.length > 0 && this.#items.length < LIST_LIMIT) {
      const [item, used] = takeMailbox(rest)
      if (item !== undefined) this.#items.push(item)
      rest = rest.slice(used)
      // Words behind an address are left out, unless they are another one.
      if (!rest.some((token) => isSpecial(token, '@') || isSpecial(token, '<'))) break
    }
  }

  #slice(from: number, to: number): readonly Token[] {
    return this.#tokens.slice(from, Math.min(to, from + ENTRY_LIMIT))
  }
}

/** The first mailbox of an entry, and how many tokens it took. */
function takeMailbox(entry: readonly Token[]): readonly [Mailbox | undefined, number] {
  const open = entry.findIndex((token) => isSpecial(token, '<'))
  if (open < 0) return takeBare(entry)
  // `a@b c@d <e@f>` is two addresses, while `a@b <e@f>` is one whose name looks like one.
  const ats = entry.slice(0, open).filter((token) => isSpecial(token, '@')).length
  return ats > 1 && routeLength(entry) === 0 ? takeBare(entry) : takeBracketed(entry, open)
}

function takeBracketed(entry: readonly Token[], open: number): readonly [Mailbox | undefined, number] {
  let from = open + 1
  while (isSpecial(entry[from], '<')) from++
  let to = from
  while (to < entry.length && !isSpecial(entry[to], '>') && !isSpecial(entry[to], '<')) to++
  const inside = withoutComments(entry.slice(from, to))
  let end = to
  while (isSpecial(entry[end], '>')) end++
  const used = Math.max(commentEnd(entry, end), open + 1)
  const name = nameOf(entry.slice(0, open), entry.slice(0, used))
  const length = routeLength(inside)
  const mailbox = mailboxOf(inside.slice(length), name, routeOf(inside, length))
  // `"MAILER DAEMON" <>` has a name that a reader wants to see.
  return [mailbox ?? nameOnly(name, entry[open]!.to), used]
}

function takeBare(entry: readonly Token[]): readonly [Mailbox | undefined, number] {
  const plain = withoutComments(entry)
  const length = routeLength(plain)
  const words = plain.slice(length)
  const spec = findAddrSpec(words)
  if (spec === undefined) {
    const name = phraseOf(words.filter((token) => token.kind !== 'special'))
    return [nameOnly(name, words[0]?.from ?? 0), entry.length]
  }
  const used = commentEnd(entry, entry.indexOf(words[spec.last]!) + 1)
  const name = nameOf(words.slice(0, spec.first), entry.slice(0, used))
  return [mailboxOf(words, name, routeOf(plain, length)), used]
}

const withoutComments = (list: readonly Token[]): readonly Token[] => list.filter((token) => token.kind !== 'comment')

/** Comments behind an address are its own. */
function commentEnd(entry: readonly Token[], at: number): number {
  let end = at
  while (entry[end]?.kind === 'comment') end++
  return end
}

/** The phrase, or the last comment where there is none: `ana@example.com (Ana)`. */
function nameOf(phrase: readonly Token[], all: readonly Token[]): string {
  return phraseOf(phrase) || (all.findLast((token) => token.kind === 'comment')?.text ?? '')
}

const routeOf = (list: readonly Token[], length: number): string =>
  length === 0 ? '' : phraseOf(list.slice(0, length - 1)).replaceAll(' ', '')

function mailboxOf(words: readonly Token[], name: string, route: string): Mailbox | undefined {
  const spec = findAddrSpec(words)
  if (spec === undefined) return undefined
  const { local, domain, first, last } = spec
  return { kind: 'mailbox', name, route, local, domain, from: words[first]!.from, to: words[last]!.to }
}

/** A name without an address; undefined without a name. */
function nameOnly(name: string, at: number): Mailbox | undefined {
  return name === '' ? undefined : { kind: 'mailbox', name, route: '', local: '', domain: '', from: at, to: at }
}

/** Puts new texts in place of addresses; all else stays as it is. The replacements are in the order of the list. */
export function replaceAddresses(
  text: string,
  replacements: readonly { readonly item: ListItem; readonly text: string }[],
): string {
  let out = ''
  let at = 0
  for (const { item, text: replacement } of replacements) {
    if (item.kind !== 'mailbox' || item.from < at) continue
    out += text.slice(at, item.from) + replacement
    at = item.to
  }
  return out + text.slice(at)
}
