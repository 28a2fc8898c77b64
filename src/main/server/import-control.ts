/**
 * `postigo mailbox import` asks for this over the control socket: it reads the folders with their owners' rights, the server
 * writes. A batch of messages lies in a file of the data directory, which is the server's and root's alone: a line of JSON that
 * says what they are, then their content.
 */
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { splitList } from '../../io/config/mod.ts'
import type { Account } from '../../mail/accounts/mod.ts'
import { localParams } from '../../mail/delivery/mod.ts'
import type { Appending, AppendOptions, Imported, Refusal } from '../../mail/store/mod.ts'
import type { ControlAnswer, ControlRequest } from './control.ts'
import type { Rooms } from './rooms.ts'

export type ImportRooms = Pick<Rooms, 'paths' | 'clock'> & {
  readonly current: Pick<Rooms['current'], 'accounts' | 'store' | 'config' | 'tables'>
}

/** One message of a batch, as the file's first line has it. */
export interface BatchMessage {
  readonly length: number
  readonly flags: readonly string[]
  readonly internalDateMs: number
  readonly imported: Imported
}

export const BATCH_NAME = /^import-[0-9a-f]{32}$/
const PIECE = 1_048_576
/** Addresses without an account that are told. */
const WITHOUT_LIMIT = 1000
/** The line that says what is in it. */
const HEAD_LIMIT = 4 * 1_048_576
/** A batch that lies so long was left by an import that was killed. */
const LEFT_MS = 3_600_000

export async function answerImport(rooms: ImportRooms, request: ControlRequest): Promise<ControlAnswer> {
  const { store } = rooms.current
  const id = Number(request['id'])
  switch (request.command) {
    case 'import-open':
      sweep(rooms)
      return open(rooms, request)
    case 'import-known':
      return { ok: true, known: store.importedFrom(id, String(request['after'])) }
    case 'import-batch':
      return batch(rooms, request)
    case 'import-finish': {
      const refused = await store.finishImport(id, Number(request['uidNext'] ?? 0))
      return refused === undefined ? { ok: true } : no(refused)
    }
    case 'import-content':
      return { ok: true, content: await store.importedContent(id) }
    case 'import-subscribe':
      return subscribe(rooms, request)
    case 'import-virtual':
      return { ok: true, mailboxes: await virtualMailboxes(rooms.current), without: withoutAccount(rooms.current) }
    default:
      return { ok: false, error: `unknown request: ${request.command}` }
  }
}

/** Who is meant: an account, or a user of the system, whose account is made when there is none. */
async function accountOf(rooms: ImportRooms, { account, systemUser }: ControlRequest): Promise<Account | undefined> {
  const { accounts } = rooms.current
  if (typeof systemUser === 'string') return accounts.ofSystemUser(systemUser)
  return typeof account === 'string' ? accounts.find(account) : undefined
}

async function open(rooms: ImportRooms, request: ControlRequest): Promise<ControlAnswer> {
  const account = await accountOf(rooms, request)
  if (account === undefined) return { ok: false, error: `there is no account ${String(request['account'])}` }
  const { store } = rooms.current
  const uidValidity = typeof request['uidValidity'] === 'number' ? request['uidValidity'] : undefined
  const [source, mailbox] = [String(request['source']), String(request['mailbox'])]
  const target = await store.openImport(account.id, { source, mailbox, uidValidity })
  return 'refused' in target ? no(target) : { ok: true, account: account.id, target }
}

async function subscribe(rooms: ImportRooms, request: ControlRequest): Promise<ControlAnswer> {
  const account = await accountOf(rooms, request)
  if (account === undefined) return { ok: false, error: `there is no account ${String(request['account'])}` }
  const names = Array.isArray(request['names']) ? request['names'].map(String) : []
  const unknown: string[] = []
  for (const name of names) {
    const refused = await rooms.current.store.setSubscribed(account.id, name, true)
    if (refused !== undefined) unknown.push(name)
  }
  return { ok: true, unknown }
}

