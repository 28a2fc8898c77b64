/** A tree as a pattern of libpcre2: how `regexp:` tables are run where the library is there. */
import type { Anchor, CodeRange, Regex } from './regex-ast.ts'

const ANCHORS: Readonly<Record<Anchor, string>> = {
  start: '\\A',
  end: '\\z',
  'end-or-newline': '\\Z',
  'line-start': '(?:\\A|(?<=\\n))',
  'inner-line-start': '(?:\\A|(?<=\\n)(?!\\z))',
  'line-end': '(?:\\z|(?=\\n))',
  'word-boundary': '\\b',
  'no-word-boundary': '\\B',
  'word-start': '\\b(?=\\w)',
  'word-end': '\\b(?<=\\w)',
}

/** Prints for libpcre2, to be compiled without any option but caseless and UTF. */
export function printPcre(regex: Regex): string {
  switch (regex.kind) {
    case 'char':
      return code(regex.code)
    case 'any':
      return regex.newline ? '(?s:.)' : '[^\\n]'
    case 'set':
      return `[${regex.negated ? '^' : ''}${regex.ranges.map(printRange).join('')}]`
    case 'anchor':
      return ANCHORS[regex.at]
    case 'sequence':
      return regex.items.map(printPcre).join('')
    case 'choice':
      return `(?:${regex.branches.map(printPcre).join('|')})`
    case 'group':
      return regex.capture === 0 ? `(?:${printPcre(regex.body)})` : `(${printPcre(regex.body)})`
    case 'repeat':
      return `(?:${printPcre(regex.body)}){${regex.min},${regex.max === Infinity ? '' : regex.max}}`
    case 'back-reference':
      return `\\g{${regex.capture}}`
    case 'look':
      return `(?${regex.ahead ? '' : '<'}${regex.negated ? '!' : '='}${printPcre(regex.body)})`
    case 'atomic':
      return `(?>${printPcre(regex.body)})`
    default:
      return regex satisfies never
  }
}

function code(value: number): string {
  return `\\x{${value.toString(16)}}`
}

function printRange({ from, to }: CodeRange): string {
  return from === to ? code(from) : `${code(from)}-${code(to)}`
}
