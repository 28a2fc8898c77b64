/** What main.cf, a policy table or DNS says cannot be done: mail waits, or the next server is tried. */
export class TlsPolicyError extends Error {
  /** For the log besides; undefined: what is told says it all. */
  readonly warning: string | undefined
  /** What the sender may be told. */
  readonly told: string
  readonly dsn: string
  constructor(warning: string | undefined, told = 'client TLS configuration problem', dsn = '4.7.5') {
    super(warning ?? told)
    this.warning = warning
    this.told = told
    this.dsn = dsn
  }
}
