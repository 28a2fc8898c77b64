/** The query of an SQL table, in the form of today or of Postfix 2.1. */
import type { TableSettings } from './settings.ts'

/** `query`; else `select_function` (pgsql); else put together from `select_field`, `table`, `where_field`. */
export function queryText(source: TableSettings): string {
  const query = source.text('query')
  if (query !== '') return query
  const selectFunction = source.table.startsWith('pgsql:') ? source.text('select_function') : ''
  if (selectFunction !== '') return `SELECT ${selectFunction}('%s')`
  const [table, field, where] = ['table', 'select_field', 'where_field'].map((key) => source.required(key))
  return `SELECT ${field} FROM ${table} WHERE ${where}='%s' ${source.text('additional_conditions')}`
}
