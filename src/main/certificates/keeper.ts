/**
 * Keeps the certificate that an ACME authority gives: gets the first, renews it in time, waits longer after each failure.
 * Whatever fails, what was shown before is shown on.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { type Clock, publish } from '#src/base/mod.ts'
import type { Config } from '../../io/config/mod.ts'
import {
  AcmeClient,
  AcmeError,
  certificateId,
  certificateRequest,
  certificates,
  directoryResponder,
  httpResponder,
  obtain,
  openAccount,
  readAccountKey,
  readPem,
  renewalMoment,
  type Responder,
  type SendHttp,
  suggestedWindow,
  tlsResponder,
  waitAfter,
} from '../../io/net/mod.ts'
import { version } from '../version.ts'
import {
  acmeFault,
  acmeNames,
  type AcmeSettings,
  acmeSettings,
  acmeStamp,
  brought,
  leafOf,
  placeOf,
} from './settings.ts'
import { accountKeyIn, type AcmeState, freshState, readState, writeCertificate, writeState } from './state.ts'
import { type AcmeStatus, acmeStatus } from './status.ts'

export interface CertificateKeeperDeps {
  readonly config: () => Config
  /** `DataPaths.acme` */
  readonly directory: string
  readonly clock: Pick<Clock, 'now'>
  readonly send: SendHttp
  readonly random: () => number
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>
  /** The services are to show what there is now. */
  readonly onCertificate: () => Promise<void>
}

/** Whatever an authority suggests, a certificate that was just got is not renewed before. */
const LEAST_BETWEEN_MS = 3_600_000
/** How often is looked whether it is time: the clock of the machine may jump. */
const LOOK_EVERY_MS = 30_000

export class CertificateKeeper {
  readonly #deps: CertificateKeeperDeps
  readonly #over = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #running: Promise<string | undefined> | undefined
  /** What could not be written: the authority is not asked more often for that. */
  #unwritten: AcmeState | undefined

  constructor(deps: CertificateKeeperDeps) {
    this.#deps = deps
  }

