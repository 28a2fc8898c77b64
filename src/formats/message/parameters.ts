/** Structured values with parameters: Content-Type, Content-Disposition. RFC 2045 §5.1, RFC 2231. */
import { decodeCharset } from './charset.ts'

export interface Parameterised {
  /** Before the first semicolon, comments removed, in lower case. */
  readonly value: string
  /** In order; names in lower case, values unquoted. */
  readonly parameters: readonly (readonly [string, string])[]
}

/** Parameters of one field at the most. */
const PARAMETER_LIMIT = 100

export function parseParameterised(text: string): Parameterised {
  const pieces = cutAtSemicolons(text)
  const value = (pieces.shift() ?? '').trim().toLowerCase()
  const parameters = pieces.slice(0, PARAMETER_LIMIT).flatMap((piece): [string, string][] => {
    const equals = piece.indexOf('=')
    if (equals < 1) return []
    return [[piece.slice(0, equals).trim().toLowerCase(), unquote(piece.slice(equals + 1).trim())]]
  })
  return { value, parameters }
}

/** Comments go, quoted strings stay whole. */
function cutAtSemicolons(text: string): string[] {
  const pieces: string[] = []
  let piece = ''
  let quoted = false
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!
    if (c === '\\' && i + 1 < text.length && (quoted || depth > 0)) {
      if (depth === 0) piece += c + text[i + 1]!
      i++
    } else if (c === '"' && depth === 0) {
      quoted = !quoted
      piece += c
    } else if (!quoted && c === '(') depth++
    else if (!quoted && c === ')' && depth > 0) depth--
    else if (depth > 0) continue
    else if (c === ';' && !quoted) {
      pieces.push(piece)
      piece = ''
    } else if (c !== '\r' && c !== '\n') piece += c
  }
  pieces.push(piece)
  return pieces
}

function unquote(text: string): string {
  if (!text.startsWith('"')) return text
  const end = text.endsWith('"') && text.length > 1 ? -1 : undefined
  return text.slice(1, end).replace(/\\(.)/g, '$1')
}

/** One parameter, its RFC 2231 continuations joined and decoded; undefined where there is none. */
export function parameter(parameters: readonly (readonly [string, string])[], name: string): string | undefined {
  const plain = parameters.find(([n]) => n === name)?.[1]
  if (plain !== undefined) return plain
  const pieces = parameters
    .flatMap(([n, value]): { index: number; coded: boolean; value: string }[] => {
      const [, base, index, star] = /^([^*]+)\*(\d{1,3})?(\*)?$/.exec(n) ?? []
      return base === name
        ? [{ index: Number(index ?? 0), coded: star !== undefined || index === undefined, value }]
        : []
    })
    .toSorted((a, b) => a.index - b.index)
  if (pieces.length === 0) return undefined
  const [, charset = ''] = /^([^']*)'[^']*'/.exec(pieces[0]?.value ?? '') ?? []
  const octets = pieces.map(({ value, coded, index }) => {
    const bare = index === 0 && coded ? value.replace(/^[^']*'[^']*'/, '') : value
    return coded ? percentDecoded(bare) : Buffer.from(bare)
  })
  return decodeCharset(Buffer.concat(octets), charset)
}

function percentDecoded(text: string): Buffer {
  return Buffer.from(
    text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
}
