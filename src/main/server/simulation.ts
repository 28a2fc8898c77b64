/**
 * A session that is not one: the same smtpd, policy, routing and intake as for a client, over a connection in memory and a
 * log that keeps nothing. So what is answered, and the path to it, are those of a real session.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { listen } from '#src/base/mod.ts'
import type { Draft, MessageLog } from '../../io/blobs/mod.ts'
import type { Config } from '../../io/config/mod.ts'
import type { Tx } from '../../io/db/mod.ts'
import type { Resolver } from '../../io/dns/mod.ts'
import { createIntake, type IntakePlanned, type PlannedRecipient } from '../../mail/intake/mod.ts'
import type { PolicyVerdict } from '../../mail/policy/mod.ts'
import { openMailDatabase } from './database.ts'
import { dataPaths, makeDataDirectory } from './data-dir.ts'
import { listenersOf } from './listeners.ts'
import { MemoryConnection } from './memory-connection.ts'
import { mainParams } from './params.ts'
import { makeSharedMemory, openRooms, readConfig, type Rooms } from './rooms.ts'
import { smtpdFor } from './smtpd-service.ts'

export interface SimulatedSession {
  /** The client's address. */
  readonly client: string
  /** Its verified name; without it DNS is asked, `unknown` is none. */
  readonly name?: string
  readonly helo: string
  readonly sender: string
  readonly recipients: readonly string[]
  readonly saslUser?: string
  readonly tls?: boolean
  /** The message with its header, any line ends; without it one of a line. */
  readonly message?: Buffer
  /** `smtp` (default), `submission` … as in master.cf: its -o hold. */
  readonly service?: string
}

export interface SimulatedReply {
  readonly command: string
  /** undefined: the server closed the connection. */
  readonly reply: string | undefined
  /** What policy decided on the way, stage by stage. */
  readonly verdicts: readonly PolicyVerdict[]
}

export interface Simulation {
  /** `accepted` by all, `refused` for good, `deferred` for now; `partly` where recipients differ. */
  readonly verdict: 'accepted' | 'refused' | 'deferred' | 'partly'
  readonly replies: readonly SimulatedReply[]
  /** Where the mail would go; empty where the message was not accepted. */
  readonly deliveries: readonly PlannedRecipient[]
}

type ClientName = Awaited<ReturnType<Resolver['clientName']>>

const MESSAGE = Buffer.from('Subject: simulated\r\n\r\nThis message is not sent.\r\n')

/** Opens the rooms of a configuration for looking only. Where there is no data directory yet, an empty one stands in. */
export async function withLookingRooms<T>(directory: string, use: (rooms: Rooms) => Promise<T>): Promise<T> {
  const paths = dataPaths(readConfig({ directory }))
  const exists = statSync(paths.database, { throwIfNoEntry: false }) !== undefined
  const base = { directory, thread: 0, shared: makeSharedMemory(), migrated: true }
  if (exists) return useRooms(openRooms({ ...base, readOnly: true }), use)
  const empty = mkdtempSync(join(tmpdir(), 'postigo-simulate-'))
  try {
    const overrides = new Map([['data_directory', empty]])
    const own = dataPaths(readConfig({ directory, overrides }))
    makeDataDirectory(own)
    openMailDatabase(own.database).close()
    return await useRooms(openRooms({ ...base, overrides }), use)
  } finally {
    rmSync(empty, { recursive: true })
  }
}

async function useRooms<T>(rooms: Rooms, use: (rooms: Rooms) => Promise<T>): Promise<T> {
  try {
    return await use(rooms)
  } finally {
    await rooms.close()
  }
}

/** Throws RangeError for a service that main.cf and master.cf do not have. */
export async function simulate(rooms: Rooms, session: SimulatedSession): Promise<Simulation> {
  const { current } = rooms
  const specs = listenersOf(current.config, current.config.bind(mainParams).mailbox_services)
  const wanted = session.service ?? 'smtp'
  const spec = specs.find(({ kind, name }) => kind === 'smtpd' && name === wanted)
  if (spec === undefined && session.service !== undefined) throw new RangeError(`no SMTP service ${wanted}`)
  const dry = {
    ...rooms,
    resolver: resolverFor(rooms, session),
    current: { ...current, intakeOf: (listener: Config) => dryIntake(rooms, listener) },
  }
  const { name, overrides } = spec ?? { name: 'smtp', overrides: [] }
  // A before-queue filter would take the message for one to be delivered.
  const serve = smtpdFor(dry, { name, overrides: [...overrides, ['smtpd_proxy_filter', '']] })
  const connection = new MemoryConnection({ address: session.client, port: 0 }, session.tls ? TLS : undefined)
  const { saslUser } = session
  const preset = saslUser === undefined ? {} : { sasl: { method: 'PLAIN', username: saslUser, sender: '' } }
  return dialogue(connection, session, () => serve(connection, preset))
}

