/**
 * What a mail server in Node costs at least, to be measured in the same run: a receiver that answers the dialogue, appends
 * to one log and says 250 after a shared fdatasync. No policy, no addresses, no headers.
 *
 *     floor.ts DIRECTORY bare    nothing but that
 *     floor.ts DIRECTORY rows    and, after each sync, one transaction with the rows of a mailbox; and five log lines a message
 */
import { fdatasync, mkdirSync, openSync, writeSync, writev } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'

interface Waiting {
  readonly socket: Socket
  readonly content: Buffer
}

const END = Buffer.from('\r\n.\r\n')
/** Octets that a page of 256 entries holds on average while it fills. */
const PAGE = Buffer.alloc(128 * 36)
const ENVELOPE = Buffer.alloc(300, 'e')
const FIELDS = Buffer.alloc(400, 'f')
const STRUCTURE = Buffer.alloc(120, 's')

const [directory = '.', mode = 'bare'] = process.argv.slice(2)
mkdirSync(directory, { recursive: true })
const log = openSync(join(directory, 'floor.log'), 'w')
const maillog = openSync(join(directory, 'mail.log'), 'w')
const settle = mode === 'rows' ? rows(new DatabaseSync(join(directory, 'floor.db'))) : (): void => {}

/** The statements that a batch of deliveries into one mailbox comes to. */
function rows(db: DatabaseSync): (batch: readonly Waiting[]) => void {
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4000;
    CREATE TABLE counters (id INTEGER PRIMARY KEY, n INTEGER) STRICT;
    CREATE TABLE page (id INTEGER PRIMARY KEY, data BLOB) STRICT;
    CREATE TABLE message (id INTEGER PRIMARY KEY, mailbox INTEGER, uid INTEGER, segment INTEGER, offset INTEGER,
      length INTEGER, message_id TEXT, envelope BLOB, structure BLOB, fields BLOB) STRICT;
    CREATE INDEX message_segment ON message (segment, offset);
    INSERT INTO counters VALUES (1, 0), (2, 0), (3, 0);
    INSERT INTO page VALUES (1, zeroblob(4608))`)
  const insert = db.prepare('INSERT INTO message VALUES (NULL, 1, ?, 1, ?, ?, ?, ?, ?, ?)')
  const count = db.prepare('UPDATE counters SET n = n + ? WHERE id = ?')
  const page = db.prepare('UPDATE page SET data = ? WHERE id = 1')
  const [begin, commit] = ['BEGIN IMMEDIATE', 'COMMIT'].map((sql) => db.prepare(sql)) as [StatementSync, StatementSync]
  let uid = 0
  return (batch) => {
    begin.run()
    for (const { content } of batch)
      insert.run(++uid, uid * 10_240, content.length, `<${uid}@bench.example>`, ENVELOPE, STRUCTURE, FIELDS)
    for (const id of [1, 2, 3]) count.run(batch.length, id)
    page.run(PAGE)
    commit.run()
    const line =
      'Nov 24 09:05:01 bench postfix/smtpd[1234]: 4fKzPq3wzVz1: from=<a@bench.example>, size=10240, nrcpt=1\n'
    writeSync(maillog, line.repeat(5 * batch.length))
  }
}

let waiting: Waiting[] = []
let busy = false

function commit(): void {
  if (busy || waiting.length === 0) return
  busy = true
  const batch = waiting
  waiting = []
  writev(
    log,
    batch.map(({ content }) => content),
    (error) => {
      if (error !== null) throw error
      fdatasync(log, (failed) => {
        if (failed !== null) throw failed
        settle(batch)
        for (const { socket } of batch) socket.write('250 2.0.0 Ok: queued\r\n')
        busy = false
        commit()
      })
    },
  )
}

/** The line's reply; true: content follows. */
function answer(socket: Socket, verb: string): boolean {
  if (verb === 'EHLO') socket.write('250-floor\r\n250-PIPELINING\r\n250 8BITMIME\r\n')
  else if (verb === 'DATA') socket.write('354 go\r\n')
  else if (verb === 'QUIT') socket.end('221 bye\r\n')
  else socket.write('250 2.1.0 Ok\r\n')
  return verb === 'DATA'
}

function serve(socket: Socket): void {
  let held: Buffer | undefined
  let content = false
  socket.on('error', () => {})
  socket.write('220 floor ESMTP\r\n')
  socket.on('data', (chunk: Buffer) => {
    let octets = held === undefined ? chunk : Buffer.concat([held, chunk])
    for (;;) {
      const end = content
        ? octets.indexOf(END, Math.max(0, octets.length - chunk.length - END.length))
        : octets.indexOf(0x0a)
      if (end < 0) break
      if (content) {
        waiting.push({ socket, content: octets.subarray(0, end + 2) })
        octets = octets.subarray(end + END.length)
        content = false
        commit()
      } else {
        const verb = octets.toString('latin1', 0, 4).toUpperCase()
        octets = octets.subarray(end + 1)
        content = answer(socket, verb)
      }
    }
    held = octets.length === 0 ? undefined : octets
  })
}

const server = createServer({ noDelay: true }, serve)
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 })
})
process.on('message', () => process.exit(0))
