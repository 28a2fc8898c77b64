/**
 * Which delivery is next. Recipients that are due wait here by message and destination; messages take turns, so that one with
 * ten thousand recipients does not hold up another with one, and a destination gets as many deliveries as its window allows.
 * In memory and without I/O; what it holds is a hint, the rows decide. Postfix: qmgr(8), SCHEDULER_README.
 */
import { type ExtensionSettings, splitAddressExtension } from '../../formats/address/mod.ts'
import { ConcurrencyWindow, type WindowLimits } from './feedback.ts'

/** What scheduling knows of a recipient. */
export interface DueRecipient {
  readonly id: number
  readonly message: number
  readonly transport: string
  readonly nexthop: string
  /** In place of the message's; `''` for none. Recipients of different senders do not go together. */
  readonly sender: string
  readonly address: string
}

export interface TransportLimits extends WindowLimits {
  /** Deliveries at a time by this transport; 0: no limit. */
  readonly processes: number
  /** Recipients of one delivery; 0: no limit. 1 makes each recipient a destination of its own (local). */
  readonly recipients: number
  /** Between two deliveries to one destination. */
  readonly rateDelayMs: number
  /** Between two deliveries by the transport. */
  readonly transportRateDelayMs: number
  /** How long a dead destination is left alone. */
  readonly deadMs: number
  /** What names of one user have in common where each recipient is a destination: ana+a and ana+b are one. */
  readonly extensions?: ExtensionSettings
}

/** A delivery to be made: some recipients of one message at one destination. */
export interface Slice {
  readonly message: number
  readonly ids: readonly number[]
  readonly destination: Destination
  /** The destination is dead: they are deferred without a try. */
  readonly suspended: boolean
  readonly connections: Connections
}

/** What deliveries to a destination do with connections, as long as mail for it goes back to back. SCHEDULER_README. */
export interface Connections {
  /** One that is open already is taken. */
  readonly load: boolean
  /** It is kept open for the next. */
  readonly store: boolean
}

const EACH_ITS_OWN: Connections = { load: false, store: false }
const KEPT: Connections = { load: true, store: true }
/** What is kept is used up, and no more is kept: mail runs out. */
const USED_UP: Connections = { load: true, store: false }

/** Recipients of one message for one destination. */
interface Batch {
  readonly key: string
  readonly turn: Turn
  readonly destination: Destination
  readonly ids: number[]
}

/** What a message has to send by one transport; it takes turns with other messages. */
interface Turn {
  readonly message: number
  readonly ready: Batch[]
  waiting: boolean
}

interface Transport {
  readonly name: string
  busy: number
  notBeforeMs: number
  readonly turns: Turn[]
  readonly byMessage: Map<number, Turn>
}

export interface Destination {
  readonly key: string
  readonly transport: string
  readonly window: ConcurrencyWindow
  /** Deliveries in progress. */
  busy: number
  notBeforeMs: number
  /** Batches that wait for room in the window. */
  readonly parked: Batch[]
  /** Batches that are there at all. */
  batches: number
  /** What the last failure was. */
  reason: { readonly dsn: string; readonly text: string }
  /** When a delivery ended last; undefined: none has, since there is mail for it. */
  lastDoneMs: number | undefined
  connections: Connections
}

/** Batches of a message that are compared before one is chosen. */
const CHOICE = 100
/** Recipients of a dead destination that are deferred in one go. */
const SUSPEND_LIMIT = 500

export class Schedule {
  readonly #limits: (transport: string) => TransportLimits
  readonly #transports = new Map<string, Transport>()
  readonly #destinations = new Map<string, Destination>()
  readonly #batches = new Map<string, Batch>()
  readonly #known = new Set<number>()
  /** Recipients of a message that wait or are being delivered. */
  readonly #active = new Map<number, number>()
  /** Destinations whose rate delay is running. */
  readonly #delayed = new Set<Destination>()

  constructor(limits: (transport: string) => TransportLimits) {
    this.#limits = limits
  }

  /** Recipients held here, those being delivered too. */
  get size(): number {
    return this.#known.size
  }

  has(id: number): boolean {
    return this.#known.has(id)
  }

  /** Whether some recipient of the message waits here or is being delivered. */
  isActive(message: number): boolean {
    return this.#active.has(message)
  }

