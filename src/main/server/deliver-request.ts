/**
 * `postigo deliver`: a message that a user's script puts into a mailbox. It lies in a file of the maildrop, whose owner is who
 * asks (as for the public socket); its first line is its own name, so that a link to somebody else's file is none.
 */
import { closeSync, constants, fstatSync, openSync, readSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Tx } from '../../io/db/mod.ts'
import { toWire } from '../../mail/delivery/mod.ts'
import type { Account } from '../../mail/accounts/mod.ts'
import type { ControlAnswer, ControlRequest } from './control.ts'
import { DROP_NAME } from './maildrop.ts'
import type { Rooms } from './rooms.ts'
import { userById } from '../../mail/delivery/mod.ts'

export type DeliverRooms = { readonly current: Pick<Rooms['current'], 'accounts' | 'store' | 'cf' | 'config'> }

/** What went wrong, as sysexits(3) names it; the command exits so. */
export type DeliverFault = 'dataErr' | 'noUser' | 'cantCreat' | 'tempFail' | 'noPerm'

export interface Left {
  readonly uid: number
  readonly message: Buffer
}

export async function answerDeliver(
  maildrop: string,
  { current }: DeliverRooms,
  request: ControlRequest,
): Promise<ControlAnswer> {
  const limit = Number(current.config.value('message_size_limit') ?? 0)
  const left = takeFile(maildrop, String(request['file']), limit)
  if (typeof left === 'string') return fault('dataErr', left)
  const [account, folder, sender] = ['account', 'folder', 'sender'].map((name) => textOf(request[name]))
  return deliverLeft(left, { account, folder, sender }, current)
}

export interface DeliverWords {
  readonly account: string | undefined
  readonly folder: string | undefined
  readonly sender: string | undefined
}

/** @param also happens with the message's entry, in one transaction */
export async function deliverLeft(
  { uid, message: octets }: Left,
  { account: named, folder = 'INBOX', sender }: DeliverWords,
  current: DeliverRooms['current'],
  also?: (tx: Tx) => void,
): Promise<ControlAnswer> {
  const account = await accountFor(uid, named, current)
  if ('ok' in account) return account
  const head = sender === undefined ? '' : `Return-Path: <${sender.replace(/[<>\r\n]/g, '')}>\r\n`
  const message = Buffer.concat([Buffer.from(head), toWire(withoutFromLine(octets))])
  return deposit({ account: account.id, folder, message, also }, current)
}

interface Deposit {
  readonly account: number
  readonly folder: string
  readonly message: Buffer
  readonly also: ((tx: Tx) => void) | undefined
}

async function deposit(
  { account, folder, message, also }: Deposit,
  { store }: DeliverRooms['current'],
): Promise<ControlAnswer> {
  await store.provision(account)
  if (store.status(account, folder) === undefined) {
    const made = await store.createMailbox(account, folder)
    if ('refused' in made && made.refused !== 'ALREADYEXISTS') return fault('cantCreat', `${folder}: ${made.text}`)
    await store.setSubscribed(account, folder, true)
  }
  const made = await store.append(account, folder, [message], {
    sizeOctets: message.length,
    flags: [],
    ...(also !== undefined && { also }),
  })
  return 'refused' in made ? fault('tempFail', made.text) : { ok: true, uid: made.uid }
}

/** Root and who runs the server name any account; everybody else has one, of the same name. */
async function accountFor(
  uid: number,
  named: string | undefined,
  { accounts }: DeliverRooms['current'],
): Promise<Account | (ControlAnswer & { ok: false })> {
  const user = (await userById(uid))?.name
  const mayName = uid === 0 || uid === process.getuid?.()
  if (named === undefined || named === user) {
    if (user === undefined) return fault('noUser', `user id ${uid} has no name`)
    return accounts.ofSystemUser(user)
  }
  if (!mayName) return fault('noPerm', `${user ?? uid} may not deliver to ${named}`)
  return accounts.find(named) ?? fault('noUser', `unknown user: "${named}"`)
}

function takeFile(maildrop: string, name: string, limit: number): Left | string {
  if (!DROP_NAME.test(name)) return 'not a file of the maildrop'
  const path = join(maildrop, name)
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const { uid, nlink, size, mode } = fstatSync(fd)
      if (nlink !== 1 || (mode & constants.S_IFMT) !== constants.S_IFREG) return 'it has another name'
      const head = name.length + 1
      if (limit > 0 && size - head > limit) return 'message file too big'
      const octets = Buffer.alloc(size)
      for (let at = 0; at < size;) {
        const n = readSync(fd, octets, at, size - at, at)
        if (n === 0) break
        at += n
      }
      return octets.toString('latin1', 0, head) === `${name}\n`
        ? { uid, message: octets.subarray(head) }
        : 'it is not the asker’s'
    } finally {
      closeSync(fd)
      unlinkSync(path)
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** The mbox's own line, which mail programs put in front for their LDA. */
function withoutFromLine(message: Buffer): Buffer {
  if (message.toString('latin1', 0, 5) !== 'From ') return message
  return message.subarray(message.indexOf('\n') + 1)
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function fault(kind: DeliverFault, text: string): ControlAnswer & { ok: false } {
  return { ok: false, error: `${kind}: ${text}` }
}
