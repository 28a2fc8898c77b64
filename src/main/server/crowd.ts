/**
 * Who may connect when many are: all threads count together how many each service has, and each client of IMAP and POP3. Beyond
 * the process limit of its line in master.cf a service of SMTP is under stress, as in Postfix; beyond limits of our own, or
 * where memory is short, a connection hears a polite word and is closed.
 */
import { totalmem } from 'node:os'
import { type Clock, publish } from '#src/base/mod.ts'
import type { Connection } from '../../io/net/mod.ts'
import { rateKey, type SharedRates, smtpdParams } from '../../services/smtpd/mod.ts'
import { crowdParams } from './crowd-params.ts'
import type { ListenerSpec } from './listeners.ts'
import type { Rooms } from './rooms.ts'

export type Welcome = 'served' | 'under stress' | 'refused'

/** The same is not said in the log more often. */
const SAY_EVERY_MS = 60_000
/** How long a measure of memory is believed. */
const MEASURE_EVERY_MS = 1000
/** Of the machine's memory, where process_memory_limit does not say. */
const MEMORY_PART = 0.75

export class Crowd {
  readonly #rooms: Rooms
  readonly #cf
  readonly #prefix: { readonly ipv4: number; readonly ipv6: number }
  readonly #counts: ReturnType<SharedRates['of']>
  readonly #isExempt: (client: { readonly name: string; readonly address: string }) => Promise<boolean>
  readonly #memory: MemoryGauge
  readonly #saidMs = new Map<string, number>()

  /** As the configuration is now. */
  constructor(rooms: Rooms) {
    const { config, tables } = rooms.current
    this.#rooms = rooms
    this.#cf = config.bind(crowdParams)
    const { smtpd_client_ipv4_prefix_length: ipv4, smtpd_client_ipv6_prefix_length: ipv6 } = config.bind(smtpdParams)
    this.#prefix = { ipv4, ipv6 }
    this.#counts = rooms.rates.of('connections', SAY_EVERY_MS)
    const parameter = 'mailbox_client_event_limit_exceptions'
    const match = tables.matchAddress(this.#cf[parameter].join(' '), { parameter })
    // A table that is away excepts nobody, as in smtpd.
    this.#isExempt = (client) =>
      match(client).then(
        (found) => found !== undefined,
        () => false,
      )
    this.#memory = new MemoryGauge(rooms.clock, this.#cf.process_memory_limit)
  }

  /** Counts a connection until it is closed, and says what becomes of it. Only who comes too often is kept waiting for a table. */
  welcome(spec: ListenerSpec, connection: Connection): Welcome | Promise<Welcome> {
    const count = this.#enter(`service ${spec.kind} ${spec.name}`, connection)
    const { service_connection_limit: limit, mailbox_client_connection_count_limit: clientLimit } = this.#cf
    if (limit > 0 && count > limit) {
      this.#say(spec, `has ${limit} connections (service_connection_limit): new ones are refused`)
      return 'refused'
    }
    if (this.#memory.isShort()) {
      this.#say(spec, 'memory is short (process_memory_limit): new connections are refused')
      return 'refused'
    }
    const isMailbox = spec.kind === 'imapd' || spec.kind === 'pop3d'
    if (isMailbox && clientLimit > 0) {
      const { address } = connection.remote
      const own = this.#enter(`client ${spec.kind} ${rateKey(address, this.#prefix)}`, connection)
      if (own > clientLimit)
        return this.#isExempt({ name: '', address }).then((isExempt) => {
          if (isExempt) return 'served'
          this.#say(spec, `client ${address} has ${clientLimit} connections (mailbox_client_connection_count_limit)`)
          return 'refused'
        })
    }
    const processes = spec.processLimit ?? 0
    if (processes === 0 || count < processes) return 'served'
    this.#say(
      spec,
      `has reached its process limit "${processes}": new clients are served with the settings of stress=yes`,
    )
    return 'under stress'
  }

  #enter(key: string, connection: Connection): number {
    connection.whenClosed(() => this.#counts.closed(key))
    return this.#counts.opened(key)
  }

  #say({ name, port }: ListenerSpec, text: string): void {
    const now = this.#rooms.clock.monotonic()
    const line = `warning: service "${name}" (${port}) ${text}`
    if (now - (this.#saidMs.get(name) ?? -Infinity) < SAY_EVERY_MS) return
    this.#saidMs.set(name, now)
    publish({ event: 'main.warning', text: line })
  }
}

class MemoryGauge {
  readonly #clock: Clock
  readonly #limit: number
  #measuredMs = -Infinity
  #isShort = false

  constructor(clock: Clock, limit: number) {
    this.#clock = clock
    this.#limit = limit > 0 ? limit : Math.min(totalmem(), process.constrainedMemory() || Infinity) * MEMORY_PART
  }

  isShort(): boolean {
    const now = this.#clock.monotonic()
    if (now - this.#measuredMs >= MEASURE_EVERY_MS) {
      this.#measuredMs = now
      this.#isShort = process.memoryUsage.rss() > this.#limit
    }
    return this.#isShort
  }
}

/** The last words to a connection that is not served. */
export function refusalOf(kind: ListenerSpec['kind']): string {
  if (kind === 'imapd') return '* BYE [UNAVAILABLE] Too many connections, try again later\r\n'
  if (kind === 'pop3d') return '-ERR [SYS/TEMP] Too many connections, try again later\r\n'
  return '421 4.3.2 All server ports are busy\r\n'
}
