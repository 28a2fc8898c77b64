/** What TLS a delivery speaks with a server, and whether it may do without. Postfix: smtp_tls_policy.c, RETRY_AS_PLAINTEXT. */
import { isHostName, type Resolver } from '../../../io/dns/mod.ts'
import { TableError, type Tables } from '../../../io/tables/mod.ts'
import type { DeliveryJob } from '../../queue/mod.ts'
import type { ClientSettings } from './params.ts'
import { addressOf, type Place } from './places.ts'
import { findCredentials } from './sasl.ts'
import type { StsPolicies } from './sts/policies.ts'
import type { StsPolicy } from './sts/policy.ts'
import type { TlsCounts } from './tls-report/counts.ts'
import { stsReported } from './tls-report/outcome.ts'
import { TlsPolicyError } from './tls-errors.ts'
import type { TlsFiles } from './tls-files.ts'
import { type TlsPolicy, tlsPolicy } from './tls-policy.ts'
import { needsNoTls } from './tls-required.ts'
import { deferred, type Failure } from './words.ts'

interface SecurityDeps {
  readonly protocol: 'smtp' | 'lmtp'
  readonly cf: ClientSettings
  readonly job: DeliveryJob
  readonly tables: () => Tables
  readonly tlsFiles: TlsFiles
  readonly dns: Resolver
  readonly sts: StsPolicies | undefined
  readonly counts: TlsCounts | undefined
  readonly now: () => number
  readonly note: (text: string) => void
}

export class Security {
  readonly #deps: SecurityDeps
  /** The message says so itself (RFC 8689). */
  readonly tlsNotRequired: boolean
  /** Asked once for each server, for tables and warnings alike. */
  readonly #policies = new Map<Place, Promise<TlsPolicy | Failure>>()

  constructor(deps: SecurityDeps) {
    this.#deps = deps
    this.tlsNotRequired = needsNoTls(deps.job, deps.cf)
  }

  policy(nexthop: string, place: Place): Promise<TlsPolicy | Failure> {
    const known = this.#policies.get(place)
    if (known !== undefined) return known
    const asked = this.#askPolicy(nexthop, place)
    this.#policies.set(place, asked)
    return asked
  }

  async #askPolicy(nexthop: string, place: Place): Promise<TlsPolicy | Failure> {
    const { protocol, cf, tables, tlsFiles, dns, note } = this.#deps
    const { tlsNotRequired } = this
    const target = 'path' in place ? undefined : place
    try {
      const policy = await tlsPolicy(
        cf,
        { nexthop, host: place.host, protocol, target, tlsNotRequired },
        {
          maps: (spec) => tables().maps(spec),
          anchors: (paths) => tlsFiles.anchors(paths),
          sts: (domain) => this.#stsPolicy(domain),
          dns,
          note,
        },
      )
      if (target !== undefined || policy.level !== 'may') return policy
      // The channel is private, and nothing would be won by it.
      note('warning: opportunistic TLS encryption is not appropriate for unix-domain destinations')
      return { ...policy, level: 'none' }
    } catch (error) {
      if (!(error instanceof TlsPolicyError)) throw error
      if (error.warning !== undefined) note(`warning: ${error.warning}`)
      note(`warning: TLS policy lookup for ${nexthop}/${place.host}: ${error.told}`)
      this.#countRefusal(nexthop, place, error)
      return deferred(error.dsn, error.told)
    }
  }

  /** No connection is made to such a server, which the domain's owner may want to know. */
  #countRefusal(nexthop: string, place: Place, { failure, told, sts }: TlsPolicyError): void {
    const { counts, cf, protocol } = this.#deps
    if (failure === undefined || !cf.smtp_tlsrpt_enable || protocol !== 'smtp' || !isHostName(nexthop)) return
    const at = { sendingIp: '', mxHost: place.host, receivingIp: addressOf(place), reason: told }
    const policy = sts === undefined ? ({ type: 'tlsa', strings: [], mxHosts: [] } as const) : stsReported(sts)
    counts?.add({ domain: nexthop.toLowerCase(), policy, failure, at })
  }

  async #stsPolicy(domain: string): Promise<StsPolicy | undefined> {
    const { sts, counts, cf, tlsFiles, dns, note } = this.#deps
    try {
      const found = await sts?.find(domain, { dns, ca: tlsFiles.webAuthorities(cf), note })
      if (found?.trouble !== undefined && cf.smtp_tlsrpt_enable)
        counts?.add({ domain, policy: { type: 'sts', strings: [], mxHosts: [] }, failure: found.trouble })
      return found?.policy
    } catch (error) {
      throw new TlsPolicyError(error instanceof Error ? error.message : String(error)) // smtp_tls_CAfile, or the database
    }
  }

  /**
   * Not at once: a handshake that fails may be an attack. Nor where the client would log in, for without TLS the server may
   * only say that it does not relay.
   */
  async mayGoPlain(nexthop: string, place: Place, policy: TlsPolicy): Promise<boolean | Failure> {
    const { cf, job, now } = this.#deps
    if (policy.level !== 'may' || cf.smtp_tls_wrappermode) return false
    const isOld = now() - job.arrivalMs >= cf.minimal_backoff_time
    if (!isOld && job.trace !== 'verify') return false
    if (!cf.smtp_sasl_auth_enable) return true
    try {
      return !(await this.#wouldLogIn(nexthop, place))
    } catch (error) {
      if (!(error instanceof TableError)) throw error
      this.#deps.note(`warning: ${error.message}`)
      return deferred('4.3.0', `local data error while talking to ${place.host}[${addressOf(place)}]`)
    }
  }

  async #wouldLogIn(nexthop: string, { host }: Place): Promise<boolean> {
    const { cf, job, tables } = this.#deps
    const maps = tables().maps(cf.smtp_sasl_password_maps)
    return (await findCredentials(cf, maps, { host, nexthop, sender: job.sender })) !== undefined
  }
}
