/**
 * The system's libpcre2 through node:ffi, where both are there. One instance for each set of tables; it is synchronous
 * and bounded by the library's match limit.
 */
import type * as Ffi from 'node:ffi'
import { PatternLimit } from './regex-engine.ts'
import { PatternError } from './regex-ast.ts'

/** Options of pcre2.h. */
export const PCRE2 = {
  CASELESS: 0x8,
  DOLLAR_ENDONLY: 0x10,
  DOTALL: 0x20,
  EXTENDED: 0x80,
  MULTILINE: 0x400,
  UNGREEDY: 0x40000,
  ANCHORED: 0x80000000,
} as const

const JIT_COMPLETE = 1
const INFO_CAPTURECOUNT = 4
const ERROR_NOMATCH = -1
/** Captures beyond these are not kept; no table's result can name more than two digits. */
const MAX_PAIRS = 100
/** Bounds one match: 1 million calls inside the library are a few milliseconds. */
const MATCH_LIMIT = 1_000_000
/** size_t -1, its low half: this capture took no part. */
const UNSET = 0xffff_ffff

const NAMES = ['libpcre2-8.so.0', 'libpcre2-8.so', 'libpcre2-8.0.dylib', 'libpcre2-8.dylib'] as const

const SIGNATURES = {
  pcre2_compile_8: { arguments: ['buffer', 'u64', 'u32', 'buffer', 'buffer', 'pointer'], return: 'pointer' },
  pcre2_jit_compile_8: { arguments: ['pointer', 'u32'], return: 'i32' },
  pcre2_code_free_8: { arguments: ['pointer'], return: 'void' },
  pcre2_pattern_info_8: { arguments: ['pointer', 'u32', 'buffer'], return: 'i32' },
  pcre2_match_data_create_8: { arguments: ['u32', 'pointer'], return: 'pointer' },
  pcre2_get_ovector_pointer_8: { arguments: ['pointer'], return: 'pointer' },
  pcre2_match_context_create_8: { arguments: ['pointer'], return: 'pointer' },
  pcre2_set_match_limit_8: { arguments: ['pointer', 'u32'], return: 'i32' },
  pcre2_match_8: {
    arguments: ['pointer', 'buffer', 'u64', 'u64', 'u32', 'pointer', 'pointer'],
    return: 'i32',
  },
  pcre2_get_error_message_8: { arguments: ['i32', 'buffer', 'u64'], return: 'i32' },
} as const satisfies Ffi.FunctionDefinitions

type Functions = Ffi.DynamicLibraryResult<typeof SIGNATURES>['functions']

/** A compiled pattern of the library. */
export interface PcrePattern {
  readonly captures: number
  /** The whole match and the captures as octets of the subject; undefined for no match. Throws PatternLimit. */
  exec(subject: Buffer): (Buffer | undefined)[] | undefined
}

export class Pcre2 {
  readonly #fn: Functions
  readonly #context: bigint
  readonly #data: bigint
  readonly #ovector: Buffer
  /** Compiled patterns go when nothing refers to them any more (a table was reloaded). */
  readonly #codes: FinalizationRegistry<bigint>

  private constructor(ffi: typeof Ffi, functions: Functions) {
    this.#fn = functions
    this.#context = functions.pcre2_match_context_create_8(0n)
    this.#data = functions.pcre2_match_data_create_8(MAX_PAIRS, 0n)
    functions.pcre2_set_match_limit_8(this.#context, MATCH_LIMIT)
    this.#ovector = ffi.toBuffer(functions.pcre2_get_ovector_pointer_8(this.#data), MAX_PAIRS * 16, false)
    this.#codes = new FinalizationRegistry((code) => functions.pcre2_code_free_8(code))
  }

  /** The library, or undefined where this Node or this system has none. */
  static open(names: readonly string[] = NAMES): Pcre2 | undefined {
    const ffi = process.getBuiltinModule('node:ffi') as typeof Ffi | undefined // typed as always there
    if (ffi === undefined) return undefined
    for (const name of names) {
      try {
        return new Pcre2(ffi, ffi.dlopen(name, SIGNATURES).functions)
      } catch {
        continue // not under this name
      }
    }
    return undefined
  }

  /** A pattern as octets, one character each. Throws PatternError in Postfix's words for what the library does not take. */
  compile(pattern: string, options: number): PcrePattern {
    const text = Buffer.from(pattern, 'latin1')
    const [error, offset] = [Buffer.alloc(4), Buffer.alloc(8)]
    const code = this.#fn.pcre2_compile_8(text, BigInt(text.length), options >>> 0, error, offset, 0n)
    if (code === 0n)
      throw new PatternError(
        `error in regex at offset ${offset.readUInt32LE(0)}: ${this.#message(error.readInt32LE(0))}`,
      )
    this.#fn.pcre2_jit_compile_8(code, JIT_COMPLETE) // without JIT it is slower and the same
    const captures = Buffer.alloc(4)
    this.#fn.pcre2_pattern_info_8(code, INFO_CAPTURECOUNT, captures)
    const compiled = { captures: captures.readUInt32LE(0), exec: (subject: Buffer) => this.#exec(code, subject) }
    this.#codes.register(compiled, code)
    return compiled
  }

  #exec(code: bigint, subject: Buffer): (Buffer | undefined)[] | undefined {
    const length = BigInt(subject.length)
    const count = this.#fn.pcre2_match_8(code, subject, length, 0n, 0, this.#data, this.#context)
    if (count === ERROR_NOMATCH) return undefined
    if (count < 0) throw new PatternLimit(this.#message(count))
    return Array.from({ length: count === 0 ? MAX_PAIRS : count }, (_, i) => {
      const from = this.#ovector.readUInt32LE(16 * i)
      return from === UNSET ? undefined : subject.subarray(from, this.#ovector.readUInt32LE(16 * i + 8))
    })
  }

  #message(error: number): string {
    const text = Buffer.alloc(256)
    const length = this.#fn.pcre2_get_error_message_8(error, text, BigInt(text.length))
    return text.toString('latin1', 0, Math.max(0, length))
  }
}
