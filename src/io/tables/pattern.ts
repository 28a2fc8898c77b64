/** One pattern of a `regexp:` or `pcre:` table, with whatever runs it here. */
import { PCRE2, type Pcre2 } from './pcre2.ts'
import { PatternError } from './regex-ast.ts'
import { Engine } from './regex-engine.ts'
import { parsePerl } from './regex-perl.ts'
import { parsePosix } from './regex-posix.ts'
import { printPcre } from './regex-print.ts'

export type Dialect = 'regexp' | 'pcre'

/**
 * The key that patterns are held against, as octets: Postfix's patterns know no UTF-8, a letter outside ASCII is
 * two or more of their characters, and case is ASCII's.
 */
export class Subject {
  readonly octets: Buffer
  #text: string | undefined

  constructor(text: string) {
    this.octets = Buffer.from(text, 'utf8')
  }

  /** The octets as a string, one character each. */
  get text(): string {
    return (this.#text ??= this.octets.toString('latin1'))
  }
}

export interface Pattern {
  readonly captures: number
  /** The whole match and the captures; undefined for no match. Throws PatternLimit. */
  exec(subject: Subject): readonly (string | undefined)[] | undefined
}

/** Flags toggle what is on or off by default; regexp_table(5), pcre_table(5). */
const FLAGS: Readonly<Record<Dialect, { readonly known: string; readonly on: string }>> = {
  regexp: { known: 'imx', on: 'ix' },
  pcre: { known: 'imsxAEU', on: 'is' },
}

/** PCRE's X flag means nothing to libpcre2: Postfix says so and goes on. */
const OBSOLETE = 'X'

/** Compiles one pattern. `warn` gets what is odd but harmless. Throws PatternError. */
export function compilePattern(
  dialect: Dialect,
  source: string,
  flags: string,
  library: Pcre2 | undefined,
  warn: (text: string) => void,
): Pattern {
  const { known, on } = FLAGS[dialect]
  const set = new Set(on)
  for (const flag of flags) {
    if (dialect === 'pcre' && flag === OBSOLETE) warn(`ignoring obsolete regexp option "${flag}"`)
    else if (!known.includes(flag)) throw new PatternError(`unknown regexp option "${flag}": skipping this rule`)
    else if (!set.delete(flag)) set.add(flag)
  }
  const octets = Buffer.from(source, 'utf8').toString('latin1')
  return dialect === 'pcre' ? compilePcre(octets, set, library) : compileRegexp(octets, set, library)
}

function compilePcre(source: string, flags: ReadonlySet<string>, library: Pcre2 | undefined): Pattern {
  if (library !== undefined) {
    const bits = {
      i: 'CASELESS',
      m: 'MULTILINE',
      s: 'DOTALL',
      x: 'EXTENDED',
      A: 'ANCHORED',
      E: 'DOLLAR_ENDONLY',
      U: 'UNGREEDY',
    } as const
    let options = 0
    for (const [flag, name] of Object.entries(bits)) if (flags.has(flag)) options |= PCRE2[name]
    return inLibrary(library, source, options)
  }
  const parsed = parsePerl(source, {
    multiline: flags.has('m'),
    dotAll: flags.has('s'),
    extended: flags.has('x'),
    dollarEndOnly: flags.has('E'),
    ungreedy: flags.has('U'),
  })
  return inEngine(new Engine(parsed, flags.has('i')), flags.has('A'))
}

function compileRegexp(source: string, flags: ReadonlySet<string>, library: Pcre2 | undefined): Pattern {
  const parsed = parsePosix(source, { extended: flags.has('x'), newline: flags.has('m') })
  if (library === undefined) return inEngine(new Engine(parsed, flags.has('i')), false)
  return inLibrary(library, printPcre(parsed.regex), flags.has('i') ? PCRE2.CASELESS : 0)
}

function inLibrary(library: Pcre2, source: string, options: number): Pattern {
  const compiled = library.compile(source, options)
  return {
    captures: compiled.captures,
    exec: ({ octets }) => compiled.exec(octets)?.map((part) => part?.toString('utf8')),
  }
}

function inEngine(engine: Engine, anchored: boolean): Pattern {
  return { captures: engine.captures, exec: ({ text }) => engine.exec(text, anchored)?.map(fromOctets) }
}

function fromOctets(text: string | undefined): string | undefined {
  return text === undefined ? undefined : Buffer.from(text, 'latin1').toString('utf8')
}
