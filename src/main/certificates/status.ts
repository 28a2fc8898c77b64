/** How it stands with the certificate by ACME, for `postigo certificate`, `status` and `check`. */
import type { Config } from '../../io/config/mod.ts'
import { acmeNames, acmeSettings, acmeStamp, brought } from './settings.ts'
import { readState } from './state.ts'

export interface AcmeStatus {
  readonly directory: string
  readonly challenge: string
  readonly names: readonly string[]
  readonly certificate:
    | { readonly file: string; readonly issuer: string; readonly fromMs: number; readonly untilMs: number }
    | undefined
  readonly renewAtMs: number | undefined
  /** It is the authority's own suggestion. */
  readonly suggested: boolean
  readonly failures: number
  readonly error: string | undefined
  readonly triedMs: number | undefined
  /** Where something failed: when it is tried again. */
  readonly nextMs: number | undefined
  readonly running: boolean
}

/** undefined: it is not switched on. @param directory `DataPaths.acme` */
export function acmeStatus(config: Config, directory: string, running: boolean): AcmeStatus | undefined {
  const cf = acmeSettings(config)
  if (cf === undefined) return undefined
  const there = brought(directory)
  const known = readState(directory)
  const state = known?.stamp === acmeStamp(cf) ? known : undefined
  return {
    directory: cf.acme_directory,
    challenge: cf.acme_challenge,
    names: acmeNames(cf),
    certificate: there && {
      file: there.file,
      issuer: there.leaf.issuer.replaceAll('\n', ', '),
      fromMs: there.leaf.validFromDate.getTime(),
      untilMs: there.leaf.validToDate.getTime(),
    },
    renewAtMs: state?.renewAtMs,
    suggested: state?.window !== undefined,
    failures: state?.failures ?? 0,
    error: state?.error,
    triedMs: state === undefined || state.triedMs === 0 ? undefined : state.triedMs,
    nextMs: state === undefined || state.failures === 0 ? undefined : state.notBeforeMs,
    running,
  }
}

const day = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')

/** Lines for people. */
export function acmeLines(status: AcmeStatus): string[] {
  const { certificate, failures, error, nextMs, renewAtMs, triedMs } = status
  const next = renewAtMs === undefined ? '' : `, renewed from ${day(renewAtMs)} on`
  const by = status.suggested ? ' (by the authority’s suggestion)' : ''
  return [
    `${status.names.join(', ')} by ${status.challenge} from ${status.directory}`,
    certificate === undefined
      ? 'no certificate yet'
      : `valid until ${day(certificate.untilMs)}${next}${by}; issuer ${certificate.issuer}; ${certificate.file}`,
    ...(failures > 0 && triedMs !== undefined
      ? [`failed ${failures} ${failures === 1 ? 'time' : 'times'}, last ${day(triedMs)}: ${error}`]
      : []),
    ...(status.running ? ['being tried now'] : nextMs === undefined ? [] : [`next try ${day(nextMs)}`]),
  ]
}
