/** What of a session is reported: the policy that was applied, and what kind of failure it was. RFC 8460 §4.2 and §4.3. */
import type { FailureType, ReportedPolicy } from '../../../../formats/reports/mod.ts'
import type { Anchor, TlsFacts } from '../../../../io/net/mod.ts'
import type { Dane } from '../dane.ts'
import { fitsSts, type StsPolicy } from '../sts/policy.ts'
import type { TlsPolicy } from '../tls-policy.ts'

/** Octets of a record that are not a hash are shown by their beginning. */
const MAX_DATA = 64

export function reportedPolicy({ dane, sts }: Pick<TlsPolicy, 'dane' | 'sts'>): ReportedPolicy {
  if (dane !== undefined) return { type: 'tlsa', strings: recordsOf(dane), mxHosts: [dane.base] }
  if (sts !== undefined) return stsReported(sts)
  return { type: 'no-policy-found', strings: [], mxHosts: [] }
}

/** Lines and names of a policy that a report repeats; each session's counts carry them. */
const MAX_STRINGS = 20

export const stsReported = ({ lines, patterns }: StsPolicy): ReportedPolicy => ({
  type: 'sts',
  strings: lines.slice(0, MAX_STRINGS),
  mxHosts: patterns.slice(0, MAX_STRINGS),
})

function recordsOf({ leaves, anchors }: Dane): string[] {
  const text = (usage: number, { of, digest, data }: Anchor): string => {
    const matching = digest === undefined ? 0 : digest === 'sha256' ? 1 : 2
    return `${usage} ${of === 'certificate' ? 0 : 1} ${matching} ${data.subarray(0, MAX_DATA).toString('hex')}`
  }
  return [...leaves.map((one) => text(3, one)), ...anchors.map((one) => text(2, one))]
}

/** Of a certificate that does not do. */
export function certificateFailure({ dane, anchors }: TlsPolicy, { peerFault }: TlsFacts): FailureType {
  if (dane !== undefined || anchors !== undefined) return 'validation-failure'
  if (peerFault === undefined) return 'certificate-host-mismatch'
  return peerFault === 'CERT_HAS_EXPIRED' ? 'certificate-expired' : 'certificate-not-trusted'
}

/** Mode testing: what would have kept mail back, had it been enforce (RFC 8461 §5). */
export function stsTestFailure(
  { sts, ...policy }: TlsPolicy,
  host: string,
  { isTrusted, namesFit, facts }: { readonly isTrusted: boolean; readonly namesFit: boolean; readonly facts: TlsFacts },
): FailureType | undefined {
  if (sts?.mode !== 'testing') return undefined
  if (!fitsSts(host, sts.patterns)) return 'validation-failure'
  if (isTrusted && namesFit) return undefined
  return certificateFailure(policy, facts)
}
