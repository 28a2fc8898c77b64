/** What log-ins publish. */
export type LoginsEvent =
  | { readonly event: 'logins.banned'; readonly network: string; readonly lengthMs: number; readonly text: string }
  /** What stands around a log-in could not be looked at: a table, the database. */
  | { readonly event: 'logins.failed'; readonly error: unknown }
