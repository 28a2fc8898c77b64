import type { FailureType } from '../../../formats/reports/mod.ts'
import type { StsPolicy } from './sts/policy.ts'

/** What main.cf, a policy table or DNS says cannot be done: mail waits, or the next server is tried. */
export class TlsPolicyError extends Error {
  /** For the log besides; undefined: what is told says it all. */
  readonly warning: string | undefined
  /** What the sender may be told. */
  readonly told: string
  readonly dsn: string
  /** What reports of TLS say of it; undefined: it is none of the domain's. */
  readonly failure: FailureType | undefined
  /** The policy of MTA-STS that it is about. */
  readonly sts: StsPolicy | undefined
  constructor(
    warning: string | undefined,
    told = 'client TLS configuration problem',
    dsn = '4.7.5',
    { failure, sts }: { readonly failure?: FailureType; readonly sts?: StsPolicy } = {},
  ) {
    super(warning ?? told)
    this.warning = warning
    this.told = told
    this.dsn = dsn
    this.failure = failure
    this.sts = sts
  }
}
