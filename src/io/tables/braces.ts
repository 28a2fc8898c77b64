/** `{ … }` in table names: `inline:{a=b}`, `unionmap:{hash:/x, static:y}`, `cidr:{{10.0.0.0/8 OK}}`. */
import { splitList, trimBlanks } from '../config/mod.ts'
import { TableError } from './errors.ts'

/** What stands inside the braces that are the whole text; undefined where it is not of that form. */
export function insideBraces(text: string): string | undefined {
  return text.startsWith('{') && text.endsWith('}') ? trimBlanks(text.slice(1, -1)) : undefined
}

/** The items of `type:{ … }`. Throws TableError where there are none. */
export function itemsOf(type: string, name: string, form: string): string[] {
  const items = splitList(insideBraces(name) ?? '')
  if (items.length === 0)
    throw new TableError(
      'configuration',
      `${type}:${name}`,
      `bad syntax: "${type}:${name}"; need "${type}:{${form}...}"`,
    )
  return items
}

/** A table's text that stands in its name: `{ {rule}, {rule} }` as lines; undefined for a file name. */
export function inlineText(type: string, name: string): Buffer | undefined {
  const inside = insideBraces(name)
  if (inside === undefined) return undefined
  const rules = splitList(inside).map((item) => {
    const rule = insideBraces(item)
    if (rule !== undefined) return rule
    const fault = item.startsWith('{') ? `missing '}' in "${item}"` : `no '{' at start of text in "${item}"`
    throw new TableError('configuration', `${type}:${name}`, `${type} map: ${fault}`)
  })
  return Buffer.from(rules.map((r) => `${r}\n`).join(''), 'utf8')
}
