/** Carries a layout's day by one product, and tells what happened. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TestContext } from 'node:test'
import { type Comparison, masked } from '../interop/postfix/compare.ts'
import { parseZone, startDns } from '../interop/postfix/dns.ts'
import { writeView } from '../interop/postfix/namespace.ts'
import { DEFAULT_CLIENT, play } from '../interop/postfix/player.ts'
import { type Running, startPostfix } from '../interop/postfix/postfix.ts'
import { startPostigo } from '../interop/postfix/postigo.ts'
import { addReplies } from '../interop/postfix/run.ts'
import { type Arrived, type Sink, startSink } from '../interop/postfix/sink.ts'
import { type Place, portsOf, type World } from '../interop/postfix/world.ts'
import type { Layout } from './layout.ts'

/** Ports of the listeners: each day has addresses of its own. */
const BASE = 24_900
/** Sessions at a time. */
const PARALLEL = 4
const DELIVERY_LIMIT_MS = 30_000
const QUIET_MS = 5000

/** What a product did with a day. */
interface Day {
  readonly replies: readonly (readonly string[])[]
  readonly deliveries: readonly string[]
  readonly arrivals: ReadonlyMap<string, readonly string[]>
}

export interface Ground {
  readonly dir: string
  readonly address: string
}

export async function compareDay(
  t: TestContext,
  layout: Layout,
  ground: Ground,
  comparison: Comparison,
): Promise<Tally> {
  const { dir, address } = ground
  mkdirSync(dir, { recursive: true, mode: 0o755 })
  const hosts = await startHosts(t, layout, address)
  const dns = await startDns(address, parseZone(`${layout.zone ?? ''}${hosts.zone}`))
  t.after(() => dns.stop())
  writeView(dir, address, 'options timeout:20\n') // what answers DNS is this process, and has much to do
  const words = { ...hosts.words, ...(await layout.neighbours?.(t, { dir, address })) }
  const world = worldOf(layout)
  const place = (name: string): Place => ({ dir: join(dir, name), address, sinkPort: 1, words })
  const theirs = await carry(layout, hosts.sinks, world, address, () =>
    startPostfix(world, place('postfix'), BASE, dir),
  )
  const ours = await carry(
    layout,
    hosts.sinks,
    world,
    address,
    () => startPostigo(world, place('postigo'), BASE, dir, join(dir, 'postfix'), 0),
    theirs.deliveries.length - (layout.fewer ?? 0),
  )
  addDay(layout, world, theirs, ours, comparison)
  return { statuses: statusesOf(theirs.deliveries), out: outOf(layout, theirs) }
}

export interface Tally {
  /** How many deliveries ended with which status. */
  readonly statuses: Readonly<Record<string, number>>
  /** Messages that left the site, reports aside. */
  readonly out: number
}

function statusesOf(deliveries: readonly string[]): Tally['statuses'] {
  const groups = Map.groupBy(deliveries, (line) => / status=(\w+)/.exec(line)?.[1] ?? '?')
  return Object.fromEntries([...groups].map(([status, lines]) => [status, lines.length]))
}

function outOf({ hosts = {} }: Layout, { arrivals }: Day): number {
  const outside = [...arrivals].filter(([name]) => hosts[name]?.inner !== true)
  return outside.flatMap(([, messages]) => messages).filter((one) => !one.startsWith('from <> ')).length
}

function worldOf({ name, mainCf, files = {}, indexed = [], masterCf, day, screened }: Layout): World {
  return {
    name,
    mainCf,
    files,
    indexed,
    sessions: day,
    ...(masterCf !== undefined && { masterCf }),
    ...(screened !== undefined && { screened }),
  }
}

interface Hosts {
  readonly sinks: ReadonlyMap<string, Sink>
  readonly zone: string
  readonly words: Readonly<Record<string, string>>
}

/** Each at an address of its own beside ours. */
async function startHosts(t: TestContext, { hosts = {} }: Layout, address: string): Promise<Hosts> {
  const sinks = new Map<string, Sink>()
  const words: Record<string, string> = {}
  let zone = ''
  const [, second = '', c = '', d = ''] = address.split('.')
  for (const [i, [name, { mx = [], port = 25, inner: _, ...mood }]] of Object.entries(hosts).entries()) {
    const own = `127.${Number(second) + 1 + i}.${c}.${d}`
    const sink = await startSink(own, port, mood)
    t.after(() => sink.stop())
    sinks.set(name, sink)
    zone += `${name} A ${own}\n${mx.map((domain) => `${domain} MX 10 ${name}\n`).join('')}`
    words[name.toUpperCase().replace(/\W/g, '_')] = own
  }
  return { sinks, zone, words }
}

