/** What can be fuzzed: a reader of octets, what it reads as a rule, and the errors that are its own. */

/** A class of errors, whatever its constructor takes. */
export type ErrorClass = abstract new (...args: never) => Error

/** Reads one input. What it answers is looked at only to tell new behaviour from known. */
export interface Reading {
  readonly read: (octets: Buffer) => unknown
  readonly close?: () => unknown
}

export interface Target {
  readonly name: string
  /** Inputs that are read whole, or nearly. */
  readonly corpus: readonly Buffer[]
  /** What the grammar is made of: put in anywhere, and repeated. */
  readonly words: readonly string[]
  /** Thrown for an input that is none: everything else that is thrown is a finding. */
  readonly errors: readonly ErrorClass[]
  readonly open: () => Reading | Promise<Reading>
}

export interface Pure {
  readonly corpus: readonly (string | Buffer)[]
  readonly words?: readonly string[]
  readonly errors?: readonly ErrorClass[]
  readonly read: (octets: Buffer) => unknown
}

/** A target without a world around it. Text of the corpus is latin1: one octet a character. */
export function target(name: string, { corpus, words = [], errors = [], read }: Pure): Target {
  return { name, corpus: corpus.map(octets), words, errors, open: () => ({ read }) }
}

export const octets = (text: string | Buffer): Buffer => (typeof text === 'string' ? Buffer.from(text, 'latin1') : text)

/** Runs what takes octets in any cuts: in two pieces, cut where the first octet says. */
export function cut(input: Buffer): [Buffer, Buffer] {
  const at = input.length === 0 ? 0 : (input[0] ?? 0) % input.length
  return [input.subarray(0, at), input.subarray(at)]
}
