/** `user+extension`: recipient_delimiter, as Postfix's split_addr(3) cuts. */
import { joinAddress, splitAddress } from './mailbox.ts'

export interface ExtensionSettings {
  /** recipient_delimiter: the first of these characters that is found parts the two. */
  readonly delimiters: string
  /** owner_request_special: owner-list and list-request are names of their own. */
  readonly ownerRequestSpecial: boolean
  /** double_bounce_sender, which is never cut. */
  readonly doubleBounceSender: string
}

export interface Extension {
  readonly bare: string
  readonly delimiter: string
  /** Without its delimiter. */
  readonly extension: string
}

/** undefined: there is no extension, or the name must stay whole. */
export function splitExtension(local: string, settings: ExtensionSettings): Extension | undefined {
  const { delimiters, ownerRequestSpecial, doubleBounceSender } = settings
  if (delimiters === '' || isSystemName(local, doubleBounceSender)) return undefined
  if (ownerRequestSpecial && delimiters.includes('-') && isListName(local)) return undefined
  for (let i = 0; i < local.length; i++) {
    if (!delimiters.includes(local.charAt(i))) continue
    // Nothing in front or behind: the delimiter belongs to the name.
    if (i === 0 || i === local.length - 1) return undefined
    return { bare: local.slice(0, i), delimiter: local.charAt(i), extension: local.slice(i + 1) }
  }
  return undefined
}

/** The same for a whole address; `bare` keeps the domain. */
export function splitAddressExtension(address: string, settings: ExtensionSettings): Extension | undefined {
  const { local, domain } = splitAddress(address)
  const cut = splitExtension(local, settings)
  return cut && { ...cut, bare: joinAddress({ local: cut.bare, domain }) }
}

function isSystemName(local: string, doubleBounceSender: string): boolean {
  const folded = local.toLowerCase()
  return folded === 'postmaster' || folded === 'mailer-daemon' || folded === doubleBounceSender.toLowerCase()
}

function isListName(local: string): boolean {
  const folded = local.toLowerCase()
  return folded.startsWith('owner-') || (folded.endsWith('-request') && folded.length > '-request'.length)
}
