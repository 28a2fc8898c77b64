import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { publish } from '#src/base/mod.ts'
import { type Config, parseConfig } from '../../io/config/mod.ts'
import { allParams } from '../registry.ts'
import type { QueueEvent } from '../../mail/queue/mod.ts'
import { mainParams } from '../server/params.ts'
import { startMaillog } from './maillog.ts'

test('a reload takes up the form of addresses and the digits of delays', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-maillog-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const configOf = (more: string): Config =>
    parseConfig(`maillog_file = ${join(dir, 'log')}\n${more}`, allParams(), {
      machine: { hostname: 'x.test', interfaces: [] },
    })
  const config = configOf('delay_logging_resolution_limit = 0\n')
  const log = startMaillog({ config, cf: config.bind(mainParams), hostname: 'x.test' } as never) // it looks at no more
  t.after(() => log.close())
  const tell = (): void =>
    publish<QueueEvent>({
      event: 'queue.result',
      queueId: 'Q',
      transport: 'smtp',
      program: 'smtp',
      recipient: 'a b@c.test',
      original: 'a b@c.test',
      relay: 'none',
      delayMs: 1234,
      delaysMs: [0, 0, 1, 450],
      dsn: '2.0.0',
      status: 'sent',
      text: 'ok',
    })
  tell()
  log.reload({ config: configOf('delay_logging_resolution_limit = 3\ninfo_log_address_format = internal\n') })
  tell()
  log.writer.flush()
  const delays = readFileSync(join(dir, 'log'), 'latin1').matchAll(/to=<(.*?)>, .*?, (delay=.*?), dsn/g)
  assert.deepEqual(
    Array.from(delays, ([, address, text]) => [address, text]),
    [
      ['"a b"@c.test', 'delay=1, delays=0/0/0/0'],
      ['a b@c.test', 'delay=1.2, delays=0/0/0.001/0.45'],
    ],
  )
})