  start(): void {
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS)
    this.#timer.unref()
    void this.look()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#over.abort(new AcmeError('the server stops'))
    await this.#running
  }

  /** undefined: it is not switched on. */
  status(): AcmeStatus | undefined {
    const { config, directory } = this.#deps
    return acmeStatus(config(), directory, this.#running !== undefined)
  }

  /** Does what is due. */
  async look(): Promise<void> {
    const cf = acmeSettings(this.#deps.config())
    if (cf === undefined || this.#running !== undefined || this.#over.signal.aborted) return
    const now = this.#deps.clock.now()
    const state = this.#state(cf)
    if (now < state.notBeforeMs) return
    if (this.#isDue(cf, state, now)) await this.#attempt(cf)
    else if (now >= state.askAtMs) await this.#one(() => this.#askWindow(cf, state))
  }

  /** Tries now, due or not. Answers what went wrong. */
  async force(): Promise<string | undefined> {
    const cf = acmeSettings(this.#deps.config())
    if (cf === undefined) return 'ACME is not switched on (acme_directory, acme_agree_to_terms)'
    if (this.#running !== undefined) await this.#running
    const { refusedUntilMs } = this.#state(cf)
    if (this.#deps.clock.now() < refusedUntilMs)
      return `the authority wants no request before ${new Date(refusedUntilMs).toISOString()}`
    return this.#attempt(cf)
  }

  #state(cf: AcmeSettings): AcmeState {
    const state = this.#unwritten ?? readState(this.#deps.directory)
    const stamp = acmeStamp(cf)
    return state?.stamp === stamp ? state : freshState(stamp, state?.issuedBy)
  }

  #isDue(cf: AcmeSettings, { renewAtMs, issuedBy, triedMs, failures }: AcmeState, now: number): boolean {
    if (issuedBy !== cf.acme_directory) return true // another authority: from trying to the real one
    const there = brought(this.#deps.directory)
    if (there === undefined || acmeNames(cf).some((name) => there.leaf.checkHost(name) === undefined)) return true
    if (failures === 0 && now >= triedMs && now - triedMs < LEAST_BETWEEN_MS) return false
    return now >= (renewAtMs ?? renewalMoment(there.leaf, undefined, 0))
  }

  /** One thing at a time. */
  #one(work: () => Promise<string | undefined>): Promise<string | undefined> {
    this.#running ??= work()
      .catch(textOf)
      .finally(() => (this.#running = undefined))
    return this.#running
  }

  #attempt(cf: AcmeSettings): Promise<string | undefined> {
    return this.#one(async () => {
      const { directory, clock, onCertificate } = this.#deps
      try {
        // An authority gives few certificates for a name in a week: none is ordered that could not be kept.
        writeState(directory, this.#state(cf))
        await this.#obtain(cf)
      } catch (error) {
        return this.#failed(cf, error)
      }
      const renewAtMs = this.#renewal(undefined)
      const state = freshState(acmeStamp(cf), cf.acme_directory)
      this.#unwritten = undefined
      writeState(directory, { ...state, triedMs: clock.now(), renewAtMs, askAtMs: clock.now() })
      await onCertificate().catch((error: unknown) => this.#say(`it is not shown yet: ${textOf(error)}`, 'warning: '))
      this.#say(`certificate for ${acmeNames(cf).join(', ')} from ${hostOf(cf)}; ${renewText(renewAtMs)}`)
      return undefined
    })
  }

  #failed(cf: AcmeSettings, error: unknown): string {
    const { directory, clock, random } = this.#deps
    const text = textOf(error)
    if (this.#over.signal.aborted) return text
    const retryAfterMs = error instanceof AcmeError ? error.retryAfterMs : 0
    const before = this.#state(cf)
    const failures = before.failures + 1
    const now = clock.now()
    const notBeforeMs = now + waitAfter(failures, retryAfterMs, random())
    const refusedUntilMs = retryAfterMs === 0 ? 0 : now + retryAfterMs
    const state = { ...before, failures, notBeforeMs, refusedUntilMs, triedMs: now, error: text }
    this.#unwritten = undefined
    try {
      writeState(directory, state)
    } catch {
      this.#unwritten = state
    }
    const next = new Date(notBeforeMs).toISOString()
    this.#say(
      `no certificate for ${acmeNames(cf).join(', ')} from ${hostOf(cf)}: ${text}; next try ${next}`,
      'warning: ',
    )
    return text
  }

  async #obtain(cf: AcmeSettings): Promise<void> {
    const fault = acmeFault(cf)
    if (fault !== undefined) throw new AcmeError(`${fault.name}: ${fault.text}`)
    const { directory } = this.#deps
    const client = this.#client(cf)
    const external = externalOf(cf)
    await openAccount(client, {
      contact: cf.acme_contact,
      agrees: cf.acme_agree_to_terms,
      ...(external && { external }),
    })
    const names = acmeNames(cf)
    const { key, csr } = certificateRequest(names)
    const there = brought(directory)
    // RFC 9773 §5: only an authority that gives renewal information is told what is replaced.
    const knowsRenewal = (await client.directory()).renewalInfo !== undefined
    const replaces = there === undefined || !knowsRenewal ? undefined : certificateId(there.leaf)
    const sleep = (ms: number): Promise<void> => (this.#deps.sleep ?? patience)(ms, this.#over.signal)
    const chain = await obtain(client, { names, csr, replaces, responder: this.#responder(cf), sleep })
    const leaf = leafOf({ key, cert: chain })
    const missing = names.find((name) => leaf.checkHost(name) === undefined)
    if (missing !== undefined) throw new AcmeError(`the certificate is not for ${missing}`)
    writeCertificate(directory, key, chain)
  }

  #client(cf: AcmeSettings): AcmeClient {
    const { directory, send, clock } = this.#deps
    return new AcmeClient({
      directoryUrl: cf.acme_directory,
      key: readAccountKey(accountKeyIn(directory)),
      send,
      ca: cf.acme_ca_file === '' ? undefined : certificates(readPem(cf.acme_ca_file)),
      userAgent: `postigo/${version}`,
      now: () => clock.now(),
      signal: this.#over.signal,
    })
  }

  #responder(cf: AcmeSettings): Responder {
    if (cf.acme_challenge === 'http-01' && cf.acme_challenge_directory !== '')
      return directoryResponder(cf.acme_challenge_directory)
    const isHttp = cf.acme_challenge === 'http-01'
    const place = placeOf(isHttp ? cf.acme_http_listen : cf.acme_tls_listen)
    if (place === undefined) throw new AcmeError('no place to answer a challenge') // acmeFault() has said more
    return isHttp ? httpResponder(place) : tlsResponder(place, () => this.#deps.clock.now())
  }

  #renewal(window: { readonly startMs: number; readonly endMs: number } | undefined): number | undefined {
    const leaf = brought(this.#deps.directory)?.leaf
    return leaf === undefined ? undefined : renewalMoment(leaf, window, this.#deps.random())
  }

  /** RFC 9773: an authority may want certificates back early, or spread the load. That it does not answer is no matter. */
  async #askWindow(cf: AcmeSettings, state: AcmeState): Promise<undefined> {
    const { directory, clock } = this.#deps
    const leaf = brought(directory)?.leaf
    const id = leaf === undefined ? undefined : certificateId(leaf)
    const client = this.#client(cf)
    const found = id === undefined ? undefined : await suggestedWindow(client, id).catch(() => 'failed' as const)
    if (found === 'failed') {
      writeState(directory, { ...state, askAtMs: clock.now() + ASK_AGAIN_MS })
      return undefined
    }
    const askAtMs = clock.now() + (found?.askAgainMs ?? ASK_AGAIN_MS)
    const isNew = found?.startMs !== state.window?.startMs || found?.endMs !== state.window?.endMs
    const window = found === undefined ? undefined : { startMs: found.startMs, endMs: found.endMs }
    const renewAtMs = isNew ? this.#renewal(window) : state.renewAtMs
    writeState(directory, { ...state, askAtMs, window, renewAtMs })
    if (isNew) this.#say(`the authority suggests another time for the certificate; ${renewText(renewAtMs)}`)
  }

  #say(text: string, mark = ''): void {
    publish({ event: 'main.certificate', text: `${mark}acme: ${text}` })
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const ASK_AGAIN_MS = 6 * 3_600_000

const renewText = (ms: number | undefined): string =>
  ms === undefined ? 'it is not renewed' : `it is renewed from ${new Date(ms).toISOString()} on`

const hostOf = ({ acme_directory: url }: AcmeSettings): string => (URL.canParse(url) ? new URL(url).host : url)

async function patience(ms: number, signal: AbortSignal): Promise<void> {
  await pause(ms, undefined, { signal })
}

/** Throws AcmeError. */
function externalOf(cf: AcmeSettings): { readonly kid: string; readonly hmacKey: Buffer } | undefined {
  const { acme_external_account_file: file } = cf
  if (file === '') return undefined
  const [kid, key] = readFileSync(file, 'latin1').trim().split(/\s+/)
  if (kid === undefined || key === undefined) throw new AcmeError(`${file} has no key id and key`)
  return { kid, hmacKey: Buffer.from(key, 'base64url') }
}
