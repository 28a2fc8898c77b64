/**
 * IMAP on one large mailbox: what clients do when they open, read, mark, search, sort and file. `npm run bench -- imap`; by itself
 * `node bench/imap/mailbox.ts [--quick] [--sizes=1000,10000] [--only=STORE] [--dovecot=maildir]`.
 */
import { ImapClient } from './client.ts'
import { Comparison, type Line, progress } from './compare.ts'
import { message } from './corpus.ts'
import { type MailServer, startServers, USERS } from './servers.ts'
import { idle } from '../usage.ts'

/** A session of one server. */
interface Target {
  readonly server: MailServer
  client: ImapClient
}

type MailboxLine = Line<Target>

/** Messages of one APPEND while filling, and in the line that measures it. */
const BATCH = 50
/** No more are copied, moved and expunged at once. */
const MOVED_LIMIT = 10_000
/** Until what forgetting itself costs is over. */
const FORGOTTEN_MS = 500
/** SELECTs of one run. */
const SELECTS = 20
/** The list that Thunderbird asks for. */
const THUNDERBIRD =
  'UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)]'

const boxOf = (size: number): string => `big${size}`
/** Cheap commands are repeated until so many messages were looked at, so that a run is long enough to be measured. */
const ENOUGH = 100_000
const timesOf = (size: number): number => Math.min(10, Math.max(1, Math.round(ENOUGH / size)))

const say =
  (text: string, times = 1) =>
  async ({ client }: Target): Promise<void> => {
    for (let i = 0; i < times; i++) await client.command(text)
  }

/** All kept things are dropped, and a new session selects. */
function afresh(size: number): (target: Target) => Promise<void> {
  return async (target) => {
    await target.client.logout()
    await target.server.forget()
    await new Promise((wake) => setTimeout(wake, FORGOTTEN_MS))
    target.client = await ImapClient.open(target.server.ports.imap, USERS[0])
    if (size > 0) await target.client.command(`SELECT ${boxOf(size)}`)
  }
}

async function emptied({ client }: Target, mailbox: string): Promise<void> {
  await client.command(`DELETE ${mailbox}`).catch(() => undefined) // the first time it is not there
  await client.command(`CREATE ${mailbox}`)
}

function openingLines(size: number): MailboxLine[] {
  const select = `SELECT ${boxOf(size)}`
  return [
    { name: 'SELECT cold, a command', operations: 1, cold: true, prepare: afresh(0), run: say(select) },
    { name: 'SELECT warm, a command', operations: SELECTS, run: say(select, SELECTS) },
  ]
}

function fetchLines(size: number): MailboxLine[] {
  const times = timesOf(size)
  const read = Math.min(size, 1000)
  const line = (name: string, items: string, cold = false): MailboxLine => ({
    name: `FETCH ${name}`,
    ...(cold
      ? { cold, operations: size, prepare: afresh(size), run: say(`FETCH 1:* (${items})`) }
      : { operations: size * times, run: say(`FETCH 1:* (${items})`, times) }),
  })
  const scattered = Array.from({ length: read }, (_, i) => 1 + ((i * 7919) % size)).join(',')
  return [
    line('(UID FLAGS)', 'UID FLAGS'),
    line('ENVELOPE cold', 'ENVELOPE', true),
    line('ENVELOPE warm', 'ENVELOPE'),
    line('header fields cold', THUNDERBIRD, true),
    line('header fields warm', THUNDERBIRD),
    { name: 'FETCH BODY[]', operations: 5 * read, run: say(`FETCH 1:${read} BODY.PEEK[]`, 5) },
    { name: 'FETCH BODY[] scattered', operations: 5 * read, run: say(`FETCH ${scattered} BODY.PEEK[]`, 5) },
  ]
}

function searchLines(size: number): MailboxLine[] {
  const line = (command: string, times = timesOf(size), name = command): MailboxLine => ({
    name,
    operations: size * times,
    run: say(command, times),
  })
  return [
    line('SEARCH UNSEEN'),
    line('SEARCH SUBJECT "budget 1"'),
    line('SEARCH BODY "throughput kernel"', 1),
    line('SEARCH BODY "zebra crossing"', 1),
    line('SORT (DATE) UTF-8 ALL', timesOf(size), 'SORT DATE'),
    line('THREAD REFERENCES UTF-8 ALL', timesOf(size), 'THREAD REFERENCES'),
  ]
}

