/** Text for searching: case and marks folded. HTML is stripped in html.ts. */
import { LetterMap } from './letter-map.ts'

/**
 * Compatibility forms decomposed, marks taken off, case folded: `JOSÉ`, `jose` and `Jose\u0301` are one. It folds more than any
 * collation does (collation.ts) and each character by itself, so what a text has under a collation its fold has too: the
 * search index is made of it. FUZZY compares it.
 */
export function foldForSearch(text: string): string {
  // oxlint-disable-next-line no-control-regex -- ASCII is the common case and needs no tables
  if (/^[\x00-\x7f]*$/.test(text)) return text.toLowerCase()
  return letters.apply(text)
}

const letters = new LetterMap((letter) => {
  // Iota below is a letter in upper case.
  const folded = letter
    .normalize('NFKD')
    .replaceAll('\u0345', 'ι')
    .replace(/\p{M}+/gu, '')
  // Sigma is another letter at a word's end.
  return folded.toLowerCase().toUpperCase().toLowerCase().replaceAll('ς', 'σ')
})
