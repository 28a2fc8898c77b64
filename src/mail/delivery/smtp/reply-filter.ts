/** smtp_reply_filter: each line that a server says is looked up, and what the table says stands in its place. */
import { type Maps, TableError } from '../../../io/tables/mod.ts'

/** A table could not be asked: nobody may guess what the server meant. */
export class ReplyFilterError extends Error {}

/** A line in, a line out; at once where the tables answer at once. Rejects with ReplyFilterError. */
export type LineFilter = (line: string) => string | Promise<string>

/** @param warn what is wrong with the table */
export function lineFilter(maps: Maps, warn: (text: string) => void): LineFilter {
  const unasked = (error: unknown): never => {
    if (!(error instanceof TableError)) throw error
    warn(error.message)
    throw new ReplyFilterError(error.message, { cause: error })
  }
  return (line) => {
    try {
      const found = maps.get(line)
      return found instanceof Promise ? found.then((text) => text ?? line, unasked) : (found ?? line)
    } catch (error) {
      return unasked(error)
    }
  }
}
