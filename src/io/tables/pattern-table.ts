/** `regexp:` and `pcre:` tables: rules in order, `!`, `if`/`endif`, `$1` in results; regexp_table(5), pcre_table(5). */
import { resolve } from 'node:path'
import type { Clock } from '../../base/mod.ts'
import { trimBlanks } from '../config/mod.ts'
import { inlineText } from './braces.ts'
import type { Table } from './contract.ts'
import { TableError } from './errors.ts'
import { compilePattern, Subject, type Dialect, type Pattern } from './pattern.ts'
import { Pcre2 } from './pcre2.ts'
import { PatternError, UnsupportedPattern } from './regex-ast.ts'
import { PatternLimit } from './regex-engine.ts'
import { readTableFile, tableLines, type SourceWarning } from './source.ts'
import { parseTemplate, type Template } from './template.ts'
import { publishWarnings } from './text-hash.ts'
import { Watched } from './watched.ts'

interface Match {
  readonly negated: boolean
  readonly pattern: Pattern
  readonly line: number
}

type Rule = (Match & { readonly result: Template }) | (Match & { readonly rules: Rule[] })

/** `file` is where `name` leads, seen from the tables' directory. */
export function patternTable(
  dialect: Dialect,
  name: string,
  file: string,
  clock: Clock,
  library: () => Pcre2 | undefined,
): Table {
  const full = `${dialect}:${name}`
  const inline = inlineText(dialect, name)
  const read = (octets: Buffer): ReturnType<typeof parsePatterns> => {
    try {
      return parsePatterns(dialect, octets, library())
    } catch (error) {
      if (!(error instanceof UnsupportedPattern)) throw error
      throw new TableError('configuration', full, `${dialect} map ${name}, ${error.message}`, error)
    }
  }
  const load = (): readonly Rule[] => {
    const { rules, warnings } = read(inline ?? readTableFile(file, full))
    publishWarnings(
      full,
      warnings.map((w) => `${dialect} map ${name}, line ${w.line}: ${w.text}`),
    )
    return rules
  }
  const watched = new Watched(inline === undefined ? [file] : [], load, clock)
  return { name: full, type: dialect, fixed: false, get: (key) => find(watched.get(), new Subject(key), full) }
}

function find(rules: readonly Rule[], subject: Subject, table: string): string | undefined {
  for (const rule of rules) {
    const match = exec(rule, subject, table)
    if ((match !== undefined) === rule.negated) continue
    const result = 'rules' in rule ? find(rule.rules, subject, table) : rule.result(match ?? [])
    if (result !== undefined) return result
  }
  return undefined
}

/** A match that is given up is no "not found": Postfix goes on with the next rule, we defer. */
function exec(rule: Match, subject: Subject, table: string): readonly (string | undefined)[] | undefined {
  try {
    return rule.pattern.exec(subject)
  } catch (error) {
    if (error instanceof PatternLimit)
      throw new TableError('unavailable', table, `line ${rule.line}: ${error.message}`, error)
    throw error
  }
}

/** Each result as it is written, with its line; for findings. */
type OnResult = (line: number, text: string) => void

export interface PatternResult {
  /** undefined: the rule stands in the table's name. */
  readonly file: string | undefined
  readonly line: number
  readonly text: string
}

/** The results of a table as written; none where it cannot be read, which is told elsewhere. */
export function patternResults(dialect: Dialect, name: string, directory: string): PatternResult[] {
  const found: PatternResult[] = []
  const file = name.startsWith('{') ? undefined : resolve(directory, name)
  try {
    const octets = file === undefined ? inlineText(dialect, name) : readTableFile(file, `${dialect}:${name}`)
    if (octets !== undefined)
      parsePatterns(dialect, octets, Pcre2.open(), (line, text) => found.push({ file, line, text }))
  } catch (error) {
    if (!(error instanceof TableError || error instanceof UnsupportedPattern)) throw error
  }
  return found
}

/** Reads a table's text. Bad rules are skipped with a warning, as Postfix does. */
export function parsePatterns(
  dialect: Dialect,
  octets: Buffer,
  library: Pcre2 | undefined,
  onResult: OnResult = () => {},
): { rules: readonly Rule[]; warnings: SourceWarning[] } {
  const { lines, warnings } = tableLines(octets)
  const parser = new PatternParser(dialect, library, [...warnings], onResult)
  for (const { text, line } of lines) parser.take(text, line)
  return parser.finish()
}

