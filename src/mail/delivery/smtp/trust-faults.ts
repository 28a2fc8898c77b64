/** Why a server's certificate does not do, in the log's words. Postfix: tls_verify.c, tls_log_verify_error(). */
import { standsOn, type TlsFacts } from '../../../io/net/mod.ts'
import type { TlsPolicy } from './tls-policy.ts'

/** OpenSSL's numbers for what Postfix has no words of its own for. */
const MISMATCH = 'num=62:hostname mismatch'
const NO_TLSA = 'num=65:no matching DANE TLSA records'

const DATES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'certificate has expired',
  CERT_NOT_YET_VALID: 'certificate not yet valid',
}
const ISSUER = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
])

export interface Judged {
  readonly policy: TlsPolicy
  readonly facts: TlsFacts
  /** The certificate has a name that is asked for. */
  readonly namesFit: boolean
}

/** @param server `host[address]:port` */
export function trustFault(judged: Judged, server: string): string {
  const { policy, facts } = judged
  const anchors = policy.dane?.anchors ?? policy.anchors
  if (policy.level === 'fingerprint' || anchors !== undefined) return anchoredFault(judged, server)
  const { peerFault, peerChain } = facts
  if (peerFault === undefined) return failed('server ', server, MISMATCH)
  if (peerFault === 'DEPTH_ZERO_SELF_SIGNED_CERT') return failed('', server, 'self-signed certificate')
  if (ISSUER.has(peerFault)) return failed('', server, `untrusted issuer ${oneLine(peerChain.at(-1)?.issuer ?? '')}`)
  return failed('server ', server, DATES[peerFault] ?? peerFault)
}

/** Fingerprints are to Postfix what a TLSA record of usage 3 is. */
function anchoredFault({ policy, facts: { peerChain }, namesFit }: Judged, server: string): string {
  const anchors = policy.dane?.anchors ?? policy.anchors ?? []
  const [leaf] = peerChain
  // An expired leaf may stand on its anchor all the same: as of a moment when it was good it is looked at again.
  const stands = leaf !== undefined && standsOn(peerChain, anchors, leaf.validFromDate.getTime())
  if (!stands) {
    const isAbove = peerChain.length > 1 && anchors.length > 0 && (policy.dane?.leaves.length ?? 0) === 0
    return failed(isAbove ? 'CA ' : 'server ', server, NO_TLSA)
  }
  return failed('server ', server, namesFit ? 'certificate has expired' : MISMATCH)
}

const failed = (what: 'CA ' | 'server ' | '', server: string, why: string): string =>
  `${what}certificate verification failed for ${server}: ${why}`

/** `/C=ES/CN=name`, as OpenSSL writes names on one line. */
const oneLine = (name: string): string => (name === '' ? '' : `/${name.replaceAll('\n', '/')}`)
