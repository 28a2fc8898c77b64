/** `name = value`, the form of main.cf's settings and of master.cf's -o. */
import { isBlank, trimBlanks } from './logical-lines.ts'

/** `name = value`, or what is wrong with it in Postfix's words. Names may hold anything but `=` and white space. */
export function splitNameValue(text: string): { name: string; value: string } | string {
  const skip = (from: number, while_: (c: number) => boolean): number => {
    let at = from
    while (at < text.length && while_(text.charCodeAt(at))) at++
    return at
  }
  const start = skip(0, isBlank)
  if (start === text.length || text[start] === '=') return 'missing attribute name'
  const end = skip(start, (c) => !isBlank(c) && c !== 0x3d)
  const equals = skip(end, isBlank)
  if (text[equals] !== '=') return "missing '=' after attribute name"
  return { name: text.slice(start, end), value: trimBlanks(text.slice(equals + 1)) }
}
