/** What postmap(1) and postalias(1) are told: getopt(3), and what goes together. */
import { getopt } from './getopt.ts'

export interface MapWords {
  readonly config: string | undefined
  readonly query: string | undefined
  readonly remove: string | undefined
  /** -i: entries from standard input into the existing index. */
  readonly insert: boolean
  /** -s */
  readonly list: boolean
  /** -f */
  readonly keepCase: boolean
  readonly doubled: 'warn' | 'ignore' | 'replace'
  /** -F */
  readonly fileContent: boolean
  /** -p */
  readonly defaultMode: boolean
  /** -h, -b: keys of -q - are header lines, body lines of a message. */
  readonly messageParts: ReadonlySet<'header' | 'body'>
  /** -m: MIME parts are looked into. */
  readonly mime: boolean
  readonly warnings: readonly string[]
  readonly tables: readonly string[]
}

const OPTIONS = {
  postmap: {
    flags: 'bfFhimnNoprsuUvw',
    usage: 'postmap [-bfFhimnNoprsuUvw] [-c config_dir] [-d key] [-q key] [map_type:]file...',
  },
  postalias: {
    flags: 'Nfinoprsuvw',
    usage: 'postalias [-Nfinoprsuvw] [-c config_dir] [-d key] [-q key] [map_type:]file...',
  },
} as const

/**
 * -n and -N are about the NUL that ends strings in Postfix's files, -o about its set-gid rights, -u and -U about SMTPUTF8:
 * our index has no NUL, the command drops no rights, and UTF-8 is always checked; so they change nothing.
 */

/** Reads the words. A text is what is wrong with them, in Postfix's words. */
export function mapWords(name: 'postmap' | 'postalias', argv: readonly string[]): MapWords | string {
  const { flags: known, usage } = OPTIONS[name]
  const read = getopt(argv, `${known}c:d:q:`)
  const flags = new Set<string>()
  const values = new Map<string, string>()
  for (const { letter, value } of read.options) {
    if ('dq'.includes(letter) && (values.has('q') || values.has('d'))) return 'specify only one of -q or -d'
    if ('cdq'.includes(letter)) values.set(letter, value)
    else flags.add(letter)
  }
  if (read.problem !== undefined) return `usage: ${usage}`
  const tables = read.operands
  const asked = [values.has('q'), values.has('d'), flags.has('s')].filter(Boolean).length
  if (asked > 1) return 'specify only one of -s -q or -d'
  if (name === 'postmap' && ['b', 'h', 'm'].some((flag) => flags.has(flag)) && values.get('q') !== '-')
    return 'specify -b -h or -m only with "-q -"'
  if (tables.length === 0) return `usage: ${usage}`
  const parts = flags.has('b') || flags.has('h')
  return {
    config: values.get('c'),
    query: values.get('q'),
    remove: values.get('d'),
    insert: flags.has('i'),
    list: flags.has('s'),
    keepCase: flags.has('f'),
    doubled: flags.has('r') ? 'replace' : flags.has('w') ? 'ignore' : 'warn',
    fileContent: flags.has('F'),
    defaultMode: flags.has('p'),
    messageParts: new Set([
      ...(flags.has('h') ? ['header' as const] : []),
      ...(flags.has('b') ? ['body' as const] : []),
    ]),
    mime: flags.has('m'),
    warnings: flags.has('m') && !parts ? ['ignoring -m option without -b or -h'] : [],
    tables,
  }
}
