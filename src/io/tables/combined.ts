/** Tables made of tables: `unionmap:` (all results, joined) and `pipemap:` (each result is the next one's key). */
import { itemsOf } from './braces.ts'
import type { Table } from './contract.ts'

/** `unionmap:{type:name, …}`: what any of them finds, with commas between. */
export function unionTable(name: string, open: (name: string) => Table): Table {
  const tables = itemsOf('unionmap', name, 'type:name').map(open)
  return {
    name: `unionmap:${name}`,
    type: 'unionmap',
    fixed: tables.every((t) => t.fixed),
    async get(key) {
      const found: string[] = []
      for (const table of tables) {
        const result = await table.get(key)
        if (result !== undefined) found.push(result)
      }
      return found.length === 0 ? undefined : found.join(',')
    },
  }
}

/** `pipemap:{type:name, …}`: found only when each finds the result of the one before. */
export function pipeTable(name: string, open: (name: string) => Table): Table {
  const tables = itemsOf('pipemap', name, 'type:name').map(open)
  return {
    name: `pipemap:${name}`,
    type: 'pipemap',
    fixed: tables.every((t) => t.fixed),
    async get(key) {
      let value: string | undefined = key
      for (const table of tables) {
        value = await table.get(value)
        if (value === undefined) return undefined
      }
      return value
    },
  }
}
