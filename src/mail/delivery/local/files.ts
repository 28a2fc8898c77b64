/** Delivery to an mbox or a Maildir of a user (Postfix: mailbox.c, file.c, maildir.c of local(8)). */
import { hostname } from 'node:os'
import type { RecipientResult } from '../../queue/mod.ts'
import type { FileAnswer, FileRights, FileTool } from './file-tool.ts'

export interface LockSettings {
  readonly locks: readonly string[]
  readonly deliver_lock_attempts: number
  readonly deliver_lock_delay: number
  readonly stale_lock_time: number
}

export interface FileDelivery {
  readonly path: string
  readonly rights: FileRights
  /** The message with its From_ line where it is an mbox, without for a Maildir. */
  readonly copy: (style: 'mbox' | 'maildir') => Iterable<Buffer>
  /** Octets that the file may have afterwards; 0 is no limit. */
  readonly limit: number
  /** A mailbox of somebody, or any file that an alias names. */
  readonly what: { readonly mailboxOf: string; readonly strictOwner: boolean; readonly virtual?: boolean } | 'file'
  readonly nowMs: number
  /** Called with where in the mbox the message begins. */
  readonly onMbox?: (offset: number) => void
}

/** Maildir where the name ends in `/`, else mbox. */
export async function deliverToFile(
  tool: FileTool,
  delivery: FileDelivery,
  cf: LockSettings,
): Promise<RecipientResult> {
  const { path, rights, copy, limit, what } = delivery
  if (path.endsWith('/')) return maildir(tool, delivery)
  const answer = await tool(rights, {
    verb: 'mbox',
    paths: [path],
    input: copy('mbox'),
    words: {
      ...lockWords(cf),
      create: 1,
      limit,
      ...(what === 'file' ? { may_fail: 1, no_exec: 1 } : { mailbox: 1, owner: what.strictOwner ? rights.uid : 0 }),
    },
  })
  if (answer.ok) delivery.onMbox?.(Number(answer.said))
  if (answer.ok) return sent(what === 'file' ? `delivered to file: ${path}` : 'delivered to mailbox')
  return failed(answer, reasonFor(path, what), usualStatus(what))
}

/** Postfix's words in front of what went wrong. */
function reasonFor(path: string, what: FileDelivery['what']): string {
  if (what === 'file') return `cannot append message to file ${path}: `
  return what.virtual === true
    ? `delivery failed to mailbox ${path}: `
    : `cannot update mailbox ${path} for user ${what.mailboxOf}. `
}

export function lockWords(cf: LockSettings): Record<string, string | number> {
  return {
    locks: cf.locks.join(','),
    attempts: cf.deliver_lock_attempts,
    delay: cf.deliver_lock_delay / 1000,
    stale: cf.stale_lock_time / 1000,
  }
}

async function maildir(
  tool: FileTool,
  { path, rights, copy, nowMs, limit, what }: FileDelivery,
): Promise<RecipientResult> {
  const host = hostname().replaceAll('/', '\\057').replaceAll(':', '\\072')
  const seconds = Math.floor(nowMs / 1000)
  const words = { seconds, micros: Math.floor((nowMs % 1000) * 1000), host, limit }
  const answer = await tool(rights, { verb: 'maildir', paths: [path], words, input: copy('maildir') })
  return answer.ok ? sent('delivered to maildir') : failed(answer, 'maildir delivery failed: ', usualStatus(what))
}

const sent = (text: string): RecipientResult => ({ status: 'sent', dsn: '2.0.0', text })

/** Postfix: mbox_dsn. */
const STATUS: Readonly<Record<string, string>> = {
  EAGAIN: '4.2.0',
  ESTALE: '4.2.0',
  ENOSPC: '4.3.0',
  EDQUOT: '5.2.2',
  EFBIG: '5.2.2',
  EREFUSED: '4.3.5', // ours: the server may not act as this user
}

/** What Postfix makes of all other failures: virtual(8) has mail wait. */
const usualStatus = (what: FileDelivery['what']): string =>
  what !== 'file' && what.virtual === true ? '4.2.0' : '5.2.0'

function failed(answer: FileAnswer & { ok: false }, before: string, usual: string): RecipientResult {
  const dsn = STATUS[answer.errno] ?? usual
  return { status: dsn.startsWith('4') ? 'deferred' : 'bounced', dsn, text: before + answer.text }
}
