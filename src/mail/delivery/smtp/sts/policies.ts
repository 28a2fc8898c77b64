/** What a domain wants of those who send to it: its policy of MTA-STS, fetched, kept and fetched anew. RFC 8461 §3.3, §5. */
import type { Resolver } from '../../../../io/dns/mod.ts'
import type { HttpAnswer, SendHttp } from '../../../../io/net/mod.ts'
import type { StsCache } from './cache.ts'
import { parseStsPolicy, type StsPolicy, stsRecordId } from './policy.ts'

/** What is wrong, in the words of TLS reports (RFC 8460 §4.3.2.2). */
export type StsTrouble = 'sts-policy-fetch-error' | 'sts-policy-invalid' | 'sts-webpki-invalid'

export interface StsFound {
  /** Not of mode none. */
  readonly policy?: StsPolicy
  readonly trouble?: StsTrouble
}

export interface StsDeps {
  readonly cache: StsCache
  readonly send: SendHttp
  readonly now: () => number
}

export interface StsQuestion {
  readonly dns: Pick<Resolver, 'query' | 'addresses'>
  /** PEM of who vouches for web servers. */
  readonly ca: readonly string[]
  readonly note: (text: string) => void
}

/** Mail waits for it: RFC 8461 §3.3 has a minute. */
const TIMEOUT_MS = 20_000
const MAX_POLICY = 64 * 1024
/** After a failure. */
const AGAIN_MS = 300_000
/** A policy in use is fetched anew after so long, before it can run out. RFC 8461 §10.2. */
const REFRESH_MS = 86_400_000
/** Domains whose failure is remembered. */
const MAX_FAILED = 1000

export class StsPolicies {
  readonly #deps: StsDeps
  /** Until when nothing is fetched, and what was wrong. */
  readonly #failed = new Map<string, { readonly id: string; readonly untilMs: number; readonly trouble: StsTrouble }>()
  readonly #fetching = new Map<string, Promise<StsFound>>()

  constructor(deps: StsDeps) {
    this.#deps = deps
  }

  /** @param domain in lower case, without a dot at its end */
  async find(domain: string, question: StsQuestion): Promise<StsFound> {
    const now = this.#deps.now()
    const kept = this.#deps.cache.find(domain, now)
    const id = await announced(domain, question.dns)
    // A policy that is known holds, whatever becomes of the record: somebody may have taken it away on purpose (§10.2).
    if (id === undefined) return kept === undefined ? {} : found(kept.policy)
    const isFresh = kept !== undefined && kept.id === id
    if (isFresh && now - kept.fetchedMs < Math.min(REFRESH_MS, kept.policy.maxAgeMs / 2)) return found(kept.policy)
    const fetching = this.#fetch(domain, id, question)
    if (isFresh) return found(kept.policy) // it is fetched beside
    const fresh = await fetching
    return fresh.trouble === undefined || kept === undefined ? fresh : { ...fresh, ...found(kept.policy) }
  }

  #fetch(domain: string, id: string, question: StsQuestion): Promise<StsFound> {
    const failed = this.#failed.get(domain)
    if (failed?.id === id && this.#deps.now() < failed.untilMs) return Promise.resolve({ trouble: failed.trouble })
    const under = this.#fetching.get(domain)
    if (under !== undefined) return under
    const fetching = this.#take(domain, id, question).finally(() => this.#fetching.delete(domain))
    this.#fetching.set(domain, fetching)
    return fetching
  }

  async #take(domain: string, id: string, question: StsQuestion): Promise<StsFound> {
    const fail = (trouble: StsTrouble, why: string): StsFound => {
      if (this.#failed.size >= MAX_FAILED) this.#failed.clear()
      this.#failed.set(domain, { id, untilMs: this.#deps.now() + AGAIN_MS, trouble })
      question.note(`warning: MTA-STS policy of ${domain}: ${why}`)
      return { trouble }
    }
    let answer: HttpAnswer
    try {
      answer = await this.#request(domain, question)
    } catch (error) {
      return fail(isOfCertificate(error) ? 'sts-webpki-invalid' : 'sts-policy-fetch-error', textOf(error))
    }
    // §3.3: a redirect is not followed.
    if (answer.status !== 200) return fail('sts-policy-fetch-error', `the server answers with status ${answer.status}`)
    const type = String(answer.headers['content-type'] ?? '')
    if (!/^text\/plain\s*(?:;|$)/i.test(type)) return fail('sts-policy-invalid', `it is ${type || 'of no type'}`)
    const text = answer.body.toString('latin1')
    const policy = parseStsPolicy(text)
    if (policy === undefined) return fail('sts-policy-invalid', 'it cannot be read')
    this.#failed.delete(domain)
    const fetchedMs = this.#deps.now()
    const times = { fetchedMs, untilMs: fetchedMs + policy.maxAgeMs }
    await this.#deps.cache
      .put(domain, id, policy.lines.join('\n'), times)
      .catch((error: unknown) => question.note(`warning: ${textOf(error)}`))
    return found(policy)
  }

  #request(domain: string, { dns, ca }: StsQuestion): Promise<HttpAnswer> {
    const url = `https://mta-sts.${domain}/.well-known/mta-sts.txt`
    const addresses = async (host: string): Promise<readonly string[]> => {
      const answer = await dns.addresses(host)
      if (answer.status === 'failed') throw new Error(`${host}: ${answer.reason}`)
      return answer.status === 'ok' ? answer.addresses : []
    }
    return this.#deps.send({ url, addresses, ca, timeoutMs: TIMEOUT_MS, maxOctets: MAX_POLICY })
  }
}

const found = (policy: StsPolicy): StsFound => (policy.mode === 'none' ? {} : { policy })

async function announced(domain: string, dns: StsQuestion['dns']): Promise<string | undefined> {
  const answer = await dns.query(`_mta-sts.${domain}`, 'TXT')
  return answer.status === 'ok' ? stsRecordId(answer.records.map(({ value }) => value)) : undefined
}

function isOfCertificate(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return /CERT|ISSUER|SELF_SIGNED|SIGNATURE|ALTNAME/.test(code)
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
