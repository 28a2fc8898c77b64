/** `%s %u %d %1 …` in queries and results of tables that a server answers; sqlite_table(5), ldap_table(5). */

/** A key or a result, and its parts where it is an address. */
export interface KeyParts {
  readonly whole: string
  /** Before the last `@`; the whole text where there is none. */
  readonly local: string
  /** Behind it; undefined where there is none. */
  readonly domain: string | undefined
}

export function keyParts(text: string): KeyParts {
  const at = text.lastIndexOf('@')
  if (at < 0) return { whole: text, local: text, domain: undefined }
  return { whole: text, local: text.slice(0, at), domain: text.slice(at + 1) }
}

export interface QueryTemplate {
  /** The template as SQL with `?` where values are bound. */
  readonly sql: string
  /** What is bound for a key; undefined where the key lacks a part that the template names: nothing is asked. */
  bind(key: KeyParts): string[] | undefined
  /** The template as text: lower case takes parts of the result, all else parts of the key. */
  format(key: KeyParts, result: KeyParts): string | undefined
  /** The template as text with parts of the key, each through `quote`; undefined where the key lacks one. */
  expand(key: KeyParts, quote?: (text: string) => string): string | undefined
  /** Of a result's template: whether the key has what it takes of the key. Where not, nothing is asked. */
  isFor(key: KeyParts): boolean
  /** Whether it names any part of a key. */
  readonly isDynamic: boolean
}

/** Parses a template; undefined for a `%` that means nothing. */
export function parseQueryTemplate(text: string): QueryTemplate | undefined {
  const parts = text.split(/(%[\s\S]?)/).filter((p) => p !== '')
  const codes = parts.filter((p) => p.startsWith('%') && p !== '%%').map((p) => p.slice(1))
  if (codes.some((c) => !/^[suSdUD1-9]$/.test(c))) return undefined
  return {
    sql: toSql(parts),
    bind: (key) => all(codes.map((c) => part(c, key))),
    format(key, result) {
      const values = parts.map((p) => {
        if (!p.startsWith('%')) return p
        const code = p.slice(1)
        return code === '%' ? '%' : part(code, 'sud'.includes(code) ? result : key)
      })
      return all(values)?.join('')
    },
    expand(key, quote = (text) => text) {
      const values = parts.map((p) => {
        if (!p.startsWith('%')) return p
        const value = p === '%%' ? '%' : part(p.slice(1), key)
        return value === undefined || p === '%%' ? value : quote(value)
      })
      return all(values)?.join('')
    },
    isFor: (key) => all(codes.filter((c) => !'sud'.includes(c)).map((c) => part(c, key))) !== undefined,
    isDynamic: codes.length > 0,
  }
}

/** All of them, or undefined where one is missing. */
function all(values: readonly (string | undefined)[]): string[] | undefined {
  const known = values.filter((v) => v !== undefined)
  return known.length === values.length ? known : undefined
}

function part(code: string, from: KeyParts): string | undefined {
  switch (code.toLowerCase()) {
    case 's':
      return from.whole
    case 'u':
      return from.local === '' ? undefined : from.local
    case 'd':
      return from.domain === undefined || from.domain === '' ? undefined : from.domain
    default:
      return label(from.domain, Number(code))
  }
}

/** A domain's label, counted from its end; undefined where that many are not there, or one of them is empty. */
function label(domain: string | undefined, number: number): string | undefined {
  const labels = domain?.split('.').slice(-number)
  return labels?.length === number && labels.every((l) => l !== '') ? labels[0] : undefined
}

/**
 * Postfix writes the value into the text and quotes it. Here it is bound, which no value can break out of: a string
 * literal with `%` inside becomes an expression that joins its pieces.
 */
function toSql(parts: readonly string[]): string {
  let sql = ''
  let quote = ''
  for (const p of parts) {
    if (p.startsWith('%') && p !== '%%') {
      sql += quote === "'" ? "'||?||'" : quote === '' ? '?' : p
      continue
    }
    const text = p === '%%' ? '%' : p
    for (const c of text) {
      if (quote === '' && (c === "'" || c === '"')) quote = c
      else if (c === quote) quote = ''
    }
    sql += text
  }
  return sql
}
