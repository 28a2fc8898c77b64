/** Reports of how TLS to a domain's servers went, once a day to whom the domain names for it. RFC 8460 §4 and §5. */
import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { publish } from '#src/base/mod.ts'
import { formatTraceDate } from '../../formats/message/mod.ts'
import { type FailureDetail, printTlsReport, readReportAddresses, type TlsReport } from '../../formats/reports/mod.ts'
import type { SendHttp } from '../../io/net/mod.ts'
import type { TlsCount, TlsCounts } from '../../mail/delivery/mod.ts'
import { noticesParams, sendTlsReportMail } from '../../mail/notices/mod.ts'
import type { Rooms } from './rooms.ts'

const DAY_MS = 86_400_000
const LOOK_EVERY_MS = 3_600_000
/** Not at midnight, when all others send theirs: RFC 8460 §4.1. */
const SPREAD_MS = 4 * 3_600_000
/** Of one report by HTTPS. */
const HTTPS_MS = 30_000
const MAX_ANSWER = 64 * 1024

export interface TlsReporterDeps {
  readonly rooms: Pick<Rooms, 'clock' | 'resolver' | 'current'>
  readonly counts: TlsCounts
  readonly send: SendHttp
  readonly random: () => number
}

export class TlsReporter {
  readonly #deps: TlsReporterDeps
  readonly #over = new AbortController()
  #afterMs: number
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined

  constructor(deps: TlsReporterDeps) {
    this.#deps = deps
    this.#afterMs = deps.random() * SPREAD_MS
  }

  start(): void {
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS)
    this.#timer.unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#over.abort()
    await this.#looking
    await this.#deps.counts.flush()
  }

  /** Sends what is due: reports of days that are over. */
  look(): Promise<void> {
    this.#looking ??= this.#sendDue()
      .catch((error: unknown) => this.#say(`warning: TLS reports: ${textOf(error)}`))
      .finally(() => (this.#looking = undefined))
    return this.#looking
  }

  async #sendDue(): Promise<void> {
    const { rooms, counts } = this.#deps
    const now = rooms.clock.now()
    if (rooms.current.config.bind(noticesParams).tls_report_sender === '' || now % DAY_MS < this.#afterMs) return
    await counts.flush()
    for (const { day, domain } of counts.due(Math.floor(now / DAY_MS))) {
      if (this.#over.signal.aborted) return
      if (await this.#report(day, domain)) await counts.forget(day, domain)
    }
  }

  /** False: it is to be tried again. The first place that takes it is enough (RFC 8460 §3). */
  async #report(day: number, domain: string): Promise<boolean> {
    const { rooms, counts } = this.#deps
    const answer = await rooms.resolver.query(`_smtp._tls.${domain}`, 'TXT')
    if (answer.status === 'failed') return false
    const places = answer.status === 'ok' ? readReportAddresses(answer.records.map(({ value }) => value)) : []
    if (places.length === 0) return true
    const report = this.#compose(day, domain, counts.list(day, domain))
    const gzip = gzipSync(printTlsReport(report))
    for (const place of places) {
      const fault = await (
        place.toLowerCase().startsWith('mailto:')
          ? this.#mail(report, gzip, place.slice('mailto:'.length))
          : this.#post(gzip, place)
      ).catch(textOf)
      this.#say(
        fault === undefined
          ? `TLS report of ${domain} sent to ${place}`
          : `warning: TLS report of ${domain} to ${place}: ${fault}`,
      )
      if (fault === undefined) return true
    }
    return false
  }

  #compose(day: number, domain: string, found: readonly TlsCount[]): TlsReport {
    const { current } = this.#deps.rooms
    const { tls_report_sender, tls_report_organization } = current.config.bind(noticesParams)
    const byPolicy = Map.groupBy(found, ({ policy }) => JSON.stringify(policy))
    const policies = [...byPolicy.values()].flatMap((rows) => {
      const [first] = rows
      if (first === undefined) return []
      const successes = rows.filter((row) => row.failure === '').reduce((sum, row) => sum + row.sessions, 0)
      const failures = rows.flatMap(({ failure, at, sessions }): FailureDetail[] =>
        failure === '' ? [] : [{ type: failure, ...at, sessions }],
      )
      return [{ policy: first.policy, successes, failures }]
    })
    const id = `${day}.${randomBytes(9).toString('hex')}@${current.hostname}`
    const [organization, contact, dayMs] = [tls_report_organization, tls_report_sender, day * DAY_MS]
    return { organization, contact, id, domain, dayMs, policies }
  }

  async #mail(report: TlsReport, gzip: Buffer, to: string): Promise<string | undefined> {
    const { rooms } = this.#deps
    const { domain, organization, contact, id, dayMs } = report
    const submitter = rooms.current.hostname
    const begin = dayMs / 1000
    const fileName = `${submitter}!${domain}!${begin}!${begin + DAY_MS / 1000 - 1}.json.gz`
    const date = formatTraceDate(rooms.clock.now())
    const mail = { domain, submitter, organization, sender: contact, to, id, fileName, gzip, date }
    const reply = await sendTlsReportMail(mail, rooms.current.intake)
    return reply.code < 400 ? undefined : reply.lines.join(' ')
  }

  async #post(gzip: Buffer, url: string): Promise<string | undefined> {
    const { send, rooms } = this.#deps
    const addresses = async (host: string): Promise<readonly string[]> => {
      const answer = await rooms.resolver.addresses(host)
      return answer.status === 'ok' ? answer.addresses : []
    }
    const headers = { 'content-type': 'application/tlsrpt+gzip' }
    const bounds = { timeoutMs: HTTPS_MS, maxOctets: MAX_ANSWER, signal: this.#over.signal }
    const { status } = await send({ url, method: 'POST', headers, body: gzip, addresses, ...bounds })
    return status >= 200 && status < 300 ? undefined : `status ${status}`
  }

  #say(text: string): void {
    publish({ event: 'main.tls-report', text })
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
