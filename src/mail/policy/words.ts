/** The words of a restriction list. */

/** Words between commas and white space. Braces keep a word together (`inline:{a=b, c=d}`); those around a whole word go. */
export function listWords(text: string): string[] {
  const words: string[] = []
  let word = ''
  let depth = 0
  const end = (): void => {
    if (word !== '') words.push(/^\{.*\}$/s.test(word) ? word.slice(1, -1).trim() : word)
    word = ''
  }
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i)
    if (depth === 0 && /[\s,]/.test(c)) {
      end()
      continue
    }
    if (c === '{') depth++
    else if (c === '}' && depth > 0) depth--
    word += c
  }
  end()
  return words
}
