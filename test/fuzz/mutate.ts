/** Inputs made from inputs: octets changed, cut out, doubled, exchanged, words put in, pieces repeated very often. */
import type { Random } from '../support/random.ts'

/** Octets of an input; what costs more than its length shows long before. */
export const INPUT_LIMIT = 64 * 1024
/** Changes of one input at a time. */
const CHANGES = 4

/** Octets that grammars treat apart. */
const ODD = [0x00, 0x09, 0x0a, 0x0d, 0x1b, 0x20, 0x22, 0x28, 0x2e, 0x3c, 0x5c, 0x7f, 0x80, 0xc0, 0xed, 0xf4, 0xff]
/** Put in anywhere, in all grammars. */
const PIECES = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  '\r\n.\r\n',
  '\xe2\x80\xa8',
  '\xff\xfe',
  '\xc3',
  '=',
  '"',
  '\\',
  '(',
  '<',
  '{',
]
const NUMBERS = ['0', '-1', '1', '255', '256', '65535', '65536', '2147483647', '2147483648', '4294967295', '4294967296']
const LARGE = ['9007199254740993', '18446744073709551616', '99999999999999999999999999', '1e9', '0x10', '007', '+5']

export interface Source {
  readonly corpus: readonly Buffer[]
  readonly words: readonly string[]
}

type Change = (input: Buffer, random: Random, source: Source) => Buffer

const at = (input: Buffer, random: Random): number => random.below(input.length + 1)

function replaced(input: Buffer, from: number, to: number, by: Buffer): Buffer {
  return Buffer.concat([input.subarray(0, from), by, input.subarray(to)])
}

function put(input: Buffer, random: Random, text: string): Buffer {
  const from = at(input, random)
  return replaced(input, from, random.chance(0.3) ? from + random.below(8) : from, Buffer.from(text, 'latin1'))
}

/** A piece of the input: mostly short. */
function piece(input: Buffer, random: Random): [from: number, to: number] {
  const from = at(input, random)
  const most = random.chance(0.8) ? 16 : input.length
  return [from, Math.min(input.length, from + 1 + random.below(most))]
}

const oneOf = <T>(list: readonly T[], random: Random): T | undefined => list[random.below(list.length)]

const CHANGE: readonly Change[] = [
  (input, random) => {
    const copy = Buffer.from(input)
    if (copy.length > 0) copy[random.below(copy.length)]! ^= 1 << random.below(8)
    return copy
  },
  (input, random) => {
    const copy = Buffer.from(input)
    if (copy.length > 0) copy[random.below(copy.length)] = oneOf(ODD, random) ?? 0
    return copy
  },
  (input, random) => replaced(input, ...piece(input, random), Buffer.alloc(0)),
  (input, random) => {
    const [from, to] = piece(input, random)
    return replaced(input, to, to, input.subarray(from, to))
  },
  (input, random) => {
    const [from, to] = piece(input, random)
    const place = at(input, random)
    return replaced(input, place, place, input.subarray(from, to))
  },
  (input, random) => put(input, random, oneOf(PIECES, random) ?? ''),
  (input, random, { words }) => put(input, random, oneOf(words, random) ?? ''),
  (input, random, { words }) => put(input, random, oneOf(words, random) ?? ''),
  number,
  repeat,
  (input, random, { corpus }) => {
    const other = oneOf(corpus, random) ?? input
    const [from, to] = [at(input, random), at(other, random)]
    return Buffer.concat([input.subarray(0, from), other.subarray(to)])
  },
  (input, random) => input.subarray(0, at(input, random)),
]

/** A number becomes another, or one is put in. */
function number(input: Buffer, random: Random): Buffer {
  const found = [...input.toString('latin1').matchAll(/\d+/g)]
  const one = oneOf(found, random)
  const by = Buffer.from(oneOf([...NUMBERS, ...LARGE], random) ?? '')
  if (one === undefined) return put(input, random, by.toString())
  return replaced(input, one.index, one.index + one[0].length, by)
}

/** A piece or a word very often: what costs more than its length shows. */
function repeat(input: Buffer, random: Random, { words }: Source): Buffer {
  const [from, to] = piece(input, random)
  const unit = random.chance(0.5) ? input.subarray(from, to) : Buffer.from(oneOf(words, random) ?? '(', 'latin1')
  if (unit.length === 0) return input
  const most = Math.min(INPUT_LIMIT / unit.length, random.chance(0.8) ? 64 : INPUT_LIMIT)
  const times = 1 + random.below(most)
  return replaced(input, to, to, Buffer.alloc(unit.length * times, unit))
}

export function mutate(input: Buffer, random: Random, source: Source): Buffer {
  let made = input
  for (let n = 1 + random.below(CHANGES); n > 0; n--)
    made = (oneOf(CHANGE, random) ?? repeat)(made, random, source).subarray(0, INPUT_LIMIT)
  return made
}
