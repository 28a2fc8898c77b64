/** What postconf(1) is told: getopt(3), and what goes together. */
import { getopt } from './getopt.ts'

export interface PostconfWords {
  /** Every option given, `p` (main.cf) where none says what to show. */
  readonly flags: ReadonlySet<string>
  readonly config: string | undefined
  /** -C */
  readonly classes: readonly string[] | undefined
  /** -o name=value */
  readonly overrides: readonly string[]
  /** -T mode */
  readonly tls: string | undefined
  readonly names: readonly string[]
}

const USAGE =
  'usage: postconf [-a (server SASL types)] [-A (client SASL types)] [-b (bounce templates)] [-c config_dir] [-C param_class]' +
  ' [-d (parameter defaults)] [-e (edit configuration)] [-f (fold lines)] [-F (master.cf fields)] [-h (no names)]' +
  ' [-H (no values)] [-l (lock types)] [-m (map types)] [-M (master.cf)] [-n (non-default parameters)]' +
  ' [-o name=value (override parameter value)] [-p (main.cf, default)] [-P (master.cf parameters)] [-q (no warnings)]' +
  ' [-t (bounce templates)] [-T compile-version|run-version|public-key-algorithms] [-v (verbose)]' +
  ' [-x (expand parameter values)] [-X (exclude)] [-# (comment-out)] [name...]'

/** The options that say what is shown or done, in the order that messages name them. */
const OPTIONS = 'aAbdefFhHlmMnopPtTxX#'
/** Options that change nothing of what goes with what. */
const APART = 'qv'
const WITH_VALUE = 'cCoT'
const LETTERS = `${OPTIONS.replace(/[oT]/g, '')}${APART}c:C:o:T:`

/** Of each line only one may be given. */
const EXCLUSIVE: readonly string[] = ['aAblmtpMFPT', 'denX#', 'feX#', 'xeX#', 'odeX#', 'heX#H']
/** What each option of the first line may be given with; nothing where it is not listed. */
const COMPATIBLE: Readonly<Record<string, string>> = {
  p: 'eX#fhxdnoH',
  M: 'eX#fox',
  F: 'efhoxH',
  P: 'eXfhoxH',
}

/** Reads the words. A text is what is wrong with them. */
export function postconfWords(argv: readonly string[]): PostconfWords | string {
  const read = getopt(argv, LETTERS)
  const flags = new Set<string>()
  const values = new Map<string, string[]>()
  for (const { letter, value } of read.options) {
    if (letter === 'T' && flags.has(letter)) return 'At most one -T <mode> option may be specified'
    flags.add(letter)
    if (WITH_VALUE.includes(letter)) values.set(letter, [...(values.get(letter) ?? []), value])
  }
  if (read.problem !== undefined) return USAGE
  const classes = values.get('C')?.at(-1)
  const words = {
    flags,
    config: values.get('c')?.at(-1),
    classes: classes?.split(/[\s,]+/).map((c) => c.toLowerCase()),
    overrides: values.get('o') ?? [],
    tls: values.get('T')?.[0],
    names: read.operands,
  }
  return completed(words) ?? badClass(classes) ?? words
}

/** Adds what is meant though not said; a text is what does not go together. */
function completed({ flags, names }: { flags: Set<string>; names: readonly string[] }): string | undefined {
  const modes = Array.from(EXCLUSIVE[0] ?? '')
  if (!modes.some((mode) => flags.has(mode))) flags.add('p')
  if (['p', 'M', 'F', 'P'].some((mode) => flags.has(mode)) && names[0]?.includes('=') === true) flags.add('e')
  const shown = (list: readonly string[]): string => list.map((flag) => `-${flag}`).join(' ')
  const given = Array.from(OPTIONS).filter((flag) => flags.has(flag))
  for (const group of EXCLUSIVE) {
    const clash = given.filter((flag) => group.includes(flag))
    if (clash.length > 1) return `specify one of ${shown(Array.from(OPTIONS).filter((f) => clash.includes(f)))}`
  }
  for (const mode of modes.filter((m) => flags.has(m))) {
    const excess = given.filter((flag) => flag !== mode && COMPATIBLE[mode]?.includes(flag) !== true)
    if (excess.length > 0) return `with option -${mode}, do not specify ${shown(excess)}`
  }
  if (flags.has('e') && names.length === 0) return '-e requires name=value argument'
  if ((flags.has('X') || flags.has('#')) && names.length === 0) return 'missing service argument'
  return undefined
}

function badClass(classes: string | undefined): string | undefined {
  const bad = classes?.split(/[\s,]+/).find((c) => !['builtin', 'service', 'user', 'all'].includes(c.toLowerCase()))
  return bad === undefined ? undefined : `unknown -C option value "${bad}" in "${classes}"`
}
