/** A report of TLS: how connections to a domain went in a day. RFC 8460 §4.4; and where a domain wants it, §3. */

/** RFC 8460 §4.3. */
export const FAILURE_TYPES = [
  'starttls-not-supported',
  'certificate-host-mismatch',
  'certificate-expired',
  'certificate-not-trusted',
  'validation-failure',
  'tlsa-invalid',
  'dnssec-invalid',
  'dane-required',
  'sts-policy-fetch-error',
  'sts-policy-invalid',
  'sts-webpki-invalid',
] as const
export type FailureType = (typeof FAILURE_TYPES)[number]

export const isFailureType = (word: string): word is FailureType => FAILURE_TYPES.some((one) => one === word)

/** What was applied. */
export interface ReportedPolicy {
  readonly type: 'tlsa' | 'sts' | 'no-policy-found'
  /** TLSA records, or the lines of a policy of MTA-STS. */
  readonly strings: readonly string[]
  readonly mxHosts: readonly string[]
}

export interface FailureDetail {
  readonly type: FailureType
  readonly sendingIp: string
  readonly mxHost: string
  readonly receivingIp: string
  /** What stood in the way, for a person. */
  readonly reason: string
  readonly sessions: number
}

export interface TlsReport {
  readonly organization: string
  readonly contact: string
  readonly id: string
  readonly domain: string
  /** Its first moment, a day of UTC. */
  readonly dayMs: number
  readonly policies: readonly {
    readonly policy: ReportedPolicy
    readonly successes: number
    readonly failures: readonly FailureDetail[]
  }[]
}

const DAY_S = 86_400

/** RFC 3339 without fractions. */
const moment = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')

export function printTlsReport({ organization, contact, id, domain, dayMs, policies }: TlsReport): string {
  const end = dayMs + (DAY_S - 1) * 1000
  return JSON.stringify({
    'organization-name': organization,
    'date-range': { 'start-datetime': moment(dayMs), 'end-datetime': moment(end) },
    'contact-info': contact,
    'report-id': id,
    policies: policies.map(({ policy, successes, failures }) => ({
      policy: {
        'policy-type': policy.type,
        'policy-string': policy.strings,
        'policy-domain': domain,
        'mx-host': policy.mxHosts,
      },
      summary: {
        'total-successful-session-count': successes,
        'total-failure-session-count': failures.reduce((sum, one) => sum + one.sessions, 0),
      },
      'failure-details': failures.map((one) => ({
        'result-type': one.type,
        'sending-mta-ip': one.sendingIp,
        'receiving-mx-hostname': one.mxHost,
        'receiving-ip': one.receivingIp,
        'failed-session-count': one.sessions,
        ...(one.reason !== '' && { 'failure-reason-code': one.reason }),
      })),
    })),
  })
}

/** Places that a domain may name. */
const MAX_PLACES = 5

/**
 * Where the one record of `_smtp._tls.DOMAIN` wants reports: mailto: and https: URLs, in order.
 * @returns none where there is no such record, or more than one
 */
export function readReportAddresses(records: readonly string[]): string[] {
  const [record, ...others] = records.filter((text) => /^v=TLSRPTv1\s*;/.test(text))
  if (record === undefined || others.length > 0) return []
  const [, list = ''] = /;\s*rua\s*=\s*([^;]+)/.exec(record) ?? []
  return list
    .split(',')
    .map((word) => word.trim())
    .filter((word) => /^mailto:[\w!#$&'*+/=^`{|}~.-]{1,64}@[a-z0-9.-]{1,253}$/i.test(word) || isSafeUrl(word))
    .slice(0, MAX_PLACES)
}

function isSafeUrl(word: string): boolean {
  if (!/^https:\/\/[^\s"<>]{1,1000}$/i.test(word) || !URL.canParse(word)) return false
  const { username, password, port } = new URL(word)
  return username === '' && password === '' && port === '' // 443: a stranger's record does not choose ports
}
