/** Where we differ from Postfix on purpose. Each line must be used by the comparison; docs/decisions/0008 tells why. */

export interface Difference {
  /** Found in `session: command`. */
  readonly where: RegExp
  readonly postfix: RegExp
  readonly postigo: RegExp
  readonly reason: string
  /** The release of Postfix that does as we do, or `ours`. */
  readonly release: string
}

export const differences: readonly Difference[] = []
