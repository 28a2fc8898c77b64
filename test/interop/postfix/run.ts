/** Runs worlds through both, and compares what they say and, where there is a sink, what arrives. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Comparison, masked } from './compare.ts'
import { writeView } from './namespace.ts'
import { DEFAULT_CLIENT, play, type Step } from './player.ts'
import { startPostfix, type Running } from './postfix.ts'
import { startPostigo } from './postigo.ts'
import { type Arrived, type Sink, startSink } from './sink.ts'
import { PORT_OFFSET, portsOf, type Session, type World } from './world.ts'

/** Sessions at a time with each server. */
const PARALLEL = 6
const ARRIVAL_LIMIT_MS = 20_000

type Product = 'postfix' | 'postigo'

/** Ports of worlds do not overlap. */
export interface Setting {
  readonly dir: string
  readonly address: string
  readonly base: number
}

export async function compareWorld(world: World, setting: Setting, comparison: Comparison): Promise<void> {
  const { dir, address, base } = setting
  mkdirSync(dir, { recursive: true })
  writeView(dir, address)
  const sink = await startSink(address)
  const place = { address, sinkPort: sink.port }
  const [theirs, ours] = [
    { ...place, dir: join(dir, 'postfix') },
    { ...place, dir: join(dir, 'postigo') },
  ]
  const postfix = await startPostfix(world, theirs, base, dir)
  const postigo = await startPostigo(world, ours, base, dir, theirs.dir)
  try {
    const said = await Promise.all([playAll(world, address, base, 'postfix'), playAll(world, address, base, 'postigo')])
    for (const [i, session] of world.sessions.entries())
      addReplies(session, said[0][i] ?? [], said[1][i] ?? [], world, comparison)
    if (world.sink !== undefined) await addArrivals(world, sink, postfix, comparison)
  } finally {
    sink.stop()
    await Promise.all([postfix.stop(), postigo.stop()])
  }
}

export async function playAll(world: World, address: string, base: number, product: Product): Promise<string[][]> {
  const ports = portsOf(world, base)
  const said: string[][] = []
  let next = 0
  const worker = async (): Promise<void> => {
    for (let i = next++; i < world.sessions.length; i = next++) {
      const session = world.sessions[i]!
      const port = (ports.get(JSON.stringify(session.overrides ?? {})) ?? 0) + (product === 'postigo' ? PORT_OFFSET : 0)
      const steps = session.steps.map((step) => marked(step, product))
      said[i] = await play(address, port, { steps, client: session.client ?? DEFAULT_CLIENT })
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, worker))
  return said
}

export function addReplies(
  session: Session,
  theirs: readonly string[],
  ours: readonly string[],
  world: World,
  comparison: Comparison,
): void {
  const asked = ['(greeting)', ...(session.client === '' ? [] : ['XCLIENT']), ...session.steps.map(named)]
  for (let i = 0; i < Math.max(theirs.length, ours.length); i++) {
    const where = `${world.name}, ${session.name}: ${asked[i] ?? '(end)'}`
    comparison.add({ where, postfix: masked(theirs[i] ?? '(nothing)'), postigo: masked(ours[i] ?? '(nothing)') })
  }
}

const named = (step: Step): string => (typeof step === 'string' ? step : '(content)')

/** What comes to the sink says by `X-Session` through whom it came. */
function marked(step: Step, product: Product): Step {
  return typeof step === 'string' ? step : { content: step.content.replace(/^X-Session: /m, `$&${product} `) }
}

async function addArrivals(world: World, sink: Sink, postfix: Running, comparison: Comparison): Promise<void> {
  const until = Date.now() + ARRIVAL_LIMIT_MS
  while (!postfix.idle() && Date.now() < until) await sleep(50)
  const arrived = (product: Product): Map<string, string> => bySession(sink, product, world.sink)
  let [theirs, ours] = [arrived('postfix'), arrived('postigo')]
  while (ours.size < theirs.size && Date.now() < until) {
    await sleep(50)
    ours = arrived('postigo')
  }
  await sleep(300) // for what should not come
  ;[theirs, ours] = [arrived('postfix'), arrived('postigo')]
  for (const { name } of world.sessions) {
    const [postfixGot, postigoGot] = [theirs.get(name), ours.get(name)]
    if (postfixGot === undefined && postigoGot === undefined) continue
    comparison.add({
      where: `${world.name}, ${name}: (arrived)`,
      postfix: postfixGot ?? '(nothing)',
      postigo: postigoGot ?? '(nothing)',
    })
  }
}

