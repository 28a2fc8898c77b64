/** When a certificate is to be renewed: at two thirds of its life, or when the authority says (RFC 9773); and when to try again. */
import type { X509Certificate } from 'node:crypto'
import { authorityKeyId, serialNumber } from '../extensions.ts'
import { type AcmeClient, isRecord } from './client.ts'

/** `base64url(authority key id).base64url(serial number)`, RFC 9773 §4.1; undefined: it names no authority's key. */
export function certificateId(certificate: X509Certificate): string | undefined {
  const authority = authorityKeyId(certificate.raw)
  if (authority === undefined) return undefined
  return `${authority.toString('base64url')}.${serialNumber(certificate.raw).toString('base64url')}`
}

export interface SuggestedWindow {
  readonly startMs: number
  readonly endMs: number
  /** When to ask again. */
  readonly askAgainMs: number
}

/** RFC 9773 §4.3: what an authority says may be believed; once in six hours where it says nothing. */
const ASK_AGAIN_MS = 6 * 3_600_000
const MIN_ASK_MS = 60_000
const MAX_ASK_MS = 86_400_000

/** undefined: the authority has no such information. Throws AcmeError where it could not be asked. */
export async function suggestedWindow(client: AcmeClient, id: string): Promise<SuggestedWindow | undefined> {
  const { renewalInfo } = await client.directory()
  if (renewalInfo === undefined) return undefined
  const { body, retryAfterMs } = await client.get(`${renewalInfo.replace(/\/$/, '')}/${id}`)
  const window = isRecord(body['suggestedWindow']) ? body['suggestedWindow'] : {}
  const [startMs, endMs] = [momentOf(window['start']), momentOf(window['end'])]
  if (!(endMs > startMs)) return undefined // RFC 9773 §4.2: such a window is no word
  const askAgainMs = retryAfterMs === 0 ? ASK_AGAIN_MS : Math.min(Math.max(retryAfterMs, MIN_ASK_MS), MAX_ASK_MS)
  return { startMs, endMs, askAgainMs }
}

const momentOf = (value: unknown): number => (typeof value === 'string' ? Date.parse(value) : Number.NaN)

/** @param random 0 to 1: all who got theirs at one time are not to come at one time */
export function renewalMoment(
  { validFromDate, validToDate }: Pick<X509Certificate, 'validFromDate' | 'validToDate'>,
  window: Pick<SuggestedWindow, 'startMs' | 'endMs'> | undefined,
  random: number,
): number {
  if (window !== undefined) return Math.round(window.startMs + random * (window.endMs - window.startMs))
  const lifetimeMs = validToDate.getTime() - validFromDate.getTime()
  return Math.round(validFromDate.getTime() + lifetimeMs * (2 / 3 - random / 30))
}

/** The first failure waits for so long, each further one twice as long. */
const FIRST_WAIT_MS = 10 * 60_000
const LONGEST_WAIT_MS = 86_400_000

/** How long nothing is tried. @param failures in a row, at least 1; @param random 0 to 1 */
export function waitAfter(failures: number, retryAfterMs: number, random: number): number {
  const doubled = Math.min(FIRST_WAIT_MS * 2 ** Math.min(failures - 1, 20), LONGEST_WAIT_MS)
  return Math.max(Math.round(doubled * (1 + random / 4)), retryAfterMs)
}
