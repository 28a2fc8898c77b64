/** getopt(3) with the operating system's complaints, as Postfix's commands read their words. */

export interface Option {
  readonly letter: string
  /** `''` for a flag. */
  readonly value: string
}

export interface Words {
  readonly options: readonly Option[]
  readonly operands: readonly string[]
  /** `invalid option -- 'Z'`; the options before it stand in `options`. */
  readonly problem: string | undefined
}

/** @param letters as getopt's: a letter with a colon behind it takes a value */
export function getopt(argv: readonly string[], letters: string): Words {
  const options: Option[] = []
  let at = 0
  for (; at < argv.length; at++) {
    const word = argv[at] ?? ''
    if (!word.startsWith('-') || word === '-') break
    if (word === '--') {
      at++
      break
    }
    for (let i = 1; i < word.length; i++) {
      const letter = word[i] ?? ''
      const known = letter === ':' ? -1 : letters.indexOf(letter)
      if (known < 0) return { options, operands: [], problem: `invalid option -- '${letter}'` }
      if (letters[known + 1] !== ':') {
        options.push({ letter, value: '' })
        continue
      }
      const value = i + 1 < word.length ? word.slice(i + 1) : argv[++at]
      if (value === undefined) return { options, operands: [], problem: `option requires an argument -- '${letter}'` }
      options.push({ letter, value })
      break
    }
  }
  return { options, operands: argv.slice(at), problem: undefined }
}

/** The value of the last option of a letter. */
export function lastValue({ options }: Words, letter: string): string | undefined {
  return options.findLast((option) => option.letter === letter)?.value
}
