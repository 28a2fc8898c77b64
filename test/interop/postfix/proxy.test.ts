/** The same before-queue filter behind Debian's Postfix and behind Postigo: equal replies, and equal words to the filter. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startSmtpFilter, type TestFilter } from '../../support/smtp-filter.ts'
import { FILTERS, proxies } from './cases/proxies.ts'
import { Comparison } from './compare.ts'
import type { Difference } from './differences.ts'
import { parseZone, startDns, type TestDns } from './dns.ts'
import { reasonToSkip, writeView } from './namespace.ts'
import { startPostfix } from './postfix.ts'
import { startPostigo } from './postigo.ts'
import { addReplies, playAll } from './run.ts'
import type { Place, Session } from './world.ts'
import { ZONE } from './zone.ts'

const BASE = 19_900
/** As many replies and dialogues with filters must have been compared at least. */
const ENOUGH = 1500

/** Below those that clients and servers of tests are given: nobody listens there. */
const NOBODYS_PORT = '1'

const DIFFERENCES: readonly Difference[] = []

const reason = reasonToSkip()

/** One product's side: its filters. */
class Side {
  readonly filters: ReadonlyMap<string, TestFilter>

  constructor(filters: ReadonlyMap<string, TestFilter>) {
    this.filters = filters
  }

  static async start(): Promise<Side> {
    const filters = new Map<string, TestFilter>()
    for (const [name, mood] of Object.entries(FILTERS)) filters.set(name, await startSmtpFilter(mood))
    return new Side(filters)
  }

  get words(): Record<string, string> {
    const ports = [...this.filters].map(([name, { port }]) => [name, String(port)])
    return { ...Object.fromEntries(ports), CLOSED: NOBODYS_PORT }
  }

  /** What a session's filter was told. */
  heard({ name }: Session): string {
    const [sender = '', filter = ''] = name.split(' ')
    const { sessions = [] } = this.filters.get(filter) ?? {}
    // Those that end before MAIL have a filter of their own, for a session with speed_adjust and one without.
    const own = sessions.filter((one) => one.sender === sender || (one.sender === '' && filter !== 'ALL'))
    return own.map(({ commands, content }) => masked([...commands, content ?? '(no content)'].join('\n'))).join('\n')
  }

  stop(): void {
    for (const filter of this.filters.values()) filter.stop()
  }
}

/** Without what differs between any two runs. */
function masked(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(/\w{3}, \d+ \w{3} \d{4} [\d:]+ \+0000 \(UTC\)/g, 'DATE')
    .replace(/ PORT=\d{5}\b/g, ' PORT=PORT')
}

describe('one before-queue filter behind Postfix and Postigo', { skip: reason ?? false }, () => {
  const comparison = new Comparison(DIFFERENCES)
  const address = `127.79.${(process.pid >> 8) & 255}.${process.pid & 255}`
  const dir = mkdtempSync(join(tmpdir(), 'postigo-proxy-'))
  let dns: TestDns
  before(async () => {
    chmodSync(dir, 0o755)
    dns = await startDns(address, parseZone(ZONE))
  })
  after(() => {
    dns.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  test('replies, and what the filter hears', { timeout: 300_000 }, async () => {
    writeView(dir, address)
    const [theirs, ours] = [await Side.start(), await Side.start()]
    const place = (name: string, side: Side): Place => ({
      dir: join(dir, name),
      address,
      sinkPort: 1,
      words: side.words,
    })
    const postfix = await startPostfix(proxies, place('postfix', theirs), BASE, dir)
    const postigo = await startPostigo(proxies, place('postigo', ours), BASE, dir, join(dir, 'postfix'))
    try {
      const said = [await playAll(proxies, address, BASE, 'postfix'), await playAll(proxies, address, BASE, 'postigo')]
      const { sessions } = proxies
      for (const [i, one] of sessions.entries()) {
        addReplies(one, said[0]?.[i] ?? [], said[1]?.[i] ?? [], proxies, comparison)
        const where = `proxies, ${one.name} ${JSON.stringify(one.overrides)}: (filter)`
        comparison.add({ where, postfix: theirs.heard(one), postigo: ours.heard(one) })
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
