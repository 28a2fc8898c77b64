/** Text for searching: case and marks folded, HTML stripped. */

/**
 * What is compared by SEARCH: compatibility forms decomposed, marks taken off, case folded. So `JOSÉ`, `jose` and `Jose\u0301` are
 * one; RFC 5051 (i;unicode-casemap) keeps marks, RFC 9051 §6.4.4 leaves more generous matching to the server.
 */
export function foldForSearch(text: string): string {
  // oxlint-disable-next-line no-control-regex -- ASCII is the common case and needs no tables
  if (/^[\x00-\x7f]*$/.test(text)) return text.toLowerCase()
  return text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .toUpperCase()
    .toLowerCase()
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' }

/** What a reader sees of HTML: tags, comments, scripts and styles go, entities are resolved. One pass. */
export function stripHtml(html: string): string {
  const text = html
    .replace(/<!--[^]*?(?:-->|$)|<(script|style)\b[^]*?(?:<\/\1\s*>|$)/gi, ' ')
    .replace(/<\/?(?:b|i|u|em|strong|span|a|font|small|big|sub|sup|code|tt|wbr)\b[^>]*>/gi, '')
    .replace(/<[^>]*>/g, ' ')
  return text.replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z]{2,6});/gi, (whole, name: string) => {
    if (!name.startsWith('#')) return ENTITIES[name.toLowerCase()] ?? whole
    const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1))
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}
