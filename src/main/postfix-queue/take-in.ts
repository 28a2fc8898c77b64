/**
 * Messages of Postfix's queue go into ours, each once: its record completes the file (`Completion.dropped`), and then the file
 * is put aside into `postfix-queue` of the data directory.
 */
import { closeSync, constants, copyFileSync, fstatSync, mkdirSync, openSync, readFileSync, unlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { filterHop, filterRoute, intakeParams, returned, takeOver } from '../../mail/intake/mod.ts'
import { userById } from '../../mail/delivery/mod.ts'
import type { ClientFacts, QueuedRecipient } from '../../mail/queue/mod.ts'
import { routesOf } from '../server/requeue.ts'
import type { Rooms } from '../server/rooms.ts'
import { logsOf, type PostfixFile } from './find.ts'
import { type Failure, type PostfixMessage, type PostfixRecipient, readFailures, readMessage } from './message.ts'
import { QueueFileError } from './records.ts'

/** What became of a file. */
export interface TakenIn {
  readonly path: string
  readonly queueId: string
  readonly result: 'taken' | 'empty' | 'left'
  /** Why it was left. */
  readonly text: string
}

/** A file that is larger is no message of ours. */
const FILE_LIMIT = 1024 * 1024 * 1024
const WHOLE = 0o100

export async function takeInFile(rooms: Rooms, file: PostfixFile): Promise<TakenIn> {
  const left = (text: string): TakenIn => ({ path: file.path, queueId: file.queueId, result: 'left', text })
  try {
    const read = readFile(file.path)
    if (typeof read === 'string') return left(read)
    const message = readMessage(read.octets)
    const key = `postfix ${file.queueId} ${message.arrivalMs ?? read.mtimeMs}`
    const { db } = rooms
    const isKnown = db.read.sql('SELECT 1 FROM queue_dropped WHERE name = ?').get(key) !== undefined
    let result: TakenIn['result'] = 'taken'
    if (!isKnown) {
      const refused = await takeIn(rooms, file, message, { ...read, key })
      if (refused === 'empty') result = refused
      else if (refused !== undefined) return left(refused)
    }
    putAside(rooms, file)
    await db.write((tx) => void tx.sql('DELETE FROM queue_dropped WHERE name = ?').run(key))
    return { path: file.path, queueId: file.queueId, result, text: '' }
  } catch (error) {
    if (error instanceof QueueFileError) return left(`octet ${error.offset}: ${error.message}`)
    return left(error instanceof Error ? error.message : String(error))
  }
}

interface ReadFile {
  readonly octets: Buffer
  readonly mtimeMs: number
  readonly uid: number
}

function readFile(path: string): ReadFile | string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const { mode, size, mtimeMs, uid } = fstatSync(fd)
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) return 'it is no file'
    if ((mode & WHOLE) === 0) return 'it was never finished: Postfix had not said yes to it'
    if (size > FILE_LIMIT) return `it has ${size} octets`
    return { octets: readFileSync(fd), mtimeMs: Math.floor(mtimeMs), uid }
  } finally {
    closeSync(fd)
  }
}

/** undefined: done; `empty`: nobody waits; else why not. */
function takeIn(
  rooms: Rooms,
  file: PostfixFile,
  message: PostfixMessage,
  read: ReadFile & { readonly key: string },
): Promise<string | undefined> {
  return file.queue === 'maildrop' ? submitDropped(rooms, message, read) : queueTaken(rooms, file, message, read)
}

/** Mail that pickup(8) has not seen goes the way of mail that is dropped now. */
async function submitDropped(
  { current }: Rooms,
  message: PostfixMessage,
  { uid, mtimeMs, key }: ReadFile & { readonly key: string },
): Promise<string | undefined> {
  const { router, pickupIntake: intake } = current
  const user = await userById(uid)
  const given = message.sender ?? user?.name ?? 'unknown'
  const sender = given === '' ? '' : router.standard(given)
  const { attributes, recipients, content, ret, verp, smtpUtf8, fullName, arrivalMs = mtimeMs } = message
  if (recipients.length === 0) return 'it has no recipients'
  const isOurs = attributes.get('rewrite_context') !== 'remote'
  const submission = intake.open(
    {
      origin: 'pickup',
      clientAddress: '',
      clientName: 'localhost',
      helo: String(uid),
      protocol: '',
      rewriteHeaders: isOurs,
    },
    {
      effects: [],
      sizeHint: sizeOf(content),
      arrivalMs,
      recipients: 0,
      firstRecipient: '',
      sender,
      ...(fullName !== undefined && { fullName }),
      completes: { dropped: key },
    },
  )
  if ('code' in submission) return submission.lines.join(' ')
  for (const piece of content) {
    const wait = submission.write(piece)
    if (wait !== undefined) await wait
  }
  const body = attributes.get('encoding') === '8bit' ? '8BITMIME' : undefined
  const envelope = { sender, ret, envid: attributes.get('envelope_id'), body, verp, smtpUtf8 } as const
  const to = recipients.map(({ address, notify, orcpt }) => ({
    address: router.standard(address),
    ...(notify !== undefined && { notify }),
    ...(orcpt !== undefined && { orcpt }),
  }))
  const reply = await submission.finish({ ...envelope, recipients: to })
  return reply.code < 400 ? undefined : `${reply.code} ${reply.lines.join(' ')}`
}

