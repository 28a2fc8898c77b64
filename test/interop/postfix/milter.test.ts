/** The same milter behind Debian's Postfix and behind Postigo: equal replies, equal packets, equal mail behind it. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startMilter, type TestMilter } from '../../support/milter.ts'
import { clientOf, MILTERS, milters } from './cases/milters.ts'
import { Comparison } from './compare.ts'
import type { Difference } from './differences.ts'
import { parseZone, startDns, type TestDns } from './dns.ts'
import { reasonToSkip, writeView } from './namespace.ts'
import { startPostfix } from './postfix.ts'
import { startPostigo } from './postigo.ts'
import { addReplies, playAll } from './run.ts'
import { type Sink, startSink } from './sink.ts'
import type { Place, Session } from './world.ts'
import { ZONE } from './zone.ts'

const BASE = 19_500
const ARRIVAL_LIMIT_MS = 30_000
/** As many replies, packets' lists and arrivals must have been compared at least. */
const ENOUGH = 4000

const DIFFERENCES: readonly Difference[] = [
  {
    where: /edit-recipient\.s\d+ : \(arrived\)/,
    postfix: /b@example\.org b@example\.org/,
    postigo: /to a@example\.org b@example\.org more/,
    reason: 'A recipient that a milter adds is not served twice, whatever its ORCPT.',
    release: 'ours',
  },
]

const reason = reasonToSkip()

/** One product's side: its next hop, its milters. */
class Side {
  readonly sink: Sink
  readonly milters: ReadonlyMap<string, TestMilter>

  constructor(sink: Sink, running: ReadonlyMap<string, TestMilter>) {
    this.sink = sink
    this.milters = running
  }

  static async start(address: string): Promise<Side> {
    const running = new Map<string, TestMilter>()
    for (const [name, mood] of Object.entries(MILTERS)) running.set(name, await startMilter(mood))
    return new Side(await startSink(address), running)
  }

  get words(): Record<string, string> {
    return Object.fromEntries([...this.milters].map(([name, { port }]) => [name, String(port)]))
  }

  /** What all milters were told of a session's client. */
  packets(session: Session): string {
    const client = clientOf(session)
    const told = [...this.milters].flatMap(([name, milter]) =>
      milter.sessions
        .filter((one) => one.client === client)
        .map(({ packets, bodies }) => [`at ${name}`, ...packets, ...bodies.map((body) => body.toString('latin1'))]),
    )
    return masked(told.flat().join('\n'))
  }

  arrived(session: Session): string {
    const subject = new RegExp(`^X-Test: ${RegExp.escape(session.name.split(' ')[0] ?? '')}\\r?$`, 'm')
    const own = this.sink.arrived.filter(({ message }) => subject.test(message))
    return own
      .map(({ sender, recipients, message }) =>
        masked(`from <${sender}> to ${recipients.toSorted().join(' ')}\n${message}`),
      )
      .sort()
      .join('\n')
  }

  stop(): void {
    this.sink.stop()
    for (const milter of this.milters.values()) milter.stop()
  }
}

/** Without what differs between any two runs. */
function masked(text: string): string {
  return (
    text
      .replaceAll('\r\n', '\n')
      .replace(/^Received: from .*?(?=\n\S)/gms, (field) => (/ with \S+ id /.test(field) ? 'Received: ours' : field))
      .replace(/\bv=Mail \S+/g, 'v=VERSION')
      .replace(/(?<= )(i|\{i\})=\S+/g, '$1=QUEUEID')
      // XCLIENT's clients are not counted by Postfix.
      .replace(/\{client_connections\}=\d+/, '{client_connections}=N')
      .replace(/\]:\d+/g, ']:PORT')
      .replace(/<\d{14}\.\w+@/g, '<DATE.ID@')
      .replace(/^(?:L )?Date[|:].*$/gm, 'Date: DATE')
  )
}

describe('one milter behind Postfix and Postigo', { skip: reason ?? false }, () => {
  const comparison = new Comparison(DIFFERENCES)
  const address = `127.78.${(process.pid >> 8) & 255}.${process.pid & 255}`
  const dir = mkdtempSync(join(tmpdir(), 'postigo-milter-'))
  let dns: TestDns
  before(async () => {
    chmodSync(dir, 0o755)
    dns = await startDns(address, parseZone(ZONE))
  })
  after(() => {
    dns.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  test('replies, packets and what arrives', { timeout: 300_000 }, async () => {
    writeView(dir, address)
    const [theirs, ours] = [await Side.start(address), await Side.start(address)]
    const place = (name: string, side: Side): Place => ({
      dir: join(dir, name),
      address,
      sinkPort: side.sink.port,
      words: side.words,
    })
    const postfix = await startPostfix(milters, place('postfix', theirs), BASE, dir)
    const postigo = await startPostigo(milters, place('postigo', ours), BASE, dir, join(dir, 'postfix'))
    try {
      const said = [await playAll(milters, address, BASE, 'postfix'), await playAll(milters, address, BASE, 'postigo')]
      const { sessions } = milters
      for (const [i, one] of sessions.entries())
        addReplies(one, said[0]?.[i] ?? [], said[1]?.[i] ?? [], milters, comparison)
      for (const until = Date.now() + ARRIVAL_LIMIT_MS; !postfix.idle() && Date.now() < until;) await sleep(100)
      for (const until = Date.now() + ARRIVAL_LIMIT_MS; Date.now() < until;) {
        if (ours.sink.arrived.length >= theirs.sink.arrived.length) break
        await sleep(100)
      }
      await sleep(500) // for what should not come
      for (const one of sessions) {
        const where = `milters, ${one.name}`
        comparison.add({ where: `${where}: (packets)`, postfix: theirs.packets(one), postigo: ours.packets(one) })
        comparison.add({ where: `${where}: (arrived)`, postfix: theirs.arrived(one), postigo: ours.arrived(one) })
      }
    } finally {
      theirs.stop()
      ours.stop()
      await Promise.all([postfix.stop(), postigo.stop()])
    }
    const { unexplained } = comparison
    assert.equal(unexplained.length, 0, `${unexplained.length} differ:\n${unexplained.join('\n')}`)
  })

  test('enough was compared, and every difference is needed', () => {
    assert.ok(comparison.count >= ENOUGH, `${comparison.count} compared`)
    assert.deepEqual(comparison.unused, [])
  })
})