const TLS = {
  protocol: 'TLSv1.3',
  cipher: 'TLS_AES_256_GCM_SHA384',
  bits: 256,
  serverName: undefined,
  peerFingerprint: undefined,
  peerKeyFingerprint: undefined,
  peerVerified: undefined,
  peerNames: [],
  peerChain: [],
  peerFault: undefined,
  resumed: false,
}

/** Says what a client would say, as long as it may go on. */
async function dialogue(
  connection: MemoryConnection,
  session: SimulatedSession,
  begin: () => void,
): Promise<Simulation> {
  const replies: SimulatedReply[] = []
  let verdicts: PolicyVerdict[] = []
  const deliveries: PlannedRecipient[] = []
  const stop = listen((event) => {
    // Published while our session runs, and only it runs here.
    if (event.event === 'policy.verdict') verdicts.push(event as PolicyVerdict)
    if (event.event === 'intake.planned') deliveries.push(...(event as IntakePlanned).recipients)
  })
  const ask = async (command: string, octets: string | Buffer = `${command}\r\n`): Promise<boolean> => {
    if (command === 'connect') begin()
    else connection.say(octets)
    const reply = await connection.reply()
    replies.push({ command, reply, verdicts })
    verdicts = []
    return reply !== undefined && /^[23]/.test(reply)
  }
  try {
    await converse(session, ask)
    if (!connection.closed) connection.say('QUIT\r\n')
  } finally {
    stop()
    connection.destroy()
  }
  return { verdict: verdictOf(replies), replies, deliveries }
}

async function converse(
  session: SimulatedSession,
  ask: (command: string, octets?: Buffer) => Promise<boolean>,
): Promise<void> {
  if (!(await ask('connect')) || !(await ask(`EHLO ${session.helo}`))) return
  const utf8 = [session.sender, ...session.recipients].some((address) => /[^\0-\x7f]/.test(address))
  if (!(await ask(`MAIL FROM:<${session.sender}>${utf8 ? ' SMTPUTF8' : ''}`))) return
  let taken = 0
  for (const recipient of session.recipients) if (await ask(`RCPT TO:<${recipient}>`)) taken++
  if (taken === 0 || !(await ask('DATA'))) return
  await ask('message', onTheWire(session.message ?? MESSAGE))
}

/** CRLF line ends, dots stuffed, the end behind. RFC 5321 §4.5.2. */
function onTheWire(message: Buffer): Buffer {
  const text = message.toString('latin1').replace(/\r?\n/g, '\r\n').replace(/^\./gm, '..')
  return Buffer.from(`${text}${text.endsWith('\r\n') ? '' : '\r\n'}.\r\n`, 'latin1')
}

function verdictOf(replies: readonly SimulatedReply[]): Simulation['verdict'] {
  const bad = replies.filter(({ reply }) => !/^[23]/.test(reply ?? '421'))
  if (bad.length === 0) return 'accepted'
  if (replies.at(-1)?.command === 'message' && !bad.includes(replies.at(-1)!)) return 'partly'
  return bad.some(({ reply }) => reply?.startsWith('5') === true) ? 'refused' : 'deferred'
}

function resolverFor({ resolver }: Rooms, { name }: SimulatedSession): Resolver {
  if (name === undefined) return resolver
  const unknown = name === 'unknown'
  const answer: ClientName = {
    name,
    reverseName: name,
    nameStatus: unknown ? 'permanent' : 'ok',
    reverseStatus: unknown ? 'permanent' : 'ok',
  }
  // The resolver's methods live in its class: all but this one go through to it.
  return new Proxy(resolver, {
    get: (target, key) => {
      if (key === 'clientName') return () => Promise.resolve(answer)
      const value: unknown = Reflect.get(target, key)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** Intake that goes all the way to the plan, and keeps nothing. */
function dryIntake(rooms: Rooms, listener: Config): ReturnType<typeof createIntake> {
  return createIntake({
    ...rooms.current.intakeDepsOf(listener),
    log: new DryLog(),
    store: { deposit: () => true },
    queue: { enqueue: () => {}, complete: () => {} },
    condition: () => 'writable',
    freeOctets: () => Number.MAX_SAFE_INTEGER,
    onQueued: () => {},
  })
}

class DryLog implements MessageLog {
  draft(): Draft {
    return new DryDraft()
  }
  commit: MessageLog['commit'] = (_kind, { size }, _facts, consequence) =>
    Promise.resolve(consequence(NO_TX, { segment: 0, offset: 0, length: size }))
  read(): Buffer {
    return Buffer.alloc(0)
  }
  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** Handed through to ports that do nothing with it. */
const NO_TX: Tx = {
  writing: true,
  sql: () => {
    throw new TypeError('A simulation writes nothing')
  },
  beforeCommit: () => {},
}

class DryDraft implements Draft {
  readonly id = randomBytes(16)
  /** For filters, which look back. */
  #octets = Buffer.alloc(0)
  get size(): number {
    return this.#octets.length
  }
  write(chunk: Buffer): void {
    this.#octets = Buffer.concat([this.#octets, chunk])
  }
  read(from: number, to: number): Buffer {
    return this.#octets.subarray(from, to)
  }
  discard(): void {}
}