async function queueTaken(
  rooms: Rooms,
  file: PostfixFile,
  message: PostfixMessage,
  { mtimeMs, key }: ReadFile & { readonly key: string },
): Promise<string | undefined> {
  const { current, desk } = rooms
  const deps = current.intakeDepsOf(current.config)
  const queueDirectory = current.config.value('queue_directory') ?? ''
  const sender = message.sender ?? ''
  const failures = (kind: 'defer' | 'bounce'): Failure[] =>
    readFailures(
      logsOf(queueDirectory, kind, file.queueId)
        .map((path) => readFileSync(path, 'utf8'))
        .join('\n'),
    )
  const deferred = new Map(failures('defer').map((one) => [one.recipient, one]))
  const recipients: QueuedRecipient[] = []
  for (const recipient of message.recipients) {
    const routes = await routesFor(rooms, message, recipient, sender)
    const failure = deferred.get(recipient.address)
    const since = failure && { nextAttemptMs: mtimeMs, status: failure.status, reason: failure.reason }
    recipients.push(...routes.map((route) => ({ ...route, ...(since !== undefined && { deferred: since }) })))
  }
  // Those whose report Postfix had not made yet: the sender hears of them from us.
  for (const { recipient, status, reason } of failures('bounce'))
    recipients.push(returned({ recipient, original: '' }, status, reason))
  if (recipients.length === 0) return 'empty'
  const { attributes, content, ret, verp, smtpUtf8, arrivalMs = mtimeMs } = message
  const isTaken = desk.message(file.queueId) !== undefined
  await takeOver(deps, {
    queueId: isTaken ? deps.queueIds.next(rooms.clock.now()) : file.queueId,
    arrivalMs,
    sender,
    ret,
    verp,
    smtpUtf8,
    envid: attributes.get('envelope_id'),
    body: attributes.get('encoding') === '8bit' ? '8BITMIME' : undefined,
    hold: file.queue === 'hold',
    warned: message.warned,
    saslUsername: attributes.get('sasl_username') ?? '',
    client: clientOf(attributes),
    completes: { dropped: key },
    recipients,
    content,
    sizeOctets: sizeOf(content),
  })
  deps.onQueued()
  return undefined
}

const sizeOf = (content: readonly Buffer[]): number => content.reduce((sum, { length }) => sum + length, 0)

/** As for a recipient that waits in our queue: aliases of a domain of ours are followed, all else is past that. */
async function routesFor(
  { current }: Rooms,
  { filter }: PostfixMessage,
  { address, original, notify, orcpt }: PostfixRecipient,
  sender: string,
): Promise<QueuedRecipient[]> {
  const asked = { ...(notify !== undefined && { notify }), ...(orcpt !== undefined && { orcpt }) }
  const route = filterRoute(filter ?? '', current.config.bind(intakeParams))
  if (route !== undefined) return [{ ...asked, address, original, ...filterHop(route, address), routedBy: 'filter' }]
  const now = await current.router.resolve(address, sender)
  if (now.addressClass !== 'local' && now.addressClass !== 'virtual-alias')
    return [{ ...asked, address, original, transport: now.transport, nexthop: now.nexthop }]
  const routes = await routesOf(current.router, address, sender)
  return routes.map((one) => ({ ...asked, ...one, ...(original !== '' && { original }) }))
}

function clientOf(attributes: ReadonlyMap<string, string>): ClientFacts | undefined {
  const value = (name: string): string => attributes.get(name) ?? ''
  if (value('log_client_address') === '') return undefined
  const port = Number(value('log_client_port'))
  return {
    address: value('log_client_address'),
    name: value('log_client_name'),
    helo: value('log_helo_name'),
    protocol: value('log_protocol_name'),
    saslMethod: value('sasl_method'),
    saslSender: value('sasl_sender'),
    ...(port > 0 && { port }),
    ...(value('rewrite_context') === 'local' && { local: true }),
  }
}

/** Out of Postfix's way, but not gone: the original with its logs, for whoever wants to compare. */
function putAside({ paths, current }: Rooms, { queue, queueId, path }: PostfixFile): void {
  const aside = join(paths.dir, 'postfix-queue')
  moveFile(path, join(aside, queue, queueId))
  const queueDirectory = current.config.value('queue_directory') ?? ''
  for (const kind of ['defer', 'bounce', 'trace'] as const)
    for (const log of logsOf(queueDirectory, kind, queueId)) moveFile(log, join(aside, kind, queueId))
}

/** A copy, which belongs to the data's owner as all beside it. */
function moveFile(path: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true, mode: 0o700 })
  copyFileSync(path, to)
  unlinkSync(path)
}
