/**
 * One life of a server whose queue has all kinds of work, in a process of its own that may be ended between any two writes.
 *
 *     queue-life.ts DIR KILL-AT SAY [first USERS]     KILL-AT: a place's number or name; SAY: `list` says each place's name
 *
 * `first` hands the messages of queue-work.ts in, and says `accepted NAME` for each that is. Every life does what a postmaster
 * does to what waits, until nothing does, and then says what came into mailboxes: `mail USER JSON`.
 */
import { readdirSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Users } from './queue-work.ts'
import { countWrites } from './write-points.ts'

/** Only what goes wrong takes so long, or a machine with much else to do. */
const LIMIT_MS = 40_000

const [dir = '', killAt = '0', how = '', which = '', names = '{}'] = process.argv.slice(2)
const say = (line: string): void => void writeSync(1, `${line}\n`)
await countWrites({
  dir,
  killAt: /^\d+$/.test(killAt) ? Number(killAt) : killAt,
  ...(how === 'list' && { onPoint: (name: string) => say(`point ${name}`) }),
})
const { Server } = await import('#src/main/server/server.ts')
const { answerQueue } = await import('#src/main/server/queue-control.ts')
const { DropWriter, publicPaths } = await import('#src/main/server/maildrop.ts')
const { tellDropped } = await import('#src/main/server/public-socket.ts')
const { WORK } = await import('./queue-work.ts')
const { handIn } = await import('./hand-in.ts')
const { messagesIn } = await import('./mailbox.ts')

const { server } = await Server.start({ directory: dir, portOffset: 0, freePorts: true, singleThread: true })
const { rooms } = server
const port = server.services.find(({ name }) => name === 'smtp')?.port ?? 0
const paths = publicPaths(rooms.current.config)

async function handAllIn(): Promise<void> {
  const users = JSON.parse(names) as Users
  for (const { name, to: given, parameters = '', drop, user } of WORK) {
    if (user !== undefined && users[user] === undefined) continue
    const to = user === undefined ? given : [`${users[user]}@mail.example.test`]
    const text = `Subject: ${name}\r\n\r\n${'x'.repeat(200)}\r\n`
    if (drop !== undefined) {
      const recipients = to.map((address) => ({ address }))
      const file = new DropWriter(paths.maildrop, { sender: 'ana@mail.example.test', recipients, ...drop })
      file.write(Buffer.from(text))
      file.finish()
      say(`accepted ${name}`)
      await tellDropped(paths)
      continue
    }
    const steps = [
      'EHLO client.test',
      'MAIL FROM:<ana@mail.example.test>',
      ...to.map((address) => `RCPT TO:<${address}>${parameters}`),
      'DATA',
      `${text}.`,
    ]
    if (await handIn(port, steps)) say(`accepted ${name}`)
  }
}

const ask = (request: Parameters<typeof answerQueue>[1]): ReturnType<typeof answerQueue> => answerQueue(rooms, request)

/** What is done to a message that waits, by its recipient's domain. */
const DEEDS: Readonly<Record<string, { readonly operation: string; readonly at: 'hold' | 'deferred' }>> = {
  'held.test': { operation: 'release', at: 'hold' },
  'deleted.test': { operation: 'delete', at: 'hold' },
  'expired.test': { operation: 'expire', at: 'deferred' },
  'parked.test': { operation: 'hold', at: 'deferred' },
  'moved.test': { operation: 'requeue', at: 'deferred' },
}

/** What was not finished is nobody's message, and goes after a day. */
const isWhole = (name: string): boolean => (statSync(join(paths.maildrop, name)).mode & 0o100) !== 0

async function work(): Promise<boolean> {
  const { messages } = rooms.desk.page()
  for (const { queueId, queue, recipients, forcedExpire } of messages) {
    const domain = recipients[0]?.address.split('@')[1] ?? ''
    // What was parked is let go by hand, once.
    const deed = queue === 'hold' && domain === 'parked.test' ? DEEDS['held.test'] : DEEDS[domain]
    const isParked = domain === 'parked.test' && (recipients[0]?.attempts ?? 0) > 1
    if (deed === undefined || deed.at !== queue || forcedExpire || isParked) continue
    const selection = { queueIds: [queueId], queues: ['hold', 'deferred'] }
    if (deed.operation === 'requeue') {
      writeFileSync(join(dir, 'virtual'), 'never@moved.test first@far.test, second@far.test\n')
      rooms.reload()
      await ask({ command: 'queue-requeue', ...selection })
    } else await ask({ command: 'queue-operate', operation: deed.operation, ...selection })
  }
  if (messages.some(({ queue }) => queue === 'deferred')) await ask({ command: 'queue-flush' })
  const ended = rooms.db.read.sql('SELECT count(*) FROM queue_message').get()
  const dropped = rooms.db.read.sql('SELECT count(*) FROM queue_dropped').get()
  return ended?.[0] !== 0 || dropped?.[0] !== 0 || readdirSync(paths.maildrop).some(isWhole)
}

function leftOver(): string {
  const rows = (table: string): unknown => rooms.db.read.sql(`SELECT * FROM ${table}`).all()
  const drops = readdirSync(paths.maildrop).filter(isWhole)
  return JSON.stringify([rows('queue_message'), rows('queue_recipient'), rows('queue_dropped'), drops])
}

if (which === 'first') await handAllIn()
const end = Date.now() + LIMIT_MS
while (await work()) {
  if (Date.now() > end) throw new Error(`something waits still: ${leftOver()}`)
  await new Promise((wake) => setTimeout(wake, 10))
}
for (const { localPart } of rooms.current.accounts.list())
  for (const box of ['INBOX', 'lists'])
    for (const text of await messagesIn({ server } as Parameters<typeof messagesIn>[0], localPart, box))
      say(`mail ${localPart} ${JSON.stringify(text)}`)
await server.stop()
say('over')
