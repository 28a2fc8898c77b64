/**
 * What other rooms see of the configuration. Each room has a `params.ts` that defines its parameters with
 * `defineParams` and a type made from it; `main` binds them: `const cf = config.bind(smtpdParams)`.
 * Names in code are main.cf's own: `cf.smtpd_recipient_limit`.
 */

/** One main.cf parameter. `default` is an expression in Postfix's syntax, expanded like a setting. */
export interface ParamSpec<T> {
  readonly kind: 'string' | 'bool' | 'int' | 'time' | 'size' | 'list' | 'enum' | 'raw'
  readonly default: string
  /** Unit of a time without suffix: s m h d w. Times bind to milliseconds. */
  readonly unit?: 's' | 'm' | 'h' | 'd' | 'w'
  readonly min?: number
  readonly max?: number
  readonly values?: readonly string[]
  /** One paragraph for the manual and for `check`. */
  readonly doc: string
  /** A size may carry `k`, `M` or `G` (1024s): parameters of ours. Postfix's own sizes are plain numbers. */
  readonly suffixes?: boolean
  /** A list keeps `{ … }` groups together; always true for list, here for the manual. */
  readonly braces?: boolean
  /** Older names that mean the same: used when the name itself is not set. */
  readonly oldNames?: readonly string[]
  /** Only carries T. */
  readonly type?: T
}

export type ParamSpecs = Readonly<Record<string, ParamSpec<unknown>>>

/** Plain, frozen values by main.cf's names: string, boolean, number (ms for times, octets for sizes), string[] for lists. */
export type Settings<P extends ParamSpecs> = { readonly [N in keyof P]: P[N] extends ParamSpec<infer T> ? T : never }

/** Something to tell about a configuration; `check` prints all, start prints warnings, an `error` stops the start. */
export interface Finding {
  readonly severity: 'error' | 'warning' | 'note'
  readonly file: string
  readonly line: number
  readonly name: string
  /** What is wrong, and what will happen. */
  readonly text: string
  /** What to write instead, where it is known. */
  readonly proposal?: string
}

/** Where a setting came from. */
export interface Origin {
  readonly file: string
  readonly line: number
}

/** One `name = value` of main.cf, as written. */
export interface Setting extends Origin {
  readonly name: string
  /** The text after `=`, continued lines joined, white space at both ends gone; not expanded. */
  readonly value: string
}

export interface StrayLine extends Origin {
  readonly text: string
}

/** Parameters by name: what the rooms define, for `value`, `postconf` and `check`. */
export type Registry = ReadonlyMap<string, ParamSpec<unknown>>

export interface Config {
  /** The configuration directory, absolute. */
  readonly directory: string
  /** main.cf's path. */
  readonly file: string
  /** Every setting of main.cf in its order, overridden ones too. */
  readonly settings: readonly Setting[]
  /** Lines of main.cf that start with white space and continue nothing: Postfix skips them with a warning. */
  readonly strayLines: readonly StrayLine[]
  /** The raw text after `=` as set (last one wins), undefined when not set. */
  raw(name: string): string | undefined
  origin(name: string): Origin | undefined
  /**
   * The value of any parameter (known or user-defined) with `$name` expanded, undefined when neither set nor known.
   * Texts of kind `raw` (mailbox_command, forward_path …) stay as written.
   */
  value(name: string): string | undefined
  /** Expands `$name` forms in a text as in a setting. */
  expand(text: string): string
  /** Evaluates all parameters of a room at once. A value of the wrong type throws ConfigError with file and line. */
  bind<P extends ParamSpecs>(specs: P): Settings<P>
  /** The same configuration with some settings replaced (master.cf's -o). */
  with(overrides: ReadonlyMap<string, string>): Config
  /** The settings that `with` put in. */
  readonly overrides: ReadonlyMap<string, string>
  /** master.cf's services, or Postigo's own (smtp, submission, submissions) where there is no master.cf. */
  readonly master: readonly MasterService[]
}

/** One line of master.cf. */
export interface MasterService {
  readonly name: string
  readonly type: 'inet' | 'unix' | 'unix-dgram' | 'fifo' | 'pass'
  /** For inet: the address before `:` (`127.0.0.1`, `::1` without brackets, a host name), undefined for $inet_interfaces. */
  readonly host?: string
  /** For inet: the port, service names of /etc/services resolved. */
  readonly port?: number
  readonly private: boolean
  readonly unprivileged: boolean
  readonly chroot: boolean
  readonly wakeup: string
  readonly maxProcesses: number
  readonly command: string
  readonly args: readonly string[]
  /** How many `-v` stand in the line. */
  readonly verbose: number
  /** -o name=value, the last one of a name wins; not expanded. */
  readonly overrides: ReadonlyMap<string, string>
  readonly origin: Origin
}
