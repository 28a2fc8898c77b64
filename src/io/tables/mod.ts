/**
 * Lookup tables: `hash:` `regexp:` `cidr:` …, one interface for every map parameter, and match lists.
 * In: configured names (`hash:/etc/postfix/access`) and keys. Out: a result, `undefined` for "not found", or a thrown
 * TableError when it could not be asked; never one for the other.
 * On disk: `FILE.postigo`, an index beside each text that postmap was run on (index-format.ts); Postfix's own `.db`,
 * `.lmdb` and `.cdb` are read where there is none, and never written.
 * Standards: DATABASE_README, access(5) and the other table manuals, cidr_table(5), regexp_table(5), pcre_table(5),
 * sqlite_table(5); remote/mod.ts for tables that a server answers. Settings: params.ts.
 */
export { parseAddress } from './addresses.ts'
export type * from './contract.ts'
export { TableError } from './errors.ts'
export { ROW_TYPES, tableRows } from './rows.ts'
export { tablesParams } from './params.ts'
export { LdapPasswords, REMOTE_TYPES } from './remote/mod.ts'
export { AWAY_TYPES, createTables, splitTableName, TABLE_TYPES } from './tables.ts'
export { INDEX_SUFFIX, INDEXED_TYPES, indexState, openIndex, type IndexState } from './indexed.ts'
export { addToTable, buildTable, type BuildOptions, type Built, editIndex } from './build.ts'
export { foldKey } from './fold.ts'
export { tableFindings } from './findings.ts'
export { type PatternResult, patternResults } from './pattern-table.ts'
