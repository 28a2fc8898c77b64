/**
 * Every readable row of a damaged database, by walking its pages: trees from their roots as far as they are whole, then leaves that no
 * tree leads to any more. What of each table was not readable is counted, so that who puts rows together knows where to look
 * elsewhere. Memory: an octet a page, and one page.
 */
import type { SqlValue } from '../contract.ts'
import { type BtreePage, readBtreePage } from './btree.ts'
import { fits, type Layout, layoutsOf } from './layouts.ts'
import { PageFile } from './page-file.ts'

export interface SalvagedRow {
  readonly table: string
  readonly columns: readonly string[]
  readonly values: readonly SqlValue[]
}

export interface Damage {
  /** undefined: of no table that is known. */
  readonly table: string | undefined
  readonly page: number
  readonly text: string
}

export interface SalvageOptions {
  /** Tables of the program, for what the database does not say of itself any more. */
  readonly layouts: ReadonlyMap<string, Layout>
  /** What else a row of a table has, where types alone do not tell it from another's. Values in the order of the table's columns. */
  readonly marks?: Readonly<Record<string, (values: readonly SqlValue[]) => boolean>>
  readonly onDamage: (damage: Damage) => void
  readonly onProgress?: (pages: number, of: number) => void
}

/** Trees are no deeper than this: 2^32 pages with 2 children each. */
const DEPTH_LIMIT = 32
const SCHEMA = 'sqlite_schema'
const SCHEMA_LAYOUT: Layout = {
  table: SCHEMA,
  columns: ['type', 'name', 'tbl_name', 'rootpage', 'sql'].map((name) => ({
    name,
    type: name === 'rootpage' ? 'INTEGER' : 'TEXT',
    notNull: name !== 'sql' && name !== 'rootpage',
  })),
  withoutRowid: false,
  rowidColumn: -1,
}
const SEQUENCE_SQL = 'CREATE TABLE sqlite_sequence(name,seq)'

/** A page that was read as part of a tree. */
const TAKEN = 1
/** The free list or a long row says that it is theirs: what says so may be what is damaged, so a tree that leads there is believed. */
const SAID = 2

export class Salvage {
  readonly #o: SalvageOptions
  readonly #file: PageFile
  /** TAKEN, SAID or 0 for each page. */
  readonly #seen: Uint8Array
  #done = 0
  /** Tables of which something was not readable. */
  readonly damaged = new Set<string>()
  #layouts: ReadonlyMap<string, Layout> = new Map()

  constructor(path: string, options: SalvageOptions) {
    this.#o = options
    this.#file = new PageFile(path)
    this.#seen = new Uint8Array(this.#file.pageCount + 1)
  }

  get pages(): number {
    return this.#file.pageCount
  }

  /** Rows of all tables, those of whole trees first; the same key may come twice where the free list is gone. */
  *rows(): Generator<SalvagedRow> {
    const { hasHeader, walRest } = this.#file
    if (!hasHeader) this.#damage(undefined, 1, 'the header of the database is gone')
    if (walRest > 0)
      this.#damage(
        undefined,
        0,
        `the last ${walRest} octets of the WAL are no whole commit: they were being written, or are torn`,
      )
    const schema = this.#schema()
    const sql = schema.flatMap(([type, , , , text]) => (type === 'table' && typeof text === 'string' ? [text] : []))
    this.#layouts = new Map([...this.#o.layouts, ...layoutsOf(sql)])
    this.#markFree()
    const known = new Set<string>()
    for (const [type, name, , root] of schema) {
      if (type === 'index') known.add(String(name))
      if (typeof name !== 'string' || typeof root !== 'number' || root < 2) continue
      const layout = type === 'table' ? this.#layoutOf(name) : undefined
      if (layout !== undefined) known.add(name)
      yield* this.#tree(root, type === 'table' ? name : undefined, layout)
    }
    // What its own list of tables does not name may lie anywhere.
    const unknown = [...this.#o.layouts.values()].filter(({ table }) => !known.has(table) && table !== SCHEMA)
    for (const { table, isIndex } of unknown) if (isIndex !== true) this.damaged.add(table)
    yield* this.#orphans(unknown.filter(({ isIndex }) => isIndex === true))
  }

  close(): void {
    this.#file.close()
  }

