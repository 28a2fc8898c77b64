/** How postconf(1) prints settings and master.cf's entries. */

/** Lines are folded where they would pass this. */
const LINE_LIMIT = 80
const INDENT = '    '
/** Where master.cf's columns begin. */
const STOPS = [0, 11, 17, 25, 33, 41, 49, 57] as const

/** `name = value`, white space inside reduced to one blank; `fold` breaks long lines (postconf -f). */
export function printSetting(name: string, value: string, fold: boolean): string {
  const words = value.split(/[ \t\n\v\f\r]+/).filter((w) => w !== '')
  return words.length === 0 ? `${name} =` : wrap(`${name} =`, words, fold)
}

/** A value alone (postconf -h). */
export function printValue(value: string, fold: boolean): string {
  const [first = '', ...rest] = value.split(/[ \t\n\v\f\r]+/).filter((w) => w !== '')
  return wrap(first, rest, fold)
}

function wrap(start: string, words: readonly string[], fold: boolean): string {
  if (!fold) return [start, ...words].join(' ')
  const lines = [start]
  for (const word of words) {
    const line = lines.at(-1) ?? ''
    if (line.length + word.length >= LINE_LIMIT) lines.push(INDENT + word)
    else lines[lines.length - 1] = `${line} ${word}`
  }
  return lines.join('\n')
}

/** An argument of a command; what holds white space stands in braces. */
export function printArgument(word: string): string {
  return /[ \t]/.test(word) || word === '' ? `{${word}}` : word
}

/** An entry of master.cf in its columns. With `fold` each -o has a line of its own. */
export function printMasterEntry(fields: readonly string[], fold: boolean): string {
  let line = ''
  for (const [i, field] of fields.slice(0, STOPS.length).entries()) {
    if (i > 0) line = line.padEnd((STOPS[i] ?? 0) - 1) + ' '
    line += field
  }
  const args = fields.slice(STOPS.length)
  if (!fold) return [line, ...args.map(printArgument)].join(' ')
  const lines = [line]
  for (let i = 0; i < args.length; i++) {
    const word = args[i] ?? ''
    const isOption = word === '-o' && i + 1 < args.length
    const text = isOption ? `-o ${printArgument(args[++i] ?? '')}` : printArgument(word)
    const last = lines.at(-1) ?? ''
    if (isOption || last.length + text.length >= LINE_LIMIT) lines.push(INDENT + text)
    else lines[lines.length - 1] = `${last} ${text}`
  }
  return lines.join('\n')
}
