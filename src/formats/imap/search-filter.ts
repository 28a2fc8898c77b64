/** Searches that are kept under a name. RFC 5466. */
import { Cursor } from './cursor.ts'
import { ImapError } from './error.ts'
import { takeProgram } from './search.ts'
import type { SearchContext } from './search-program.ts'

/** Whether it is a whole search, as FILTER may name it. */
export function isFilter(value: Buffer, context: SearchContext): boolean {
  try {
    const cursor = new Cursor(value)
    takeProgram(cursor, 'utf-8', context)
    return cursor.done
  } catch (error) {
    if (error instanceof ImapError) return false
    throw error
  }
}
