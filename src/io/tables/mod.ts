/**
 * Lookup tables: `hash:` `regexp:` `cidr:` …, one interface for every map parameter.
 */
export type * from './contract.ts'
export { TableError } from './errors.ts'
export { indexState, INDEX_SUFFIX, INDEXED_TYPES, type IndexState } from './indexed.ts'
export { createTables } from './tables.ts'
export { buildTable, type BuildOptions, type Built, editIndex } from './build.ts'
export { foldKey } from './fold.ts'
