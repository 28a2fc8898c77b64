/** Search keys as functions of one message. RFC 9051 §6.4.4, RFC 7162 §3.1.5 (MODSEQ). */
import type { SearchKey, SequenceSet } from '../../formats/imap/mod.ts'
import { type Collation, unicodeCasemap } from '../../formats/message/mod.ts'
import { type Entries, lowerBound } from './entries.ts'
import { fuzzyScore } from './fuzzy.ts'
import { type Dictionary, systemBit } from './keywords.ts'
import type { Recents } from './recents.ts'
import { emailId, threadId } from './object-ids.ts'
import type { Narrowing } from './search-narrowing.ts'
import type { MessageText, Sought } from './search-text.ts'

/** The message that is looked at. */
export interface Subject {
  seq: number
  place: number
  readonly entries: Entries
  readonly dictionary: Dictionary
  readonly recents: Recents
  /** undefined: not read yet. */
  readonly text: MessageText | undefined
  /** When it came into the mailbox; undefined: not read yet, or not known. */
  readonly savedMs: number | undefined
}

/** undefined: not known without the message's text. */
export type Matcher = (subject: Subject) => boolean | undefined

/** What `*` and ages mean. */
export interface Largest {
  readonly count: number
  readonly lastUid: number
  readonly nowMs: number
}

const DAY_MS = 86_400_000

/** @param narrowing what the index knows, once it is asked; it may be undefined for good */
export function compileKey(key: SearchKey, largest: Largest, narrowing?: Narrowing): Matcher {
  return compile(key, { ...largest, sets: new Map(), narrowing })
}

interface Known extends Largest {
  /** UID sets as they were made ready: `$` may be many keys, and is one set. */
  readonly sets: Map<SequenceSet, (uid: number) => boolean>
  readonly narrowing: Narrowing | undefined
}

function compile(key: SearchKey, largest: Known): Matcher {
  switch (key.key) {
    case 'ALL':
      return () => true
    case 'AND':
      return and(inOrderOfCost(key.keys).map((one) => compile(one, largest)))
    case 'OR': {
      const none = inOrderOfCost([key.left, key.right]).map((one) => not(compile(one, largest)))
      return not(and(none))
    }
    case 'NOT':
      return not(compile(key.not, largest))
    case 'FLAG':
      return flagMatcher(key.flag, key.set)
    case 'SEQ': {
      const holds = inSet(key.set, largest.count)
      return ({ seq }) => holds(seq)
    }
    case 'UID': {
      const holds = largest.sets.get(key.set) ?? inSet(key.set, largest.lastUid)
      largest.sets.set(key.set, holds)
      return ({ entries, place }) => holds(entries.uid[place] ?? 0)
    }
    case 'LARGER':
      return ({ entries, place }) => (entries.size[place] ?? 0) > key.octets
    case 'SMALLER':
      return ({ entries, place }) => (entries.size[place] ?? 0) < key.octets
    case 'MODSEQ':
      return ({ entries, place }) => (entries.modSeq[place] ?? 0) >= Number(key.modSeq)
    case 'OLDER':
    case 'YOUNGER': {
      // RFC 5032 §3: both with the second itself.
      const second = Math.floor(largest.nowMs / 1000) - key.seconds
      const older = key.key === 'OLDER'
      return ({ entries, place }) => {
        const at = Math.floor((entries.dateMs[place] ?? 0) / 1000)
        return at === second || at < second === older
      }
    }
    case 'BEFORE':
    case 'ON':
    case 'SINCE': {
      const holds = DAYS[key.key]
      return ({ entries, place }) => holds(Math.floor((entries.dateMs[place] ?? 0) / DAY_MS), key.day)
    }
    case 'SAVEDBEFORE':
    case 'SAVEDON':
    case 'SAVEDSINCE': {
      const holds = DAYS[key.key]
      // RFC 8514 §4.3: INTERNALDATE where it is not known.
      return ({ text, savedMs, entries, place }) =>
        text === undefined ? undefined : holds(Math.floor((savedMs ?? entries.dateMs[place] ?? 0) / DAY_MS), key.day)
    }
    case 'EMAILID':
      return ({ text }) => text && emailId(text.message) === key.id
    case 'THREADID':
      return ({ text }) => text && threadId(text.message) === key.id
    case 'SENTBEFORE':
    case 'SENTON':
    case 'SENTSINCE': {
      const holds = DAYS[key.key]
      return ({ text }) => (text === undefined ? undefined : holds(text.sentDay, key.day))
    }
    case 'HEADER':
    case 'BODY':
    case 'TEXT':
      return narrowed(key, largest.narrowing, textMatcher(key))
    default:
      return key satisfies never
  }
}

/** NaN, where a message has no date, is on no side. */
const DAYS = {
  BEFORE: (day: number, asked: number) => day < asked,
  ON: (day: number, asked: number) => day === asked,
  SINCE: (day: number, asked: number) => day >= asked,
  SENTBEFORE: (day: number, asked: number) => day < asked,
  SENTON: (day: number, asked: number) => day === asked,
  SENTSINCE: (day: number, asked: number) => day >= asked,
  SAVEDBEFORE: (day: number, asked: number) => day < asked,
  SAVEDON: (day: number, asked: number) => day === asked,
  SAVEDSINCE: (day: number, asked: number) => day >= asked,
} as const

