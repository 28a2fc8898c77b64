/** A table that could not be asked. */
import type { TableFault } from './contract.ts'

/**
 * Never to be taken for "not found". `unavailable` may pass by itself (451 4.3.0); `configuration` needs somebody:
 * a missing index, an unknown type, a bad file (451 4.3.5).
 */
export class TableError extends Error implements TableFault {
  readonly table: string
  readonly kind: TableFault['kind']
  readonly text: string

  constructor(kind: TableFault['kind'], table: string, text: string, cause?: unknown) {
    super(`${table}: ${text}`, { cause })
    this.name = 'TableError'
    this.kind = kind
    this.table = table
    this.text = text
  }
}

/** Whether a file simply is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
}
