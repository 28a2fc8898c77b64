/** A function of each letter by itself, applied to whole texts: what it makes of a letter is remembered. */

const UNITS = 0x10000
const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff

export class LetterMap {
  readonly #map: (letter: string) => string
  /** What a letter becomes where that is one; 0: it is not known yet, or not one. */
  readonly #units = new Uint16Array(UNITS)
  /** What a letter becomes that is none or several. */
  readonly #texts = new Map<number, string>()

  constructor(map: (letter: string) => string) {
    this.#map = map
  }

  apply(text: string): string {
    const units = this.#units
    let out = new Uint16Array(text.length + (text.length >> 2) + SPARE)
    let n = 0
    for (let i = 0; i < text.length; i++) {
      const unit = units[text.charCodeAt(i)]!
      if (unit !== 0) {
        if (n === out.length) out = grown(out)
        out[n++] = unit
        continue
      }
      const letter = letterAt(text, i)
      const mapped = this.#mapped(letter)
      i += letter.length - 1
      while (n + mapped.length > out.length) out = grown(out)
      for (let k = 0; k < mapped.length; k++) out[n++] = mapped.charCodeAt(k)
    }
    return Buffer.from(out.buffer, 0, 2 * n).toString('utf16le')
  }

  #mapped(letter: string): string {
    if (letter.length > 1) return this.#map(letter)
    const unit = letter.charCodeAt(0)
    const known = this.#texts.get(unit)
    if (known !== undefined) return known
    const mapped = this.#map(letter)
    if (mapped.length === 1 && mapped !== '\0') this.#units[unit] = mapped.charCodeAt(0)
    else this.#texts.set(unit, mapped)
    return mapped
  }
}

/** A text grows by so much before more room is needed. */
const SPARE = 64

function grown(out: Uint16Array<ArrayBuffer>): Uint16Array<ArrayBuffer> {
  const more = new Uint16Array(2 * out.length)
  more.set(out)
  return more
}

function letterAt(text: string, at: number): string {
  return text.slice(at, at + (isHigh(text.charCodeAt(at)) && isLow(text.charCodeAt(at + 1)) ? 2 : 1))
}
