/**
 * check_policy_service: the verdict of another program, asked over a socket. SMTPD_POLICY_README.
 */
import { randomUUID } from 'node:crypto'
import { createConnection, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../../io/config/mod.ts'
import { endpointOf } from './endpoint.ts'
import type { Evaluation } from './evaluation.ts'
import type { PolicySettings } from './rules.ts'

/** Octets of one answer. */
const MAX_ANSWER = 65_536
/** Requests that wait for one service at a time; more get the default action. */
const MAX_WAITING = 1000

/** How one service is reached and for how long it is waited for. */
interface Endpoint {
  readonly connect: { readonly path: string } | { readonly host: string; readonly port: number }
  readonly timeoutMs: number
  readonly defaultAction: string
  readonly tryLimit: number
  readonly retryDelayMs: number
  readonly context: string
}

export class PolicyServices {
  readonly #cf: PolicySettings
  readonly #queueDirectory: string
  readonly #links = new Map<string, Link>()

  constructor(cf: PolicySettings, config: Config) {
    this.#cf = cf
    this.#queueDirectory = config.value('queue_directory') ?? config.directory
  }

  /** The action to carry out; the default action when the service does not answer. */
  async ask(server: string, ev: Evaluation): Promise<string> {
    const endpoint = this.#endpoint(server)
    if (endpoint === undefined)
      return ev.misconfigured(`check_policy_service ${server}: need inet:host:port or unix:path`)
    let link = this.#links.get(server)
    if (link === undefined) this.#links.set(server, (link = new Link(endpoint, this.#cf)))
    const request = requestText(ev, endpoint.context)
    for (let attempt = 1; ; attempt++) {
      try {
        const action = await link.exchange(request)
        ev.step('check_policy_service', server, action)
        return action
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        ev.rules.warn(`problem talking to policy server ${server}: ${why}`)
        ev.step('check_policy_service', server, why)
        if (attempt >= endpoint.tryLimit) return endpoint.defaultAction
        await sleep(endpoint.retryDelayMs, undefined, { ref: false })
      }
    }
  }

  /** `unix:private/policy`, `inet:127.0.0.1:9998, timeout=10s, default_action=DUNNO`. */
  #endpoint(text: string): Endpoint | undefined {
    const [server = '', ...settings] = text.split(/[\s,]+(?=\w+\s*=)|,\s*|\s+(?=\{)/)
    const own = new Map(settings.map((s) => pair(s.replace(/^\{\s*(.*?)\s*\}$/s, '$1'))))
    const connect = connectTo(server.trim(), this.#queueDirectory)
    if (connect === undefined) return undefined
    const cf = this.#cf
    return {
      connect,
      timeoutMs: seconds(own.get('timeout')) ?? cf.smtpd_policy_service_timeout,
      defaultAction: own.get('default_action') ?? cf.smtpd_policy_service_default_action,
      tryLimit: Math.max(1, Number(own.get('try_limit') ?? cf.smtpd_policy_service_try_limit) || 1),
      retryDelayMs: seconds(own.get('retry_delay')) ?? cf.smtpd_policy_service_retry_delay,
      context: own.get('policy_context') ?? cf.smtpd_policy_service_policy_context,
    }
  }
}

function pair(setting: string): [string, string] {
  const equals = setting.indexOf('=')
  return [setting.slice(0, equals).trim(), setting.slice(equals + 1).trim()]
}

function seconds(text: string | undefined): number | undefined {
  const [, n, unit = 's'] = /^(\d+)([smhdw]?)$/.exec(text ?? '') ?? []
  const factor = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800, '': 1 }[unit] ?? 1
  return n === undefined ? undefined : Number(n) * factor * 1000
}

function connectTo(server: string, queueDirectory: string): Endpoint['connect'] | undefined {
  const [, type, place = ''] = /^(inet|unix):(.*)$/.exec(server) ?? []
  const to = type === 'inet' || type === 'unix' ? endpointOf(type, place, queueDirectory) : undefined
  return to === undefined || 'path' in to ? to : { host: to.address, port: to.port }
}

function requestText(ev: Evaluation, context: string): string {
  const { client, helo, sender, recipient, recipientCount, queueId, sizeOctets, sasl, tls, protocol } = ev.facts
  const atEnd = ev.where === 'DATA' || ev.where === 'END-OF-MESSAGE'
  const attributes: Record<string, string | number> = {
    request: 'smtpd_access_policy',
    protocol_state: ev.where,
    protocol_name: protocol,
    client_address: client.address,
    client_name: client.name,
    client_port: client.port,
    reverse_client_name: client.reverseName,
    helo_name: helo ?? '',
    sender: sender ?? '',
    recipient: recipient ?? '',
    recipient_count: atEnd ? recipientCount : 0,
    queue_id: queueId ?? '',
    instance: randomUUID(),
    size: sizeOctets,
    etrn_domain: ev.etrnDomain ?? '',
    stress: '',
    sasl_method: sasl?.method ?? '',
    sasl_username: sasl?.username ?? '',
    sasl_sender: sasl?.sender ?? '',
    ccert_subject: '',
    ccert_issuer: '',
    ccert_fingerprint: tls?.fingerprint ?? '',
    encryption_protocol: tls?.protocol ?? '',
    encryption_cipher: tls?.cipher ?? '',
    policy_context: context,
  }
  // An attribute is one line: a value with a line end in it would be a second attribute.
  const lines = Object.entries(attributes).map(([name, value]) => `${name}=${String(value).replace(/\p{Cc}/gu, '?')}\n`)
  return `${lines.join('')}\n`
}

/** One connection to one service, one request at a time; made when needed, dropped when idle, old or in trouble. */
class Link {
  readonly #endpoint: Endpoint
  readonly #cf: PolicySettings
  #socket: Socket | undefined
  #madeAt = 0
  #usedAt = 0
  #requests = 0
  #turn: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(endpoint: Endpoint, cf: PolicySettings) {
    this.#endpoint = endpoint
    this.#cf = cf
  }

  async exchange(request: string): Promise<string> {
    if (this.#waiting >= MAX_WAITING) throw new Error('too many requests wait')
    this.#waiting++
    const mine = this.#turn.then(() => this.#exchange(request))
    this.#turn = mine.catch(() => undefined)
    try {
      return await mine
    } finally {
      this.#waiting--
    }
  }

  async #exchange(request: string): Promise<string> {
    const reused = this.#usable()
    try {
      return await this.#once(request)
    } catch (error) {
      // A kept connection may have been closed by the service meanwhile: that is no failure of it.
      if (!reused) throw error
      return this.#once(request)
    }
  }

  #usable(): boolean {
    const now = performance.now()
    const cf = this.#cf
    const limit = cf.smtpd_policy_service_request_limit
    const tired =
      now - this.#usedAt > cf.smtpd_policy_service_max_idle ||
      now - this.#madeAt > cf.smtpd_policy_service_max_ttl ||
      (limit > 0 && this.#requests >= limit)
    if (tired) this.#drop()
    return this.#socket !== undefined
  }

  #drop(): void {
    this.#socket?.destroy()
    this.#socket = undefined
  }

  #open(): Socket {
    const socket = createConnection(this.#endpoint.connect)
    this.#socket = socket
    this.#madeAt = performance.now()
    this.#requests = 0
    socket.on('error', () => {}) // each exchange has its own; between two nobody needs to know
    return socket
  }

  #once(request: string): Promise<string> {
    const socket = this.#socket ?? this.#open()
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    socket.ref()
    const timer = setTimeout(() => reject(new Error('time limit')), this.#endpoint.timeoutMs)
    let seen = ''
    const onData = (chunk: Buffer): void => {
      seen += chunk.toString('latin1')
      if (seen.length > MAX_ANSWER) reject(new Error('the answer is too long'))
      if (!seen.includes('\n\n')) return
      const action = /(?:^|\n)action=([^\n]*)\n/.exec(seen)?.[1]
      if (action === undefined) reject(new Error('an answer without action'))
      else resolve(Buffer.from(action, 'latin1').toString())
    }
    const onError = (error: Error): void => reject(error)
    const onClose = (): void => reject(new Error('connection closed'))
    socket.on('data', onData).on('error', onError).on('close', onClose)
    socket.write(request)
    return promise
      .catch((error: unknown) => {
        this.#drop()
        throw error
      })
      .finally(() => {
        clearTimeout(timer)
        socket.off('data', onData).off('error', onError).off('close', onClose)
        this.#usedAt = performance.now()
        this.#requests++
        socket.unref()
      })
  }
}
