/** Rules for mailbox names: UTF-8, `/` between levels, INBOX in capitals. RFC 9051 §5.1. */
import type { Refusal } from './contract.ts'

export interface NameLimits {
  readonly mailbox_name_length_limit: number
  readonly mailbox_depth_limit: number
}

/** C0, DEL, C1 and the separators that RFC 9051 §5.1 (Net-Unicode) forbids, and halves of surrogate pairs. */
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]|\p{Surrogate}/u

/** Before the number of an import, the name of the mailbox that it fills: no client can give or see such a name. */
export const STAGED = '\u0001import-'

/**
 * The one spelling of a name: NFC, since RFC 9051 §5.1 asks for Net-Unicode, and INBOX without regard to case, as a
 * whole and as the first level.
 */
export function canonicalName(name: string): string {
  const nfc = name.normalize('NFC')
  const slash = nfc.indexOf('/')
  const first = slash < 0 ? nfc : nfc.slice(0, slash)
  return first.toUpperCase() === 'INBOX' ? `INBOX${nfc.slice(first.length)}` : nfc
}

/** What is wrong with a name that a mailbox is to be given. Takes canonical names. */
export function nameProblem(name: string, limits: NameLimits): Refusal | undefined {
  if (name === '' || name.split('/').includes('')) return cannot('A level of the mailbox name is empty')
  if (FORBIDDEN.test(name)) return cannot('The mailbox name has control characters')
  if (Buffer.byteLength(name) > limits.mailbox_name_length_limit)
    return { refused: 'LIMIT', text: `Mailbox names have at most ${limits.mailbox_name_length_limit} octets` }
  if (name.split('/').length > limits.mailbox_depth_limit)
    return { refused: 'LIMIT', text: `Mailbox names have at most ${limits.mailbox_depth_limit} levels` }
  return undefined
}

function cannot(text: string): Refusal {
  return { refused: 'CANNOT', text }
}

/** `a/b` of `a/b/c`; undefined for a top level. */
export function parentOf(name: string): string | undefined {
  const slash = name.lastIndexOf('/')
  return slash < 0 ? undefined : name.slice(0, slash)
}

/** Superior names, the highest first: `a`, `a/b` of `a/b/c`. */
export function parentsOf(name: string): string[] {
  const levels = name.split('/')
  return levels.slice(1).map((_, i) => levels.slice(0, i + 1).join('/'))
}