/** @param wanted deliveries to wait for; undefined: until nothing is on its way */
async function carry(
  layout: Layout,
  sinks: ReadonlyMap<string, Sink>,
  world: World,
  address: string,
  start: () => Promise<Omit<Running, 'idle'> & Partial<Pick<Running, 'idle'>>>,
  wanted = 0,
): Promise<Day> {
  const before = new Map([...sinks].map(([name, sink]) => [name, sink.arrived.length]))
  const running = await start()
  try {
    const replies = await playDay(world, address, layout.inOrder === true ? 1 : PARALLEL)
    const found = (): string[] => deliveriesIn(running.log())
    const limit = Date.now() + DELIVERY_LIMIT_MS
    const isDone = (): boolean => (running.idle?.() ?? true) && found().length >= wanted
    // Some that Postfix makes are meant not to be: then nothing more comes.
    let [seen, quietSince] = [0, Date.now()]
    while (!isDone() && Date.now() < limit && Date.now() - quietSince < QUIET_MS) {
      if (found().length !== seen || running.idle?.() === false) [seen, quietSince] = [found().length, Date.now()]
      await sleep(50)
    }
    await sleep(300) // for what should not come
    const arrivals = new Map(
      [...sinks].map(([name, sink]) => [name, sink.arrived.slice(before.get(name)).map(arrival).toSorted()]),
    )
    return { replies, deliveries: found().toSorted(), arrivals }
  } finally {
    await running.stop()
  }
}

async function playDay(world: World, address: string, parallel: number): Promise<string[][]> {
  const ports = portsOf(world, BASE)
  const said: string[][] = []
  let next = 0
  const worker = async (): Promise<void> => {
    for (let i = next++; i < world.sessions.length; i = next++) {
      const session = world.sessions[i]!
      const port = ports.get(JSON.stringify(session.overrides ?? {})) ?? 0
      said[i] = await play(address, port, { ...session, client: session.client ?? DEFAULT_CLIENT })
    }
  }
  await Promise.all(Array.from({ length: parallel }, worker))
  return said
}

/** Each recipient's fate, as the log has it, without what differs between any two runs. */
export function deliveriesIn(log: string): string[] {
  const lines = log.matchAll(
    /: \w+: (to=<.*?>(?:, orig_to=<.*?>)?), relay=(.*?)(?:, conn_use=\d+)?, delay=.*? (dsn=[\d.]+, status=\w+ \(.*\))$/gm,
  )
  return Array.from(
    lines,
    ([, to = '', relay = '', status = '']) =>
      masked(`${to}, relay=${relay}, ${status}`)
        .replace(/(queued|forwarded) as [\w-]+/g, '$1 as QUEUEID')
        .replace(/> [\w+/]{22}(?::T\d)? Saved/, '> ID Saved') // Dovecot
        .replace(/\bid=\d+-[\d-]+/, 'id=ID'), // amavis
  )
}

/** Envelope and header section of what came to a host, without what names product, time and queue id. */
function arrival({ sender, recipients, message }: Arrived): string {
  const end = message.indexOf('\r\n\r\n')
  const isReport = /^Content-Type: multipart\/report/im.test(message)
  const header = (end < 0 ? message : message.slice(0, end))
    .replace(/\r\n[ \t]+/g, ' ')
    .replace(/^Received:.*(?:\r\n|$)/gm, '')
    .replace(/^((?:Resent-)?Date): .*$/gm, '$1: DATE')
    .replace(/^((?:Resent-)?Message-Id): <\d{14}\.\w+@/gim, '$1: <DATE.ID@')
    .replaceAll('\r\n', '\n')
  return `from <${sender}> to ${recipients.toSorted().join(' ')}\n${isReport ? '(a report)' : header}`
}

function addDay(layout: Layout, world: World, theirs: Day, ours: Day, comparison: Comparison): void {
  for (const [i, session] of layout.day.entries())
    addReplies(session, theirs.replies[i] ?? [], ours.replies[i] ?? [], world, comparison)
  const add = (where: string, postfix: readonly string[], postigo: readonly string[]): void => {
    for (let i = 0; i < Math.max(postfix.length, postigo.length); i++)
      comparison.add({
        where: `${layout.name}: ${where}`,
        postfix: postfix[i] ?? '(nothing)',
        postigo: postigo[i] ?? '(nothing)',
      })
  }
  const [gone, come] = apart(theirs.deliveries, ours.deliveries)
  add('(delivery)', gone, come)
  for (const [name, arrived] of theirs.arrivals) {
    const [lost, more] = apart(arrived, ours.arrivals.get(name) ?? [])
    add(`(arrived at ${name})`, lost, more)
  }
}

/** What is on one side alone; where nothing is, all, so that it counts as compared. */
function apart(theirs: readonly string[], ours: readonly string[]): [string[], string[]] {
  const left = [...ours]
  const only = theirs.filter((one) => {
    const at = left.indexOf(one)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
  return only.length + left.length === 0 ? [[...theirs], [...theirs]] : [only, left]
}
