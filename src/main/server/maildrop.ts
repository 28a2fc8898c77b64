/**
 * The maildrop: where any user of the machine leaves a message, whether the server runs or not (Postfix: postdrop(1)).
 *
 * It is a directory of mode 1733: everybody may make files in it, only the server may see which there are, and nobody may
 * touch another's. A file's owner is who submitted it, so that no program needs special rights. Its name has 128 random bits:
 * who did not make it cannot open it. It is written and synced first, and then marked as whole by the execute bit, as
 * Postfix's queue files are.
 *
 * A file is one line of JSON, the envelope, and the message with CRLF.
 */
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../../io/config/mod.ts'
import type { EnvelopeRecipient } from '../../formats/smtp/mod.ts'

export interface PublicPaths {
  readonly dir: string
  readonly maildrop: string
  readonly socket: string
}

export interface DropEnvelope {
  /** Undefined: who made the file. */
  readonly sender?: string
  readonly recipients: readonly EnvelopeRecipient[]
  readonly fullName?: string
  readonly ret?: 'FULL' | 'HDRS'
  readonly envid?: string
  readonly body?: '7BIT' | '8BITMIME'
  readonly verp?: string
  readonly smtpUtf8?: boolean
  /** -G: the message comes from elsewhere; its header is not completed. */
  readonly relayed?: boolean
  readonly trace?: 'verify' | 'deliver'
  /** It is for a mailbox (postigo deliver), and has no recipients. */
  readonly deliver?: DropDelivery
}

/** `account`: who made the file, where it is missing; `folder`: INBOX. */
export interface DropDelivery {
  readonly account?: string
  readonly folder?: string
}

/** The envelope's line is no longer than this. */
export const ENVELOPE_LIMIT = 4 * 1024 * 1024
export const DROP_NAME = /^[0-9a-f]{32}$/

const MAILDROP_MODE = 0o1733
const SOCKET_DIR_MODE = 0o755
/** Whole, and for the server to read, which may be another user than who made it. */
const WHOLE_MODE = 0o744
const UNFINISHED_MODE = 0o644

/** Beside the data directory, which is closed to others. */
export function publicPaths(config: Config): PublicPaths {
  const dir = join(config.value('data_directory') ?? '/var/lib/postfix', 'postigo-public')
  return { dir, maildrop: join(dir, 'maildrop'), socket: join(dir, 'socket') }
}

export function makePublicDirectory({ dir, maildrop }: PublicPaths): void {
  mkdirSync(dir, { recursive: true, mode: SOCKET_DIR_MODE })
  chmodSync(dir, SOCKET_DIR_MODE)
  mkdirSync(maildrop, { recursive: true })
  chmodSync(maildrop, MAILDROP_MODE)
}

/** A message on its way into the maildrop. */
export class DropWriter {
  readonly name = randomBytes(16).toString('hex')
  readonly #path: string
  readonly #fd: number
  #open = true