/** A key that looks for text. */
export type TextKey = Extract<SearchKey, { key: 'HEADER' | 'BODY' | 'TEXT' }>

function textMatcher(key: TextKey): Matcher {
  if (key.fuzzy === true) return ({ text }) => text && fuzzyScore(text, key) > 0
  const sought = soughtBy(key)
  if (key.key === 'HEADER') {
    const field = key.field.toLowerCase()
    return ({ text }) => text?.headerHas(field, sought)
  }
  return sought.wanted === '' ? () => true : ({ text }) => text?.has(sought)
}

/** What the index rules out need not be read. */
function narrowed(key: TextKey, narrowing: Narrowing | undefined, matcher: Matcher): Matcher {
  const number = narrowing?.numberOf(key)
  if (narrowing === undefined || number === undefined) return matcher
  return (subject) =>
    narrowing.excludes(number, subject.entries.message[subject.place] ?? 0) ? false : matcher(subject)
}

export function soughtBy({ key, text, collation = unicodeCasemap }: TextKey): Sought {
  return { key, text, collation, wanted: collation.form(text), quick: quickFor(text, collation) }
}

/** Of ASCII alone: then letters that differ in case are one, for expressions as for i;unicode-casemap. */
function quickFor(text: string, collation: Collation): RegExp | undefined {
  if (collation !== unicodeCasemap || text.length > QUICK_LIMIT || !/^[\x20-\x7e]+$/.test(text)) return undefined
  return new RegExp(RegExp.escape(text), 'i')
}

/** Longer texts are compared by their forms alone. */
const QUICK_LIMIT = 256

function not(matcher: Matcher): Matcher {
  return (subject) => {
    const matches = matcher(subject)
    return matches === undefined ? undefined : !matches
  }
}

/** One no is enough, also beside what is not known. */
function and(matchers: readonly Matcher[]): Matcher {
  return (subject) => {
    let known = true
    for (const matcher of matchers) {
      const matches = matcher(subject)
      if (matches === false) return false
      if (matches === undefined) known = false
    }
    return known ? true : undefined
  }
}

function flagMatcher(flag: string, set: boolean): Matcher {
  const bit = systemBit(flag)
  if (bit !== 0) return ({ entries, place }) => (((entries.flags[place] ?? 0) & bit) !== 0) === set
  if (flag.toLowerCase() === '\\recent')
    return ({ entries, place, recents }) => recents.has(entries.uid[place] ?? 0) === set
  // A number's keywords never change, so each is looked up once.
  const known = new Map<number, boolean>()
  return ({ entries, place, dictionary }) => {
    const flags = entries.flags[place] ?? 0
    let has = known.get(flags)
    if (has === undefined) {
      has = dictionary.has(flags, flag)
      known.set(flags, has)
    }
    return has === set
  }
}

/** Whether a number is in a set: its ranges in order, overlaps joined. */
function inSet(set: SequenceSet, largest: number): (n: number) => boolean {
  const ranges = set
    .map(([a, b]) => [a === '*' ? largest : a, b === '*' ? largest : b] as const)
    .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)
    .sort(([a], [b]) => a - b)
  const from: number[] = []
  const to: number[] = []
  for (const [low, high] of ranges) {
    const last = to.length - 1
    if (last >= 0 && low <= (to[last] ?? 0) + 1) to[last] = Math.max(to[last] ?? 0, high)
    else {
      from.push(low)
      to.push(high)
    }
  }
  return (n) => {
    const i = lowerBound(to, n)
    return i < to.length && (from[i] ?? 0) <= n
  }
}

/** Content is read only for what nothing cheaper has decided. */
function inOrderOfCost(keys: readonly SearchKey[]): SearchKey[] {
  return keys.toSorted((a, b) => costOf(a) - costOf(b))
}

const COSTS: Readonly<Partial<Record<SearchKey['key'], number>>> = {
  SAVEDBEFORE: 1,
  SAVEDON: 1,
  SAVEDSINCE: 1,
  EMAILID: 1,
  THREADID: 1,
  SENTBEFORE: 1,
  SENTON: 1,
  SENTSINCE: 1,
  HEADER: 2,
  BODY: 3,
  TEXT: 3,
}

function costOf(key: SearchKey): number {
  return Math.max(0, COSTS[key.key] ?? 0, ...partsOf(key).map(costOf))
}

function partsOf(key: SearchKey): readonly SearchKey[] {
  if (key.key === 'AND') return key.keys
  if (key.key === 'OR') return [key.left, key.right]
  return key.key === 'NOT' ? [key.not] : []
}

/** Whether a program asks when messages came into the mailbox. */
export function asksWhenSaved(key: SearchKey): boolean {
  return key.key.startsWith('SAVED') || partsOf(key).some(asksWhenSaved)
}

/** The keys of a program that look for text. */
export function textKeys(key: SearchKey): TextKey[] {
  if (key.key === 'HEADER' || key.key === 'BODY' || key.key === 'TEXT') return [key]
  return partsOf(key).flatMap(textKeys)
}