/** Where virtual(8) would put the mail of accounts in hosted domains. */
async function virtualMailboxes({ accounts, config, tables }: ImportRooms['current']): Promise<object[]> {
  const { virtual_mailbox_maps: names, virtual_mailbox_base: base } = config.bind(localParams)
  const maps = splitList(names).map((name) => tables.open(name))
  const found: object[] = []
  for (const { localPart, domain } of accounts.list()) {
    if (domain === '') continue
    const address = `${localPart}@${domain}`
    for (const map of maps) {
      const result = (await map.get(address)) ?? (await map.get(`@${domain}`))
      if (result === undefined) continue
      found.push({ address, path: base === '' ? result : join(base, result) })
      break
    }
  }
  return found
}

/** Addresses of the tables that can be listed, whose mail would be left for want of an account. */
function withoutAccount({ accounts, config, tables }: ImportRooms['current']): object[] {
  const { virtual_mailbox_maps: names, virtual_mailbox_base: base } = config.bind(localParams)
  const found: object[] = []
  for (const name of splitList(names))
    for (const [address, result] of tables.open(name).entries?.() ?? []) {
      if (!/^[^@]+@[^@]+$/.test(address) || accounts.find(address) !== undefined) continue
      found.push({ address, path: base === '' ? result : join(base, result) })
      if (found.length >= WITHOUT_LIMIT) return found
    }
  return found
}

async function batch({ paths, current }: ImportRooms, request: ControlRequest): Promise<ControlAnswer> {
  const name = String(request['file'])
  if (!BATCH_NAME.test(name)) return { ok: false, error: 'not a batch' }
  const path = join(paths.dir, name)
  const fd = openSync(path, 'r')
  try {
    const { messages, contentAt } = readHead(fd)
    const appending = current.store.beginAppend(Number(request['account']), String(request['takes']))
    if ('refused' in appending) return no(appending)
    return await append(appending, messages, fd, contentAt)
  } finally {
    closeSync(fd)
    unlinkSync(path)
  }
}

async function append(
  appending: Appending,
  messages: readonly BatchMessage[],
  fd: number,
  contentAt: number,
): Promise<ControlAnswer> {
  try {
    let at = contentAt
    for (const { length, ...rest } of messages) {
      const options: AppendOptions = { ...rest, sizeOctets: length }
      const refused = await appending.take(pieces(fd, at, at + length), options)
      if (refused !== undefined) return no(refused)
      at += length
    }
    const made = await appending.commit()
    return 'refused' in made ? no(made) : { ok: true, uids: made.map(({ uid }) => uid) }
  } finally {
    appending.discard()
  }
}

function no({ refused, text }: Refusal): ControlAnswer {
  return { ok: false, error: text, refused }
}

function* pieces(fd: number, from: number, to: number): Generator<Buffer> {
  for (let at = from; at < to;) {
    const piece = Buffer.allocUnsafe(Math.min(PIECE, to - at))
    const read = readSync(fd, piece, 0, piece.length, at)
    if (read === 0) throw new Error('the batch is cut short')
    at += read
    yield piece.subarray(0, read)
  }
}

function readHead(fd: number): { messages: BatchMessage[]; contentAt: number } {
  const head = Buffer.alloc(Math.min(HEAD_LIMIT, fstatSync(fd).size))
  const read = readSync(fd, head, 0, head.length, 0)
  const end = head.subarray(0, read).indexOf('\n')
  if (end < 0) throw new Error('the batch has no head')
  const { messages } = JSON.parse(head.toString('utf8', 0, end)) as { messages: BatchMessage[] } // only root and the owner write there
  return { messages, contentAt: end + 1 }
}

function sweep({ paths, clock }: ImportRooms): void {
  for (const name of readdirSync(paths.dir)) {
    if (!BATCH_NAME.test(name)) continue
    const path = join(paths.dir, name)
    const stat = statSync(path, { throwIfNoEntry: false })
    if (stat !== undefined && clock.now() - stat.mtimeMs > LEFT_MS) unlinkSync(path)
  }
}
