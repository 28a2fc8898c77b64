/** The SMTP client alone, without a queue: small messages that have waited for long. */
import type { TestContext } from 'node:test'
import { listen } from '#src/base/mod.ts'
import { makeRegistry, parseConfig } from '#src/io/config/mod.ts'
import type { Resolver } from '#src/io/dns/mod.ts'
import { createTables } from '#src/io/tables/mod.ts'
import {
  createSmtpAgent,
  deliveryParams,
  lmtpParams,
  type SmtpAgent,
  type SmtpAgentDeps,
} from '#src/mail/delivery/mod.ts'

export interface Client {
  /** What was noted for the log. */
  readonly notes: string[]
  /** Called whenever the client looks at the clock: at last before it connects. */
  onClock: () => void
  /** Hands a message to the next hop; resolves to what is reported, `dsn status relay text`. */
  readonly deliver: (nexthop: string, options?: DeliverOptions) => Promise<string[]>
}

interface DeliverOptions {
  readonly signal?: AbortSignal
  /** Since the message came; long ago where nothing is said. */
  readonly ageMs?: number
  readonly message?: Buffer
}

const MESSAGE = Buffer.from('Subject: x\r\n\r\nx\r\n')

export function startClient(
  t: TestContext,
  settings: Readonly<Record<string, string>>,
  dns: Partial<Resolver> = {},
  more: Pick<SmtpAgentDeps, 'sts' | 'counts'> = {},
): Client {
  const lines = Object.entries({ compatibility_level: '3.6', myhostname: 'self.test', ...settings })
  const mainCf = lines.map(([name, value]) => `${name} = ${value}\n`).join('')
  const config = parseConfig(mainCf, makeRegistry(deliveryParams, lmtpParams))
  const tables = createTables({ directory: '/' })
  const notes: string[] = []
  const client: Client = {
    notes,
    onClock() {},
    deliver: (nexthop, options) => deliver(agent, nexthop, options),
  }
  const agent = createSmtpAgent({
    config: () => config,
    protocol: () => 'smtp',
    tables: () => tables,
    dns: dns as Resolver, // as much of it as the test has use for
    isOwnAddress: () => false,
    pass: () => Promise.reject(new Error('there is no other transport')),
    handed: () => new Map(),
    generic: { addresses: (address) => Promise.resolve([address]), field: ({ raw }) => raw },
    now() {
      client.onClock()
      return NOW_MS
    },
    args: () => [],
    tellPostmaster: () => undefined,
    ...more,
  })
  const ignore = listen((event) => {
    if (event.event === 'client.note' && 'text' in event) notes.push(String(event.text))
  })
  t.after(() => {
    agent.forget()
    tables.close()
    ignore()
  })
  return client
}

const NOW_MS = 1_000_000_000

async function deliver(
  agent: SmtpAgent,
  nexthop: string,
  { signal = new AbortController().signal, ageMs = NOW_MS, message = MESSAGE }: DeliverOptions = {},
): Promise<string[]> {
  const results: string[] = []
  const job = {
    queueId: 'Q1',
    transport: 'smtp',
    nexthop,
    sender: 'ana@self.test',
    recipients: [{ id: 1, address: 'bob@far.test', original: '', transport: 'smtp', nexthop }],
    arrivalMs: NOW_MS - ageMs,
    sizeOctets: message.length,
    smtpUtf8: false,
    saslUsername: '',
    at: { segment: 0, offset: 0, length: message.length },
    read: (from: number, to: number) => message.subarray(from, to),
  }
  await agent.deliver(
    job,
    (_, { status, text, ...result }, relay) => results.push(`${result.dsn} ${status} ${relay} ${text}`),
    signal,
  )
  return results
}