function appendLines(count: number): MailboxLine[] {
  const messages = Array.from({ length: count }, (_, i) => message(i))
  const line = (name: string, batch: number): MailboxLine => ({
    name,
    operations: count,
    prepare: (target) => emptied(target, 'appended'),
    async run({ client }) {
      for (let i = 0; i < count; i += batch) await client.append('appended', messages.slice(i, i + batch))
    },
  })
  return [line('APPEND one by one', 1), line(`MULTIAPPEND of ${BATCH}`, BATCH)]
}

function filingLines(size: number): MailboxLine[] {
  const count = Math.min(size, MOVED_LIMIT)
  const copied = async (target: Target): Promise<void> => {
    await target.client.command(`SELECT ${boxOf(size)}`)
    await emptied(target, 'copied')
    await target.client.command(`COPY 1:${count} copied`)
    await target.client.command('SELECT copied')
  }
  return [
    {
      name: 'STORE 1:* +FLAGS',
      operations: size,
      prepare: say('STORE 1:* -FLAGS.SILENT (\\Flagged)'),
      run: say('STORE 1:* +FLAGS (\\Flagged)'),
    },
    {
      name: 'COPY',
      operations: count,
      async prepare(target) {
        await emptied(target, 'copied')
        await target.client.command(`SELECT ${boxOf(size)}`)
      },
      run: say(`COPY 1:${count} copied`),
    },
    {
      name: 'MOVE',
      operations: count,
      async prepare(target) {
        await emptied(target, 'moved')
        await copied(target)
      },
      run: say('MOVE 1:* moved'),
    },
    {
      name: 'EXPUNGE',
      operations: count,
      async prepare(target) {
        await copied(target)
        await target.client.command('STORE 1:* +FLAGS.SILENT (\\Deleted)')
      },
      run: say('EXPUNGE'),
    },
  ]
}

async function fill(servers: readonly MailServer[], size: number): Promise<void> {
  const clients = await Promise.all(servers.map(({ ports, filler }) => ImapClient.open(ports.imap, filler)))
  for (const client of clients) await client.command(`CREATE ${boxOf(size)}`)
  for (let i = 0; i < size; i += BATCH) {
    progress(`filling: ${i} of ${size}`)
    const messages = Array.from({ length: Math.min(BATCH, size - i) }, (_, k) => message(i + k))
    await Promise.all(clients.map((client) => client.append(boxOf(size), messages)))
  }
  for (const client of clients) await client.logout()
  progress('waiting until what came is indexed')
  for (const { pid } of servers) await idle(pid)
}

async function benchSize(servers: readonly MailServer[], size: number, quick: boolean): Promise<void> {
  await fill(servers, size)
  const targets = await Promise.all(
    servers.map(async (server) => ({ server, client: await ImapClient.open(server.ports.imap, USERS[0]) })),
  )
  progress('')
  console.log(`\nIMAP, a mailbox of ${size} messages`)
  const comparison = new Comparison(targets, quick || size > MOVED_LIMIT ? 2 : 3)
  const only = process.argv.find((arg) => arg.startsWith('--only='))?.slice('--only='.length) ?? ''
  const select = (): Promise<unknown> => Promise.all(targets.map(say(`SELECT ${boxOf(size)}`)))
  const groups = [openingLines, fetchLines, searchLines, () => appendLines(quick ? 200 : 1000), filingLines]
  for (const group of groups) {
    await select()
    for (const line of group(size)) if (line.name.includes(only)) await comparison.line(line)
  }
  comparison.memory()
  for (const { client } of targets) await client.logout()
}

/** Prints a table for each size. */
export async function benchMailbox(quick: boolean): Promise<void> {
  const sizes = process.argv.find((arg) => arg.startsWith('--sizes='))?.slice('--sizes='.length)
  const servers = await startServers()
  try {
    for (const size of sizes?.split(',').map(Number) ?? (quick ? [10_000] : [10_000, 100_000]))
      await benchSize(servers, size, quick)
  } finally {
    for (const server of servers) await server.stop()
  }
}

if (import.meta.main) await benchMailbox(process.argv.includes('--quick'))
