/** A `*_maps` parameter: tables asked in order. */
import type { Found, Maps, Table } from './contract.ts'
import { TableError } from './errors.ts'

export class MapList implements Maps {
  readonly tables: readonly Table[]

  constructor(tables: readonly Table[]) {
    this.tables = tables
  }

  get(key: string): string | undefined | Promise<string | undefined> {
    if (key === '') return undefined
    for (const [i, table] of this.tables.entries()) {
      const answer = table.get(key)
      if (answer instanceof Promise) return this.#getLater(key, i, answer)
      if (answer === '') throw emptyResult(table, key)
      if (answer !== undefined) return answer
    }
    return undefined
  }

  async #getLater(key: string, from: number, first: Promise<string | undefined>): Promise<string | undefined> {
    const answer = await first
    if (answer === '') throw emptyResult(this.tables[from]!, key)
    return answer ?? new MapList(this.tables.slice(from + 1)).get(key)
  }

  find(key: string): Promise<Found | undefined> {
    return this.#ask(key, false)
  }

  async findFirst(keys: readonly { readonly key: string; readonly partial: boolean }[]): Promise<Found | undefined> {
    for (const { key, partial } of keys) {
      const found = await this.#ask(key, partial)
      if (found !== undefined) return found
    }
    return undefined
  }

  async #ask(key: string, partial: boolean): Promise<Found | undefined> {
    if (key === '') return undefined // Postfix: an empty key is never looked up
    for (const table of this.tables) {
      if (partial && !table.fixed) continue
      const answer = table.get(key)
      const result = answer instanceof Promise ? await answer : answer
      if (result === undefined) continue
      if (result === '') throw emptyResult(table, key)
      return { table: table.name, key, result }
    }
    return undefined
  }
}

/** Nobody can tell an empty result from "not found": Postfix makes it an error, and so do we. */
function emptyResult(table: Table, key: string): TableError {
  return new TableError(
    'configuration',
    table.name,
    `lookup of ${key} returns an empty string result; it should return NO RESULT in case of NOT FOUND`,
  )
}