/** Messages are told apart by their field `X-Session`. */
function bySession(sink: Sink, product: Product, kind: World['sink']): Map<string, string> {
  const groups = Map.groupBy(sink.arrived, (one) => /^X-Session: (.*?)\r?$/m.exec(one.message)?.[1] ?? '?')
  const own = [...groups].filter(([name]) => name.startsWith(product))
  return new Map(
    own.map(([name, messages]) => [
      name.slice(product.length + 1),
      FORMS[kind === 'whole' || kind === 'reports' ? kind : 'envelope'](messages),
    ]),
  )
}

/** Deliveries to one hop may be one or several: recipients are joined by what they got. */
function arrival(messages: readonly Arrived[]): string {
  const copies = Map.groupBy(
    messages,
    (one) => `from <${one.sender}>\n${one.sender === '' && isReport(one) ? '' : header(one.message)}`,
  )
  return [...copies]
    .map(
      ([copy, list]) =>
        `to ${list
          .flatMap((one) => one.recipients)
          .sort()
          .join(' ')} ${copy}`,
    )
    .sort()
    .join('\n')
}

/** Reports by what they say of recipients; queue ids and times are different each time. */
function reports(messages: readonly Arrived[]): string {
  return messages
    .filter(isReport)
    .map(({ recipients, message }) => {
      const [, status = ''] = /Content-Type: message\/(?:global-)?delivery-status([^]*?)\r\n--/.exec(message) ?? []
      const [, notice = ''] = /Content-Description: Notification([^]*?)\r\n--/.exec(message) ?? []
      const said = [...notice.matchAll(/^<[^]*?(?=\r\n\r\n|\r\n {4}W|$)/gm)].map(([line]) => line)
      return [`to ${recipients.join(' ')}`, /^Subject: .*$/m.exec(message)?.[0].trimEnd(), ...said, status]
        .join('\n')
        .replaceAll('\r\n', '\n')
        .replace(/\n +/g, ' ')
        .replace(/^(Arrival-Date|X-Mail-Queue-ID|Will-Retry-Until): .*/gm, '$1: …')
        .replace(/queued as \w+/g, 'queued as QUEUEID')
    })
    .sort()
    .join('\n')
}

/** All that came, octet for octet but for what names product, host, time and queue id. */
function wholes(messages: readonly Arrived[]): string {
  return messages
    .map(({ sender, parameters, recipients, recipientParameters, message }) => {
      const end = message.indexOf('\r\n\r\n')
      const body = end < 0 ? '' : message.slice(end)
      return `from <${sender}>${parameters} to ${recipients.map((one, i) => one + (recipientParameters[i] ?? '')).join(' ')}\n${header(message)}${body}`
    })
    .sort()
    .join('\n')
}

const FORMS = { envelope: arrival, whole: wholes, reports }

/** A report's words are another comparison's. */
const isReport = (one: Arrived): boolean => /^Content-Type: multipart\/report/im.test(one.message)

/**
 * The header section without what names product, host, time and queue id. Postfix prints a field anew when it changes an
 * address in it; we change the address alone. So blanks and folding do not count.
 */
function header(message: string): string {
  const end = message.indexOf('\r\n\r\n')
  return (end < 0 ? message : message.slice(0, end))
    .replace(/\r\n[ \t]+/g, ' ')
    .replace(/^Received:.*\r\n/gm, '')
    .replace(/^X-Session: .*\r\n/m, '')
    .replace(/^((?:Resent-)?Date): .*$/gm, '$1: DATE')
    .replace(/^((?:Resent-)?Message-Id): <\d{14}\.\w+@/gm, '$1: <DATE.ID@')
    .replace(/[ \t]*([(,;:<])[ \t]*/g, '$1')
    .replaceAll('\r\n', '\n')
}
