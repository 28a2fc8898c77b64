/**
 * What other rooms see of lookup tables. A table answers undefined for "not found" and throws TableError when it
 * could not be asked; the two are never confused.
 */
import type { Clock } from '../../base/mod.ts'

export interface Table {
  /** `hash:/etc/postfix/access`, as configured. */
  readonly name: string
  readonly type: string
  /** Whether keys are fixed strings (partial keys are tried) or patterns (only the full key is given). */
  readonly fixed: boolean
  /**
   * One key, one result. Fixed tables fold the key's case themselves (as postmap does). `undefined`: not found.
   * Throws TableError.
   */
  get(key: string): string | undefined | Promise<string | undefined>
  /** All entries in the order of the table, where it can say them (`postmap -s`). */
  entries?(): Iterable<readonly [key: string, value: string]>
  /** Takes an entry out, where the table is a cache that can (`postmap -d`); whether there was one. */
  remove?(key: string): boolean | Promise<boolean>
  /** Lets connections go; a question that comes later opens one for itself. */
  close?(): void
}

/** A table that cannot be asked: `temporary` gives 451 4.3.0, a missing index or bad pattern 451 4.3.5. */
export interface TableFault {
  readonly table: string
  readonly kind: 'unavailable' | 'configuration'
  readonly text: string
}

/** What a lookup found, and where: for the recorded path (`why`, `simulate`). */
export interface Found {
  readonly table: string
  readonly key: string
  readonly result: string
}

/** A `*_maps` parameter: tables asked in order. */
export interface Maps {
  readonly tables: readonly Table[]
  /** The result of the first table that has the key; at once where every table asked answers at once. */
  get(key: string): string | undefined | Promise<string | undefined>
  /** First table that has the key. */
  find(key: string): Promise<Found | undefined>
  /**
   * Tries keys in order; for each key all tables, as Postfix's maps_find loops over forms of an address.
   * `partial` keys are not given to pattern tables (`access` with `.parent.domain` forms).
   */
  findFirst(keys: readonly { readonly key: string; readonly partial: boolean }[]): Promise<Found | undefined>
}

/** What happened to tables, on the event channel. */
export type TablesEvent =
  | { readonly event: 'tables.warning'; readonly table: string; readonly text: string }
  /** The text is newer than its index; the index decides until postmap runs. */
  | { readonly event: 'tables.outdated'; readonly table: string; readonly text: string }
  | { readonly event: 'tables.reloaded'; readonly table: string; readonly entries: number }

/** How tables are opened; everything has a default but what it stands for. */
export interface TablesOptions {
  /** Where relative file names start: Postfix's processes run in queue_directory. */
  readonly directory?: string
  readonly clock?: Clock
  /** Tables that main brings: `accounts:` asks mail/accounts. Called with the name behind the type. */
  readonly types?: Readonly<Record<string, (name: string) => Pick<Table, 'get' | 'fixed'>>>
  /** main.cf's value of a name: older sqlite tables keep their settings there (`name_dbpath`). */
  readonly parameter?: (name: string) => string | undefined
}

export interface Tables {
  /**
   * One table by its configured name `type:name`; the same object for the same name. A table that cannot be opened (an
   * unknown type, bad syntax) throws its TableError at every `get`, as Postfix's surrogate tables do.
   */
  open(name: string): Table
  /** A list of tables as in a `*_maps` parameter (commas or blanks, braces kept together). */
  maps(text: string): Maps
  /**
   * The same for results that name commands, files or user ids: a table whose server nobody vouches for (memcache,
   * socketmap, tcp) throws its TableError at every `get`, as Postfix refuses it.
   */
  trustedMaps(text: string): Maps
  /**
   * A match list (mynetworks, mydestination, relay_domains …): names, addresses, networks, files, tables, `!` exclusion.
   * `parentDomains`: whether `example.com` also matches its subdomains (parent_domain_matches_subdomains).
   */
  matchDomain(
    list: string,
    options: { readonly parentDomains: boolean; readonly parameter: string },
  ): (domain: string) => Promise<string | undefined>
  /** Names and addresses of a client against one list: host names, addresses, `net/mask`, `[v6]/n`, tables, files. */
  matchAddress(
    list: string,
    options: { readonly parameter: string; readonly parentDomains?: boolean },
  ): (client: { readonly name: string; readonly address: string }) => Promise<string | undefined>
  close(): void
}