  /** @param revive the destination is tried even where it was found dead (flush) */
  add(due: DueRecipient, revive = false): void {
    if (this.#known.has(due.id)) return
    this.#known.add(due.id)
    this.#active.set(due.message, (this.#active.get(due.message) ?? 0) + 1)
    const limits = this.#limits(due.transport)
    const place = limits.recipients === 1 ? `${due.nexthop}\0${userOf(due.address, limits)}` : due.nexthop
    const destination = this.#destination(due.transport, `${due.transport}\0${place}`, limits)
    if (revive && destination.window.dead) {
      destination.window.revive(limits)
      destination.notBeforeMs = 0
    }
    const key = `${due.message}\0${due.sender}\0${destination.key}`
    let batch = this.#batches.get(key)
    if (batch === undefined) {
      batch = { key, turn: turnOf(this.#transport(due.transport), due.message), destination, ids: [] }
      this.#batches.set(key, batch)
      destination.batches++
      this.#makeReady(batch)
    }
    batch.ids.push(due.id)
  }

  /** The next delivery, taken out; undefined while none may go. */
  take(nowMs: number): Slice | undefined {
    for (const destination of this.#delayed) if (nowMs >= destination.notBeforeMs) this.#unpark(destination, nowMs)
    for (const transport of this.#transports.values()) {
      const slice = this.#takeBy(transport, nowMs)
      if (slice !== undefined) return slice
    }
    return undefined
  }

  #takeBy(transport: Transport, nowMs: number): Slice | undefined {
    const limits = this.#limits(transport.name)
    if (nowMs < transport.notBeforeMs || (limits.processes > 0 && transport.busy >= limits.processes)) return undefined
    for (let turn; (turn = transport.turns.shift()) !== undefined;) {
      turn.waiting = false
      const batch = leastBusy(turn.ready)
      if (turn.ready.length > 0) wait(transport, turn)
      if (batch === undefined) continue
      const { destination } = batch
      if (destination.window.dead && nowMs >= destination.notBeforeMs) destination.window.revive(limits)
      if (!destination.window.dead && !hasRoom(destination, limits, nowMs)) {
        destination.parked.push(batch)
        if (nowMs < destination.notBeforeMs) this.#delayed.add(destination)
        continue
      }
      return this.#slice(transport, batch, limits, nowMs)
    }
    return undefined
  }

  #slice(transport: Transport, batch: Batch, limits: TransportLimits, nowMs: number): Slice {
    const { destination, turn } = batch
    const suspended = destination.window.dead
    const most = suspended ? SUSPEND_LIMIT : limits.recipients
    const ids = most === 0 ? batch.ids.splice(0) : batch.ids.splice(0, most)
    if (batch.ids.length > 0) {
      turn.ready.push(batch)
      wait(transport, turn)
    } else {
      this.#batches.delete(batch.key)
      destination.batches--
    }
    if (!suspended) {
      destination.busy++
      transport.busy++
      destination.connections = connectionsOf(destination, nowMs)
      if (limits.transportRateDelayMs > 0) transport.notBeforeMs = nowMs + limits.transportRateDelayMs
    }
    return { message: turn.message, ids, destination, suspended, connections: destination.connections }
  }

  /** Recipients of a slice that are not to go with the others (VERP: one a delivery). */
  putBack(slice: Slice, ids: readonly number[]): Slice {
    const { destination, message } = slice
    const key = `${message}\0${ids[0]}\0${destination.key}`
    const batch: Batch = {
      key,
      turn: turnOf(this.#transport(destination.transport), message),
      destination,
      ids: [...ids],
    }
    this.#batches.set(key, batch)
    destination.batches++
    this.#makeReady(batch)
    return { ...slice, ids: slice.ids.filter((id) => !ids.includes(id)) }
  }

  /** Recipients of a slice that go another way: they are not known here any more, until they are added anew. */
  without(slice: Slice, ids: readonly number[]): Slice {
    for (const id of ids) this.#known.delete(id)
    this.#leave(slice.message, ids.length)
    return { ...slice, ids: slice.ids.filter((id) => !ids.includes(id)) }
  }

  #leave(message: number, count: number): void {
    const left = (this.#active.get(message) ?? 0) - count
    if (left > 0) this.#active.set(message, left)
    else this.#forget(message)
  }

  /**
   * A delivery is over.
   * @param outcome `up`: there was a server; `down`: there was none; `unknown`: it was not tried
   */
  done(slice: Slice, outcome: 'up' | 'down' | 'unknown', nowMs: number): void {
    const { destination, message, ids, suspended } = slice
    for (const id of ids) this.#known.delete(id)
    this.#leave(message, ids.length)
    if (suspended) return this.#prune(destination, nowMs)
    const limits = this.#limits(destination.transport)
    this.#transport(destination.transport).busy--
    if (outcome === 'up') destination.window.succeeded(limits, destination.busy)
    if (outcome === 'down') destination.window.failed(limits)
    destination.busy--
    destination.lastDoneMs = nowMs
    if (destination.window.dead) destination.notBeforeMs = nowMs + limits.deadMs
    else destination.notBeforeMs = limits.rateDelayMs > 0 ? nowMs + limits.rateDelayMs : 0
    this.#unpark(destination, nowMs)
    this.#prune(destination, nowMs)
  }

  /** When something may go that might not at `sinceMs`; undefined: nothing waits for the clock. */
  nextMs(sinceMs: number): number | undefined {
    let next = Infinity
    const consider = (ms: number): void => {
      if (ms > sinceMs && ms < next) next = ms
    }
    for (const { notBeforeMs } of this.#delayed) consider(notBeforeMs)
    for (const { turns, notBeforeMs } of this.#transports.values()) if (turns.length > 0) consider(notBeforeMs)
    return next === Infinity ? undefined : next
  }

  #destination(transport: string, key: string, limits: TransportLimits): Destination {
    let destination = this.#destinations.get(key)
    if (destination === undefined) {
      const reason = { dsn: '4.4.1', text: '' }
      const window = new ConcurrencyWindow(limits)
      destination = {
        key,
        transport,
        window,
        busy: 0,
        notBeforeMs: 0,
        parked: [],
        batches: 0,
        reason,
        lastDoneMs: undefined,
        connections: EACH_ITS_OWN,
      }
      this.#destinations.set(key, destination)
    }
    return destination
  }

  #transport(name: string): Transport {
    let transport = this.#transports.get(name)
    if (transport === undefined) {
      transport = { name, busy: 0, notBeforeMs: 0, turns: [], byMessage: new Map() }
      this.#transports.set(name, transport)
    }
    return transport
  }

  #makeReady(batch: Batch): void {
    batch.turn.ready.push(batch)
    wait(this.#transport(batch.destination.transport), batch.turn)
  }

  /** As many parked batches as there is room for take their turn again; all of them where they need not wait any more. */
  #unpark(destination: Destination, nowMs: number): void {
    const { window, busy, parked, notBeforeMs } = destination
    if (!window.dead && nowMs < notBeforeMs) {
      if (parked.length > 0) this.#delayed.add(destination)
      return
    }
    this.#delayed.delete(destination)
    const room = window.dead ? parked.length : window.size - busy
    for (const batch of parked.splice(0, Math.max(0, room))) this.#makeReady(batch)
  }

  #forget(message: number): void {
    this.#active.delete(message)
    for (const transport of this.#transports.values()) transport.byMessage.delete(message)
  }

  /** A destination that nothing is known of any more is not kept. */
  #prune(destination: Destination, nowMs: number): void {
    if (destination.busy === 0 && destination.batches === 0 && nowMs >= destination.notBeforeMs)
      this.#destinations.delete(destination.key)
  }

  /** Forgets destinations that were kept for a delay that is over. */
  tidy(nowMs: number): void {
    for (const destination of this.#destinations.values()) this.#prune(destination, nowMs)
  }
}

function userOf(address: string, { extensions }: TransportLimits): string {
  const cut = extensions && splitAddressExtension(address, extensions)
  return (cut?.bare ?? address).toLowerCase()
}

function turnOf(transport: Transport, message: number): Turn {
  let turn = transport.byMessage.get(message)
  if (turn === undefined) transport.byMessage.set(message, (turn = { message, ready: [], waiting: false }))
  return turn
}

/**
 * Takes out the batch whose destination has the fewest deliveries in progress: where there are more than may run, slow hosts
 * do not hold all of them.
 */
function leastBusy(ready: Batch[]): Batch | undefined {
  let best = 0
  for (let i = 1; i < Math.min(ready.length, CHOICE) && ready[best]!.destination.busy > 0; i++) {
    if (ready[i]!.destination.busy < ready[best]!.destination.busy) best = i
  }
  return ready.splice(best, 1)[0]
}

function wait(transport: Transport, turn: Turn): void {
  if (turn.waiting) return
  turn.waiting = true
  transport.turns.push(turn)
}

/**
 * Not a burst of mail within the first window, but mail that follows mail turns keeping on; it is turned off where neither
 * another delivery runs nor one has just ended. Postfix counts whole seconds.
 */
function connectionsOf({ connections, lastDoneMs, busy }: Destination, nowMs: number): Connections {
  const backToBack = lastDoneMs !== undefined && Math.floor(lastDoneMs / 1000) + 1 >= Math.floor(nowMs / 1000)
  if (!connections.store) return backToBack ? KEPT : connections
  return busy > 1 || backToBack ? connections : USED_UP
}

function hasRoom({ busy, window, notBeforeMs }: Destination, limits: TransportLimits, nowMs: number): boolean {
  if (nowMs < notBeforeMs) return false
  // A rate delay is between deliveries: there is one at a time. postconf(5) default_destination_rate_delay.
  return busy < (limits.rateDelayMs > 0 ? 1 : window.size)
}
