/** What log-ins publish. */
export type LoginsEvent =
  | { readonly event: 'logins.banned'; readonly network: string; readonly lengthMs: number; readonly text: string }
  /** Whether sessions may go on could not be looked at. */
  | { readonly event: 'logins.failed'; readonly error: unknown }
