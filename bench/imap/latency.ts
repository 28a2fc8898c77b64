/** How long small commands take while others do large things: `npm run bench -- latency`. */
import { ImapClient } from './client.ts'
import { progress } from './compare.ts'
import { message } from './corpus.ts'
import { type MailServer, startServers, USERS } from './servers.ts'
import { quantile } from '../usage.ts'

/** Between two NOOPs. */
const EVERY_MS = 3
const LARGE_OCTETS = 100 * 1024 * 1024
const BATCH = 50

/** What the other client does. */
interface Work {
  readonly name: string
  run(client: ImapClient): Promise<unknown>
}

function works(size: number): Work[] {
  const fetch = (items: string): Work => ({
    name: `FETCH 1:${size} ${items}`,
    run: (client) => client.command(`FETCH 1:* (${items})`),
  })
  const line = Buffer.from(`${'x'.repeat(76)}\r\n`)
  const large = Buffer.concat([Buffer.from('Subject: large\r\n\r\n'), Buffer.alloc(LARGE_OCTETS, line)])
  return [
    fetch('UID FLAGS'),
    fetch('ENVELOPE'),
    fetch('BODY.PEEK[]'),
    { name: `STORE 1:${size} +FLAGS`, run: (client) => client.command('STORE 1:* +FLAGS (\\Flagged)') },
    { name: 'SEARCH BODY', run: (client) => client.command('SEARCH BODY "zebra crossing"') },
    { name: 'SORT SUBJECT', run: (client) => client.command('SORT (SUBJECT) UTF-8 ALL') },
    { name: 'THREAD REFERENCES', run: (client) => client.command('THREAD REFERENCES UTF-8 ALL') },
    { name: 'COPY', run: (client) => client.command('COPY 1:* copied') },
    { name: 'APPEND of 100 MB', run: (client) => client.append('copied', [{ content: large, options: '()' }]) },
  ]
}

/** Milliseconds that each NOOP took while `work` ran. */
async function latencies({ ports }: MailServer, work: Work, size: number): Promise<number[]> {
  const busy = await ImapClient.open(ports.imap, USERS[0])
  const small = await ImapClient.open(ports.imap, USERS[1])
  await busy.command(`SELECT big${size}`)
  await small.command('SELECT INBOX')
  const times: number[] = []
  let running = true
  const done = work.run(busy).finally(() => (running = false))
  while (running) {
    const from = performance.now()
    await small.command('NOOP')
    times.push(performance.now() - from)
    await new Promise((wake) => setTimeout(wake, EVERY_MS))
  }
  await done
  await busy.logout()
  await small.logout()
  return times
}

async function fill({ ports, filler }: MailServer, size: number): Promise<void> {
  const client = await ImapClient.open(ports.imap, filler)
  await client.command(`CREATE big${size}`)
  await client.command('CREATE copied')
  for (let i = 0; i < size; i += BATCH) {
    progress(`filling: ${i} of ${size}`)
    await client.append(
      `big${size}`,
      Array.from({ length: BATCH }, (_, k) => message(i + k)),
    )
  }
  progress('')
  await client.logout()
}

/** Prints the table. */
export async function benchLatency(quick: boolean): Promise<void> {
  const size = quick ? 10_000 : 100_000
  const servers = await startServers()
  try {
    console.log('\nms of NOOP while another client works'.padEnd(36) + '  server   NOOPs     p50     p99     max')
    for (const server of servers) {
      await fill(server, size)
      for (const work of works(size)) {
        progress(`${work.name}, ${server.name}`)
        const times = await latencies(server, work, size)
        progress('')
        const cells = [0.5, 0.99, 1].map((part) => quantile(times, part).toFixed(1).padStart(8))
        console.log(work.name.padEnd(35) + server.name.padStart(8) + String(times.length).padStart(8) + cells.join(''))
      }
    }
  } finally {
    for (const server of servers) await server.stop()
  }
}

if (import.meta.main) await benchLatency(process.argv.includes('--quick'))