  #layoutOf(name: string): Layout | undefined {
    if (name === 'sqlite_sequence') return layoutsOf([SEQUENCE_SQL.replace('sqlite_sequence', 'q')]).get('q')
    return this.#layouts.get(name)
  }

  /** From the tree on page 1; where that is damaged, from any leaf that holds its like. */
  #schema(): (readonly SqlValue[])[] {
    const found: (readonly SqlValue[])[] = []
    for (const { values } of this.#tree(1, SCHEMA, SCHEMA_LAYOUT)) found.push(values)
    if (!this.damaged.has(SCHEMA)) return found
    for (let number = 2; number <= this.pages; number++) {
      if (this.#seen[number] !== 0) continue
      const page = this.#read(number)
      const rows = page?.kind === 'table-leaf' ? page.cells.flatMap(({ values }) => (values ? [values] : [])) : []
      const named = rows.filter((values) => values.length === 5 && fits(SCHEMA_LAYOUT, values) && isSchemaRow(values))
      if (rows.length === 0 || named.length < rows.length) continue
      this.#seen[number] = TAKEN
      found.push(...named)
    }
    const names = new Map(found.map((row) => [String(row[1]), row]))
    return [...names.values()]
  }

  *#tree(root: number, table: string | undefined, layout: Layout | undefined): Generator<SalvagedRow> {
    const stack: { readonly number: number; readonly depth: number }[] = [{ number: root, depth: 0 }]
    for (let at; (at = stack.pop()) !== undefined;) {
      const { number, depth } = at
      if (number < 1 || number > this.pages || this.#seen[number] === TAKEN || depth > DEPTH_LIMIT) {
        this.#damage(table, number, 'a page refers to one that it cannot be above')
        continue
      }
      const page = this.#read(number)
      if (page === undefined || !isOfTree(page, table, layout)) {
        this.#damage(table, number, 'the page is unreadable')
        continue
      }
      this.#mark(number)
      for (const { child } of page.cells) if (child !== undefined) stack.push({ number: child, depth: depth + 1 })
      if (page.right !== undefined) stack.push({ number: page.right, depth: depth + 1 })
      if (table === undefined || layout === undefined) continue
      if (page.damaged > 0) this.#damage(table, number, `${page.damaged} rows of the page are unreadable`)
      yield* this.#rowsOf(page, number, layout, table)
    }
  }

  *#rowsOf(page: BtreePage, number: number, layout: Layout, table: string): Generator<SalvagedRow> {
    if (page.kind === 'table-interior') return
    let bad = 0
    for (const { rowid, values } of page.cells) {
      if (values === undefined || !fits(layout, values)) bad++
      else yield rowOf(layout, table, rowid, values)
    }
    if (bad > 0) this.#damage(table, number, `${bad} rows of the page are damaged`)
  }

  /** Leaves that no tree leads to. Only where something is missing: else they are free pages that a list does not name. */
  *#orphans(indices: readonly Layout[]): Generator<SalvagedRow> {
    if (this.damaged.size === 0) return
    const layouts = [...this.damaged].flatMap((table) => this.#layoutOf(table) ?? []).concat(indices)
    for (let number = 2; number <= this.pages; number++) {
      if (this.#seen[number] !== 0) continue
      const page = this.#read(number)
      const rows = page?.cells.filter(({ values }) => values !== undefined) ?? []
      if (page === undefined || rows.length === 0) continue
      const isTable = page.kind === 'table-leaf'
      const fitting = closest(
        layouts.filter(
          (layout) => layout.withoutRowid !== isTable && rows.every(({ values = [] }) => this.#fits(layout, values)),
        ),
        rows[0]?.values?.length ?? 0,
      )
      if (fitting.length === 0) continue
      this.#mark(number)
      const [layout] = fitting
      if (fitting.every(({ isIndex }) => isIndex === true)) continue
      if (fitting.length > 1 || layout === undefined)
        this.#damage(
          undefined,
          number,
          `${rows.length} rows of ${fitting.map(({ table }) => table).join(' or ')} cannot be told apart`,
        )
      else yield* this.#rowsOf(page, number, layout, layout.table)
    }
  }

  #fits(layout: Layout, values: readonly SqlValue[]): boolean {
    return fits(layout, values) && this.#o.marks?.[layout.table]?.(values) !== false
  }

  /** Pages of the free list: what they hold is deleted. */
  #markFree(): void {
    const head = this.#file.hasHeader ? this.#file.page(1) : undefined
    if (head === undefined) return
    for (let trunk = head.readUInt32BE(32); trunk !== 0;) {
      const page = this.#file.page(trunk)
      const count = page?.readUInt32BE(4) ?? 0
      if (page === undefined || this.#seen[trunk] !== 0 || count > this.#file.usable / 4 - 2) {
        this.#damage(undefined, trunk, 'the list of free pages is damaged')
        return
      }
      this.#say(trunk)
      for (let i = 0; i < count; i++) this.#say(page.readUInt32BE(8 + 4 * i))
      trunk = page.readUInt32BE(0)
    }
  }

  #read(number: number): BtreePage | undefined {
    const file = this.#file
    return readBtreePage({ usable: file.usable, page: (n) => file.page(n), onOverflow: (n) => this.#say(n) }, number)
  }

  #say(number: number): void {
    if (this.#seen[number] === 0) this.#seen[number] = SAID
  }

  #mark(number: number): void {
    this.#seen[number] = TAKEN
    this.#o.onProgress?.(++this.#done, this.pages)
  }

  #damage(table: string | undefined, page: number, text: string): void {
    if (table !== undefined) this.damaged.add(table)
    this.#o.onDamage({ table, page, text })
  }
}

const isSchemaRow = ([type, , , , sql]: readonly SqlValue[]): boolean =>
  (type === 'table' || type === 'index') && (sql === null || String(sql).startsWith('CREATE '))

/** A table's pages hold rows by number, all others records; of an index nothing is known besides. */
function isOfTree({ kind }: BtreePage, table: string | undefined, layout: Layout | undefined): boolean {
  if (table === undefined) return kind.startsWith('index')
  return layout === undefined || kind.startsWith(layout.withoutRowid ? 'index' : 'table')
}

/** Rows of a table have its number of columns, save those of before a column was added. */
function closest(layouts: readonly Layout[], columns: number): readonly Layout[] {
  const exact = layouts.filter((layout) => layout.columns.length === columns)
  return exact.length > 0 ? exact : layouts
}

function rowOf(layout: Layout, table: string, rowid: number, values: readonly SqlValue[]): SalvagedRow {
  return {
    table,
    columns: layout.columns.slice(0, values.length).map(({ name }) => name),
    values: values.map((value, i) => (i === layout.rowidColumn ? rowid : value)),
  }
}
