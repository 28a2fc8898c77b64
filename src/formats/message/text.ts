/** Text for searching: case and marks folded. HTML is stripped in html.ts. */

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
