/** Both products as clients: the same message to the same servers, and what each says became of every recipient. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../../support/mailbox.ts'
import { isFree } from '../../support/ports.ts'
import { writeView } from './namespace.ts'
import { play } from './player.ts'
import { startPostfix } from './postfix.ts'
import { startPostigo } from './postigo.ts'
import { PORT_OFFSET, type World } from './world.ts'

/** One destination, with a transport of its own. */
export interface Destination {
  /** The transport, and the domain `NAME.case.test`. */
  readonly name: string
  readonly nexthop: string
  /** The transport's `-o`. */
  readonly settings?: Readonly<Record<string, string>>
  /** smtp where it is not said. */
  readonly program?: 'smtp' | 'lmtp'
}

export interface ClientTrial {
  readonly destinations: readonly Destination[]
  readonly mainCf: string
  readonly files: Readonly<Record<string, string>>
  /** Further lines of resolv.conf. */
  readonly resolvConf?: string
  /** Header fields of the message. */
  readonly fields?: string
}

export interface ClientPlace {
  readonly dir: string
  readonly address: string
}

/** What both said, by destination: `dsn status (text)`, in front of it how TLS was, if it was. */
export interface Said {
  readonly postfix: ReadonlyMap<string, string>
  readonly postigo: ReadonlyMap<string, string>
}

export async function compareClients(trial: ClientTrial, { dir, address }: ClientPlace): Promise<Said> {
  mkdirSync(dir, { recursive: true })
  writeView(dir, address, trial.resolvConf)
  const base = await freePorts()
  const world = worldOf(trial)
  const place = { address: '127.0.0.1', sinkPort: 9 }
  const [theirs, ours] = [
    { ...place, dir: join(dir, 'postfix') },
    { ...place, dir: join(dir, 'postigo') },
  ]
  const postfix = await startPostfix(world, theirs, base, dir)
  try {
    const postigo = await startPostigo(world, ours, base, dir, theirs.dir)
    try {
      await Promise.all([base, base + PORT_OFFSET].map((port) => submit(port, trial)))
      const told = (log: string): Map<string, string> => results(log, trial)
      const missing = (log: string): string[] =>
        trial.destinations.map(({ name }) => name).filter((name) => !told(log).has(name))
      const lacking = (): string => `Postfix ${missing(postfix.log()).join()}, Postigo ${missing(postigo.log()).join()}`
      await until('every recipient has a result', () => lacking() === 'Postfix , Postigo ', LIMIT_MS).catch(
        (cause: unknown) => {
          throw new Error(`without a result: ${lacking()}`, { cause })
        },
      )
      return { postfix: told(postfix.log()), postigo: told(postigo.log()) }
    } finally {
      await postigo.stop()
    }
  } finally {
    await postfix.stop()
  }
}

const LIMIT_MS = 60_000
/** Above the ports of the worlds, and with the offset below those that the system gives out. */
const FIRST_PORT = 22_100
const LAST_PORT = 22_700

/** A port that is free with and without the offset. */
async function freePorts(): Promise<number> {
  for (let port = FIRST_PORT + (process.pid % 100); port < LAST_PORT; port++)
    if ((await isFree(port)) && (await isFree(port + PORT_OFFSET))) return port
  throw new Error('no free ports')
}

function worldOf({ destinations, mainCf, files }: ClientTrial): World {
  const routes = destinations.map(({ name, nexthop }) => `{ ${name}.case.test = ${name}:${nexthop} }`)
  const services = destinations.map(({ name, program = 'smtp', settings = {} }) => {
    const words = Object.entries(settings).map(([parameter, value]) => `\n  -o { ${parameter} = ${value} }`)
    return `${name} unix - - n - - ${program}${words.join('')}\n`
  })
  // What is set twice makes each of Postfix's programs warn, at its start, on a socket that holds ten lines.
  const common =
    'smtpd_relay_restrictions = permit_inet_interfaces, reject\nsmtp_tls_loglevel = 1\nlmtp_tls_loglevel = 1\n'
  return {
    name: 'clients',
    mainCf: `${common}transport_maps = inline:{ ${routes.join(', ')} }\n${mainCf}`,
    files,
    indexed: [],
    sessions: [{ name: 'in', steps: [] }],
    masterCf: services.join(''),
  }
}

async function submit(port: number, { destinations, fields = '' }: ClientTrial): Promise<void> {
  const recipients = destinations.map(({ name }) => `RCPT TO:<bob@${name}.case.test>`)
  const content = `${fields}Subject: trial\r\n\r\nbody\r\n.\r\n`
  const steps = ['EHLO client.test', 'MAIL FROM:<>', ...recipients, 'DATA', { content }, 'QUIT']
  for (let n = 0; ; n++) {
    try {
      const replies = await play('127.0.0.1', port, { steps, client: '' })
      if (replies.at(-2)?.startsWith('250') === true) return
      if (n === ATTEMPTS) throw new Error(replies.join('\n'))
    } catch (error) {
      if (n === ATTEMPTS) throw error // the server may still be starting
    }
    await new Promise((wake) => setTimeout(wake, 250))
  }
}

const ATTEMPTS = 40

function results(log: string, { destinations }: ClientTrial): Map<string, string> {
  const found = new Map<string, string>()
  for (const { name, nexthop } of destinations) {
    const [, relay, rest] =
      new RegExp(`to=<bob@${name}\\.case\\.test>, (?:orig_to=<[^>]*>, )?relay=([^,]*),.* (dsn=.*)$`, 'm').exec(log) ??
      []
    if (rest === undefined) continue
    const port = /:(\d+)$/.exec(nexthop)?.[1] ?? ''
    const [, trust] = new RegExp(`: (\\w+) TLS connection established to \\S+:${port}: `).exec(log) ?? []
    const [, fault] =
      new RegExp(`((?:server |CA )?certificate verification failed for \\S+:${port}: .*)$`, 'm').exec(log) ?? []
    const tls = [trust, fault].filter((one) => one !== undefined).map((one) => `${one}, `)
    found.set(name, `${tls.join('')}relay=${relay}, ${rest}`)
  }
  return found
}