class PatternParser {
  readonly #dialect: Dialect
  readonly #library: Pcre2 | undefined
  readonly #warnings: SourceWarning[]
  readonly #blocks: { readonly rules: Rule[]; readonly line: number }[] = [{ rules: [], line: 0 }]

  readonly #onResult: OnResult

  constructor(dialect: Dialect, library: Pcre2 | undefined, warnings: SourceWarning[], onResult: OnResult) {
    this.#dialect = dialect
    this.#onResult = onResult
    this.#library = library
    this.#warnings = warnings
  }

  take(text: string, line: number): void {
    const warn = (warning: string): void => void this.#warnings.push({ line, text: warning })
    try {
      this.#rule(text, line, warn)
    } catch (error) {
      if (error instanceof UnsupportedPattern) throw new UnsupportedPattern(`line ${line}: ${error.message}`)
      if (!(error instanceof PatternError)) throw error
      for (const part of error.message.split('\n')) warn(part)
    }
  }

  finish(): { rules: readonly Rule[]; warnings: SourceWarning[] } {
    for (const { line } of this.#blocks.splice(1).reverse())
      this.#warnings.push({ line, text: 'IF has no matching ENDIF' })
    return { rules: this.#blocks[0]?.rules ?? [], warnings: this.#warnings }
  }

  #rule(text: string, line: number, warn: (text: string) => void): void {
    const rules = this.#blocks.at(-1)?.rules ?? []
    if (!/^[A-Za-z0-9]/.test(text)) {
      const { rest, ...match } = this.#match(text, line, warn)
      rules.push({ ...match, result: this.#result(rest, match, warn) })
      this.#onResult(line, rest)
    } else if (/^if(?![A-Za-z0-9])/i.test(text)) {
      const { rest, ...match } = this.#match(trimBlanks(text.slice(2)), line, warn)
      if (rest !== '') {
        warn(`ignoring extra text after IF statement: "${rest}"`)
        warn('do not prepend whitespace to statements between IF and ENDIF')
      }
      const block = { ...match, rules: [] }
      rules.push(block)
      this.#blocks.push(block)
    } else if (/^endif(?![A-Za-z0-9])/i.test(text)) {
      if (trimBlanks(text.slice(5)) !== '') warn('ignoring extra text after ENDIF')
      if (this.#blocks.length > 1) this.#blocks.pop()
      else warn('ignoring ENDIF without matching IF')
    } else warn('ignoring unrecognized request')
  }

  /** `!/pattern/flags`, and what stands behind it. */
  #match(text: string, line: number, warn: (text: string) => void): Match & { readonly rest: string } {
    let start = 0
    let negated = false
    for (; text[start] === '!' || /\s/.test(text[start] ?? ''); start++) if (text[start] === '!') negated = !negated
    const delimiter = text[start] ?? ''
    let end = start + 1
    while (end < text.length && text[end] !== delimiter) end += text[end] === '\\' && end + 1 < text.length ? 2 : 1
    if (end >= text.length) {
      const skipped = this.#dialect === 'pcre' ? 'ignoring' : 'skipping'
      throw new PatternError(`no closing regexp delimiter "${delimiter}": ${skipped} this rule`)
    }
    const flags = /^\S*/.exec(text.slice(end + 1))?.[0] ?? ''
    const pattern = compilePattern(this.#dialect, text.slice(start + 1, end), flags, this.#library, warn)
    return { negated, pattern, line, rest: trimBlanks(text.slice(end + 1 + flags.length)) }
  }

  #result(text: string, match: Match, warn: (text: string) => void): Template {
    if (text === '') warn('no replacement text: using empty string')
    const { template, highest } = parseTemplate(text, this.#dialect)
    if (highest > 0 && match.negated)
      throw new PatternError('$number found in negative match replacement text: skipping this rule')
    if (highest > match.pattern.captures)
      throw new PatternError(`out of range replacement index "${highest}": skipping this rule`)
    return template
  }
}
