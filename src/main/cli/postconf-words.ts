/** What postconf(1) is told: getopt(3), and what goes together. */

export interface PostconfWords {
  readonly flags: ReadonlySet<string>
  readonly config: string | undefined
  /** -C */
  readonly classes: readonly string[] | undefined
  /** -o name=value */
  readonly overrides: readonly string[]
  readonly names: readonly string[]
}

const USAGE =
  'usage: postconf [-a (server SASL types)] [-A (client SASL types)] [-c config_dir] [-C param_class] [-d (parameter defaults)]' +
  ' [-e (edit configuration)] [-f (fold lines)] [-F (master.cf fields)] [-h (no names)] [-H (no values)] [-m (map types)]' +
  ' [-M (master.cf)] [-n (non-default parameters)] [-o name=value (override parameter value)] [-p (main.cf, default)]' +
  ' [-P (master.cf parameters)] [-q (no warnings)] [-v (verbose)] [-x (expand parameter values)] [-X (exclude)]' +
  ' [-# (comment-out)] [name...]'

const FLAGS = 'aAdefFhHmMnpPqvxX#'
/** Flags of Postfix's postconf that have nothing to do here yet. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  b: '-b (bounce templates) is not supported yet',
  t: '-t (bounce templates) is not supported yet',
  l: '-l: there are no mailbox files to lock, and so no types of locks',
  T: '-T (TLS types) is not supported yet',
}

/** Of each line only one may be given. */
const EXCLUSIVE: readonly string[] = ['aAmFMPp', 'edn', 'edX#', 'en', 'hH', 'X#']

/** Reads the words. A text is what is wrong with them. */
export function postconfWords(argv: readonly string[]): PostconfWords | string {
  const flags = new Set<string>()
  const overrides: string[] = []
  let config: string | undefined
  let classes: string[] | undefined
  let at = 0
  for (; at < argv.length; at++) {
    const word = argv[at] ?? ''
    if (!word.startsWith('-') || word === '-') break
    if (word === '--') {
      at++
      break
    }
    for (let i = 1; i < word.length; i++) {
      const flag = word[i] ?? ''
      const unsupported = UNSUPPORTED[flag]
      if (unsupported !== undefined) return unsupported
      if (FLAGS.includes(flag)) {
        flags.add(flag)
        continue
      }
      if (!'cCo'.includes(flag)) return USAGE
      const value = i + 1 < word.length ? word.slice(i + 1) : argv[++at]
      if (value === undefined) return USAGE
      if (flag === 'c') config = value
      else if (flag === 'C') classes = value.split(/[\s,]+/)
      else overrides.push(value)
      break
    }
  }
  const clash = clashOf(flags) ?? badClass(classes)
  return clash ?? { flags, config, classes, overrides, names: argv.slice(at) }
}

function clashOf(flags: ReadonlySet<string>): string | undefined {
  for (const group of EXCLUSIVE) {
    const given = Array.from(group).filter((f) => flags.has(f))
    if (given.length > 1) return `specify one of ${given.map((f) => `-${f}`).join(' ')}`
  }
  for (const f of ['F', 'P']) if (flags.has(f) && flags.has('#')) return `with option -${f}, do not specify -#`
  if (flags.has('F') && flags.has('X')) return 'with option -F, do not specify -X'
  return undefined
}

function badClass(classes: readonly string[] | undefined): string | undefined {
  const bad = classes?.find((c) => !['builtin', 'service', 'user', 'all'].includes(c))
  return bad === undefined ? undefined : `unknown -C option value "${bad}" in "${classes?.join(',')}"`
}
