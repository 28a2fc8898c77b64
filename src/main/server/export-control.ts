/**
 * `postigo mailbox export` asks for this over the control socket. Messages are left in a file of the data directory, a line of
 * JSON that says what they are and then their content; the command reads and removes it.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, openSync, readdirSync, statSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { AccountId } from '../../mail/accounts/mod.ts'
import type { Selected, StoredMessage } from '../../mail/store/mod.ts'
import type { ControlAnswer, ControlRequest } from './control.ts'
import type { ImportRooms } from './import-control.ts'

export interface ExportedMailbox {
  readonly name: string
  readonly subscribed: boolean
  readonly uidValidity: number
  readonly uidNext: number
  readonly keywords: readonly string[]
}

export interface ExportedMessage {
  readonly length: number
  readonly uid: number
  readonly uidl: string
  readonly flags: readonly string[]
  readonly internalDateMs: number
}

export const EXPORT_NAME = /^export-[0-9a-f]{32}$/
const BATCH = 200
const UIDLS = 5000
const BATCH_OCTETS = 8 * 1024 * 1024
const PIECE = 1_048_576
/** What a command that was killed left. */
const LEFT_MS = 3_600_000

export async function answerExport(rooms: ImportRooms, request: ControlRequest): Promise<ControlAnswer> {
  const { accounts } = rooms.current
  if (request.command === 'export-accounts') {
    sweep(rooms)
    const all = accounts.list().map(({ localPart, domain }) => (domain === '' ? localPart : `${localPart}@${domain}`))
    return { ok: true, accounts: all }
  }
  const account = accounts.find(String(request['account']))
  if (account === undefined) return { ok: false, error: `there is no account ${String(request['account'])}` }
  switch (request.command) {
    case 'export-mailboxes':
      return { ok: true, mailboxes: await mailboxes(rooms, account.id) }
    case 'export-uidls':
      return uidls(rooms, account.id, request)
    case 'export-batch':
      return batch(rooms, account.id, request)
    default:
      return { ok: false, error: `unknown request: ${request.command}` }
  }
}

async function opened({ current }: ImportRooms, account: AccountId, name: string): Promise<Selected | undefined> {
  const selected = await current.store.select(account, name, { readOnly: true })
  if ('refused' in selected) return undefined
  await selected.refresh({ expunges: true })
  return selected
}

async function mailboxes(rooms: ImportRooms, account: AccountId): Promise<ExportedMailbox[]> {
  const found: ExportedMailbox[] = []
  for (const { name, subscribed, selectable } of rooms.current.store.mailboxes(account)) {
    const selected = selectable ? await opened(rooms, account, name) : undefined
    if (selected === undefined) continue
    const { uidValidity, uidNext } = selected
    const keywords = selected.keywords.filter((word) => !word.startsWith('\\'))
    found.push({ name, subscribed, uidValidity, uidNext, keywords })
    selected.close()
  }
  return found
}

/** What POP3 calls the next messages from behind a UID: that tells a message from all others, wherever it lies. */
async function uidls(rooms: ImportRooms, account: AccountId, request: ControlRequest): Promise<ControlAnswer> {
  const selected = await opened(rooms, account, String(request['mailbox']))
  if (selected === undefined) return { ok: true, uidls: [] } // deleted this moment
  try {
    const from = selected.lowerBound(Number(request['after']) + 1)
    const to = Math.min(selected.count, from + UIDLS - 1)
    if (to < from) return { ok: true, uidls: [] }
    const seqs = Array.from({ length: to - from + 1 }, (_, i) => from + i)
    return { ok: true, uidls: selected.uidlsOf(seqs), last: selected.uidAt(to) }
  } finally {
    selected.close()
  }
}

/** The next messages from behind a UID; `last` is undefined at the end. */
async function batch(rooms: ImportRooms, account: AccountId, request: ControlRequest): Promise<ControlAnswer> {
  const selected = await opened(rooms, account, String(request['mailbox']))
  if (selected === undefined) return { ok: false, error: `there is no mailbox ${String(request['mailbox'])}` }
  try {
    const seqs: number[] = []
    const sinceMs = Number(request['sinceMs'] ?? 0)
    let octets = 0
    for (let seq = selected.lowerBound(Number(request['after']) + 1); seq <= selected.count; seq++) {
      if (selected.internalDateMsAt(seq) < sinceMs) continue
      seqs.push(seq)
      octets += selected.sizeAt(seq)
      if (seqs.length === BATCH || octets > BATCH_OCTETS) break
    }
    const last = seqs.at(-1)
    if (last === undefined) return { ok: true }
    return { ok: true, file: await leave(rooms, selected, seqs), last: selected.uidAt(last) }
  } finally {
    selected.close()
  }
}

async function leave({ paths, current }: ImportRooms, selected: Selected, seqs: readonly number[]): Promise<string> {
  const uidls = selected.uidlsOf(seqs)
  const found: { head: ExportedMessage; message: StoredMessage }[] = []
  let at = 0
  for await (const rows of selected.messages(seqs))
    for (const message of rows) {
      const [seq = 0, uidl = ''] = [seqs[at], uidls[at]]
      at++
      if (message === undefined) continue // expunged this moment
      const [uid, flags, internalDateMs] = [selected.uidAt(seq), selected.flagsAt(seq), selected.internalDateMsAt(seq)]
      found.push({ head: { length: message.sizeOctets, uid, uidl, flags, internalDateMs }, message })
    }
  const name = `export-${randomBytes(16).toString('hex')}`
  const fd = openSync(join(paths.dir, name), 'wx', 0o600)
  try {
    writeAll(fd, Buffer.from(`${JSON.stringify({ messages: found.map(({ head }) => head) })}\n`))
    for (const { message } of found)
      for (let from = 0; from < message.sizeOctets; from += PIECE)
        writeAll(fd, current.store.read(message, from, Math.min(message.sizeOctets, from + PIECE)))
  } finally {
    closeSync(fd)
  }
  return name
}

function writeAll(fd: number, octets: Buffer): void {
  for (let at = 0; at < octets.length;) at += writeSync(fd, octets, at)
}

function sweep({ paths, clock }: ImportRooms): void {
  for (const name of readdirSync(paths.dir)) {
    const path = join(paths.dir, name)
    const stat = EXPORT_NAME.test(name) ? statSync(path, { throwIfNoEntry: false }) : undefined
    if (stat !== undefined && clock.now() - stat.mtimeMs > LEFT_MS) unlinkSync(path)
  }
}
