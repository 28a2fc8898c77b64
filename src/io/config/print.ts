/** How postconf(1) prints settings and master.cf's entries. */

/** Lines are folded where they would pass this. */
const LINE_LIMIT = 80
const INDENT = '    '
/** Where master.cf's columns begin. */
const STOPS = [0, 11, 17, 25, 33, 41, 49, 57] as const

/** A text with white space inside reduced to one blank; `fold` breaks long lines (postconf -f). */
export function printFolded(text: string, fold: boolean): string {
  const lines: string[] = []
  for (const word of text.split(/[ \t\n\v\f\r]+/)) {
    if (word === '') continue
    const last = lines.at(-1)
    if (last === undefined || (fold && last.length + word.length >= LINE_LIMIT))
      lines.push(last === undefined ? word : INDENT + word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines.join('\n')
}

/** `name = value`. */
export function printSetting(name: string, value: string, fold: boolean): string {
  return printFolded(`${name} = ${value}`, fold)
}

/** What stands behind the command: one word, or an option with its value. */
interface Piece {
  readonly text: string
  /** `-o` with its value: with `fold` it has a line of its own. */
  readonly isOption: boolean
  /** Octets that it counts for when a line is filled: braces are not counted. */
  readonly length: number
}

/** The pieces of what stands behind the command; `value` is applied to what stands behind -o. */
function pieces(args: readonly string[], value: (text: string) => string): Piece[] {
  const out: Piece[] = []
  let isOptions = true
  for (let i = 0; i < args.length; i++) {
    const word = args[i] ?? ''
    isOptions &&= word.startsWith('-') && word !== '--'
    const given = isOptions && word === '-o' ? args[++i] : undefined
    if (given !== undefined) out.push({ text: `-o ${inBraces(value(given))}`, isOption: true, length: 0 })
    else out.push({ text: isOptions ? word : inBraces(word), isOption: false, length: word.length })
  }
  return out
}

/** What holds white space stands in braces. */
function inBraces(word: string): string {
  return /[ \t\r\n]/.test(word) ? `{${word}}` : word
}

function fill(start: string, rest: readonly Piece[], fold: boolean): string {
  if (!fold) return [start, ...rest.map((p) => p.text)].join(' ')
  const lines = [start]
  let isOpen = true
  for (const { text, isOption, length } of rest) {
    const last = lines.at(-1) ?? ''
    if (isOpen && !isOption && last.length + 1 + length < LINE_LIMIT) lines[lines.length - 1] = `${last} ${text}`
    else lines.push(INDENT + text)
    isOpen = !isOption
  }
  return lines.join('\n')
}

export interface PrintMaster {
  readonly fold: boolean
  /** Applied to what stands behind -o: -x expands it. */
  readonly value?: (text: string) => string
}

const asIs = (text: string): string => text

/** An entry of master.cf in its columns. With `fold` each -o has a line of its own. */
export function printMasterEntry(fields: readonly string[], { fold, value = asIs }: PrintMaster): string {
  let line = ''
  for (const [i, field] of fields.slice(0, STOPS.length).entries()) {
    if (i > 0) line = line.padEnd((STOPS[i] ?? 0) - 1) + ' '
    line += field
  }
  return fill(line, pieces(fields.slice(STOPS.length), value), fold)
}

/** One field of an entry; the last one is the command with its arguments. `name` may be empty. */
export function printMasterField(
  name: string,
  fields: readonly string[],
  at: number,
  { fold, value = asIs }: PrintMaster,
): string {
  const field = fields[at] ?? ''
  const start = name === '' ? field : `${name} = ${field}`
  return at < STOPS.length - 1 ? start : fill(start, pieces(fields.slice(at + 1), value), fold)
}
