/**
 * Lists that were broken over lines without white space in front: Postfix stops at the first such line ("missing '='
 * after attribute name"). Copying a configuration from a page or a mail loses the blanks often.
 */
import { isBlank } from './logical-lines.ts'

/** A line that is part of the setting before it, though it does not begin with white space. */
export interface LostContinuation {
  readonly line: number
  readonly text: string
  /** Where the setting begins that it belongs to. */
  readonly settingLine: number
}

const SETTING = /^[^\s=]+[ \t]*=/
const INDENT = '    '

export function lostContinuations(text: string): LostContinuation[] {
  const lost: LostContinuation[] = []
  let settingLine = 0
  for (const [i, line] of text.split('\n').entries()) {
    const first = line.charCodeAt(0)
    if (line.trim() === '' || isBlank(first) || line.startsWith('#')) continue
    if (SETTING.test(line)) settingLine = i + 1
    else if (settingLine > 0) lost.push({ line: i + 1, text: line, settingLine })
  }
  return lost
}

/** The text with these lines indented; no line changes its number. */
export function indentContinuations(text: string): string {
  const lost = new Set(lostContinuations(text).map(({ line }) => line))
  return text
    .split('\n')
    .map((line, i) => (lost.has(i + 1) ? INDENT + line : line))
    .join('\n')
}
