/**
 * Logical lines, as main.cf, master.cf and all of Postfix's tables have them: a line that starts with white space
 * continues the one before, comments and blank lines may stand between. postconf(5), "The general format".
 */

/** One logical line. */
export interface LogicalLine {
  /** Physical lines joined without their line ends; white space at their starts is kept. */
  readonly text: string
  /** Number of the first physical line that has text, from 1. */
  readonly line: number
  /** Number of the last physical line that has text. */
  readonly lastLine: number
}

export interface LogicalLines {
  readonly lines: readonly LogicalLine[]
  /** Lines that start with white space and continue nothing; Postfix warns and skips them. */
  readonly stray: readonly LogicalLine[]
}

/** isspace(3) in the C locale; Postfix knows no other blanks. */
export function isBlank(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d)
}

/** Without white space (isspace) at both ends. */
export function trimBlanks(text: string): string {
  let from = 0
  let to = text.length
  while (from < to && isBlank(text.charCodeAt(from))) from++
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--
  return text.slice(from, to)
}

/** Nothing but white space, or a comment. */
function saysNothing(line: string): boolean {
  for (let i = 0; i < line.length; i++) {
    const c = line.charCodeAt(i)
    if (!isBlank(c)) return c === 0x23
  }
  return true
}

/** Cuts a text into logical lines. */
export function readLogicalLines(text: string): LogicalLines {
  const lines: LogicalLine[] = []
  const stray: LogicalLine[] = []
  let parts: string[] = []
  let first = 0
  let last = 0
  const flush = (): void => {
    if (parts.length === 0) return
    const joined = parts.join('')
    ;(isBlank(joined.charCodeAt(0)) ? stray : lines).push({ text: joined, line: first, lastLine: last })
    parts = []
  }
  let number = 0
  for (let at = 0; at < text.length;) {
    const end = text.indexOf('\n', at)
    const line = text.slice(at, end < 0 ? text.length : end)
    at = end < 0 ? text.length : end + 1
    number++
    if (saysNothing(line)) continue
    if (!isBlank(line.charCodeAt(0))) flush()
    if (parts.length === 0) first = number
    parts.push(line)
    last = number
  }
  flush()
  return { lines, stray }
}