  constructor(maildrop: string, envelope: DropEnvelope) {
    this.#path = join(maildrop, this.name)
    this.#fd = openSync(this.#path, 'wx', UNFINISHED_MODE)
    fchmodSync(this.#fd, UNFINISHED_MODE)
    this.write(Buffer.from(JSON.stringify(envelope) + '\n'))
  }

  write(octets: Buffer): void {
    for (let at = 0; at < octets.length;) at += writeSync(this.#fd, octets, at)
  }

  /** It would survive a power cut when this returns. */
  finish(): void {
    fsyncSync(this.#fd)
    fchmodSync(this.#fd, WHOLE_MODE)
    fsyncSync(this.#fd)
    this.#close()
  }

  abort(): void {
    if (!this.#open) return
    this.#close()
    unlinkSync(this.#path)
  }

  #close(): void {
    this.#open = false
    closeSync(this.#fd)
  }
}

/** A file of the maildrop, open; undefined for what is none, is not whole yet, or has gone. */
export class DroppedFile {
  readonly name: string
  readonly uid: number
  /** When it was made whole. */
  readonly arrivalMs: number
  readonly envelope: DropEnvelope
  /** Of the message itself. */
  readonly sizeOctets: number
  readonly #fd: number
  readonly #contentAt: number

  private constructor(name: string, fd: number, facts: { uid: number; arrivalMs: number; size: number }) {
    this.name = name
    this.#fd = fd
    this.uid = facts.uid
    this.arrivalMs = facts.arrivalMs
    const { envelope, contentAt } = readEnvelope(fd)
    this.envelope = envelope
    this.#contentAt = contentAt
    this.sizeOctets = facts.size - contentAt
  }

  /** @throws Error for a file that is whole and not one of ours */
  static open(maildrop: string, name: string): DroppedFile | undefined {
    let fd: number
    try {
      // A link or a device that somebody put there is not followed and not waited for.
      fd = openSync(join(maildrop, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    } catch {
      return undefined
    }
    try {
      const { uid, mode, nlink, size, mtimeMs } = fstatSync(fd)
      const whole = (mode & constants.S_IFMT) === constants.S_IFREG && (mode & 0o100) !== 0
      if (whole && nlink !== 1) throw new Error('it has another name')
      if (whole) return new DroppedFile(name, fd, { uid, arrivalMs: Math.floor(mtimeMs), size })
    } catch (error) {
      closeSync(fd)
      throw error
    }
    closeSync(fd)
    return undefined
  }

  read(from: number, to: number): Buffer {
    const piece = Buffer.alloc(Math.max(0, Math.min(to, this.sizeOctets) - from))
    const length = readSync(this.#fd, piece, 0, piece.length, this.#contentAt + from)
    return piece.subarray(0, length)
  }

  close(): void {
    closeSync(this.#fd)
  }
}

function readEnvelope(fd: number): { envelope: DropEnvelope; contentAt: number } {
  const parts: Buffer[] = []
  for (let at = 0; at < ENVELOPE_LIMIT;) {
    const piece = Buffer.alloc(64 * 1024)
    const length = readSync(fd, piece, 0, piece.length, at)
    if (length === 0) break
    const end = piece.subarray(0, length).indexOf(0x0a)
    parts.push(piece.subarray(0, end < 0 ? length : end))
    if (end >= 0) return { envelope: parseEnvelope(Buffer.concat(parts).toString()), contentAt: at + end + 1 }
    at += length
  }
  throw new Error('it has no envelope')
}

/** What ends a line of a field, a report or the log, or speaks to a terminal. */
const CONTROL = /(?!\t)[\p{Cc}\p{Zl}\p{Zp}]/u

/** Anybody may have written it: only what is of the right kind is taken. */
function parseEnvelope(line: string): DropEnvelope {
  const value: unknown = JSON.parse(line)
  if (typeof value !== 'object' || value === null) throw new Error('it has no envelope')
  const fields = new Map<string, unknown>(Object.entries(value))
  const text = (name: string): string | undefined => {
    const field = fields.get(name)
    return typeof field === 'string' && !CONTROL.test(field) ? field : undefined
  }
  const [sender, fullName, ret, envid, body, verp, trace] = [
    'sender',
    'fullName',
    'ret',
    'envid',
    'body',
    'verp',
    'trace',
  ].map(text)
  return {
    recipients: recipientsOf(fields.get('recipients')),
    ...(sender !== undefined && { sender }),
    ...(fullName !== undefined && { fullName }),
    ...((ret === 'FULL' || ret === 'HDRS') && { ret }),
    ...(envid !== undefined && envid.length <= ENVID_LIMIT && { envid }),
    ...((body === '7BIT' || body === '8BITMIME') && { body }),
    ...(verp?.length === 2 && { verp }),
    ...(fields.get('smtpUtf8') === true && { smtpUtf8: true }),
    ...(fields.get('relayed') === true && { relayed: true }),
    ...((trace === 'verify' || trace === 'deliver') && { trace }),
    ...deliveryOf(fields.get('deliver')),
  }
}

function deliveryOf(value: unknown): { readonly deliver?: DropDelivery } {
  if (typeof value !== 'object' || value === null) return {}
  const account = 'account' in value && typeof value.account === 'string' ? { account: value.account } : {}
  const folder = 'folder' in value && typeof value.folder === 'string' ? { folder: value.folder } : {}
  return { deliver: { ...account, ...folder } }
}

/** RFC 3461 §4.4. */
const ENVID_LIMIT = 100
const NOTIFY = ['NEVER', 'SUCCESS', 'FAILURE', 'DELAY'] as const

function recipientsOf(value: unknown): EnvelopeRecipient[] {
  if (!Array.isArray(value)) return []
  return value.flatMap((one: unknown): EnvelopeRecipient[] => {
    if (typeof one !== 'object' || one === null || !('address' in one) || typeof one.address !== 'string') return []
    if (one.address === '' || CONTROL.test(one.address)) return []
    const asked = 'notify' in one && Array.isArray(one.notify) ? one.notify : undefined
    const notify = asked === undefined ? undefined : NOTIFY.filter((word) => asked.includes(word))
    const orcpt = 'orcpt' in one && typeof one.orcpt === 'string' && !CONTROL.test(one.orcpt) ? one.orcpt : undefined
    return [{ address: one.address, ...(notify !== undefined && { notify }), ...(orcpt !== undefined && { orcpt }) }]
  })
}
