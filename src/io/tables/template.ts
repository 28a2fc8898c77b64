/** Results of pattern tables: text with `$1`, `${2}`, `$(3)` and `$$`. */
import type { Dialect } from './pattern.ts'
import { PatternError } from './regex-ast.ts'

/** Puts captures into a result; those that took no part are empty. */
export type Template = (captures: readonly (string | undefined)[]) => string

const SKIPPED = 'bad replacement syntax: skipping this rule'

/** Parses a result once. `highest` is the largest number it names. Throws PatternError in Postfix's words. */
export function parseTemplate(text: string, dialect: Dialect): { template: Template; highest: number } {
  const parts: (string | number)[] = []
  let highest = 0
  let at = 0
  for (const m of text.matchAll(/\$(?:(\$)|\{([^{}]*)\}|\(([^()]*)\)|([{(])|(\w*))/g)) {
    parts.push(text.slice(at, m.index))
    at = m.index + m[0].length
    if (m[1] !== undefined) parts.push('$')
    else if (m[4] !== undefined)
      throw new PatternError(`truncated macro reference: "${text.slice(m.index)}"\n${SKIPPED}`)
    else {
      const number = indexOf(m[2] ?? m[3] ?? m[5] ?? '', text, dialect)
      highest = Math.max(highest, number)
      parts.push(number)
    }
  }
  parts.push(text.slice(at))
  if (highest === 0) {
    const fixed = parts.join('')
    return { template: () => fixed, highest }
  }
  return {
    template: (captures) => parts.map((p) => (typeof p === 'string' ? p : (captures[p] ?? ''))).join(''),
    highest,
  }
}

function indexOf(name: string, text: string, dialect: Dialect): number {
  if (name === '') throw new PatternError(`empty macro name: "${text}"\n${SKIPPED}`)
  if (!/^\d+$/.test(name)) throw new PatternError(`non-numeric replacement index "${name}"\n${SKIPPED}`)
  const out = dialect === 'pcre' ? 'out of range' : 'out-of-range'
  if (Number(name) < 1) throw new PatternError(`${out} replacement index "${name}"\n${SKIPPED}`)
  return Number(name)
}
