/** Who a delivery is for, in the words of local(8): recipient, local part, user, extension. */
import { splitAddress, splitExtension } from '../../../formats/address/mod.ts'
import { expandText } from '../../../io/config/mod.ts'
import type { ClientFacts, DeliveryJob } from '../../queue/mod.ts'

export interface Addressee {
  readonly recipient: string
  /** The local part, folded, with its extension. */
  readonly local: string
  readonly user: string
  readonly extension: string
  /** `+` where there is an extension. */
  readonly delimiter: string
  readonly domain: string
  readonly original: string
  /** What Delivered-To names. */
  readonly delivered: string
  readonly sender: string
  readonly client: ClientFacts | undefined
  readonly saslUsername: string
}

export interface AddresseeSettings {
  readonly recipient_delimiter: string
  readonly owner_request_special: boolean
  readonly double_bounce_sender: string
}

export function addresseeOf(
  job: Pick<DeliveryJob, 'sender' | 'client' | 'saslUsername'>,
  recipient: DeliveryJob['recipients'][number],
  cf: AddresseeSettings,
): Addressee {
  const { local, domain = '' } = splitAddress(recipient.address)
  const folded = local.toLowerCase()
  const cut = splitExtension(folded, {
    delimiters: cf.recipient_delimiter,
    ownerRequestSpecial: cf.owner_request_special,
    doubleBounceSender: cf.double_bounce_sender,
  })
  // local(8): an extension that leads into directories is none.
  const usable = cut?.extension.includes('/') === false
  return {
    recipient: recipient.address,
    local: cut === undefined || usable ? folded : cut.bare,
    user: cut?.bare ?? folded,
    extension: usable ? cut.extension : '',
    delimiter: usable ? cut.delimiter : '',
    domain,
    original: recipient.original === '' ? recipient.address : recipient.original,
    delivered: recipient.delivered ?? recipient.address,
    sender: job.sender,
    client: job.client,
    saslUsername: job.saslUsername,
  }
}

/** Rights to deliver with; a home and a shell only where a user stands behind them. */
export interface Rights {
  readonly uid: number
  readonly gid: number
  readonly home?: string
  readonly shell?: string
}

export interface Filled {
  readonly text: string
  /** A name had no value: a file name with it is none. */
  readonly missing: boolean
  /** The extension stands in the text. */
  readonly withExtension: boolean
}

/** Fills in $user, $home and the like; what a value brings is filtered. Throws ExpandError. */
export function fillIn(template: string, to: Addressee, rights: Rights, filter: string): Filled {
  const values = namesOf(to, rights)
  let missing = false
  let withExtension = false
  const lookup = (name: string): string | undefined => {
    const used = name.startsWith(USED)
    const value = values[used ? name.slice(USED.length) : name] || undefined
    if (used && value === undefined) missing = true
    if (used && name === `${USED}extension`) withExtension = true
    return value === undefined ? undefined : filtered(value, filter)
  }
  // Names that are put in are told from those that are only asked about (`${name?…}`).
  const marked = template.replace(
    /\$(?:\{(\w+)\}|\((\w+)\)|(\w+))/g,
    (_, a: string | undefined, b: string | undefined, c: string | undefined) => `\${${USED}${a ?? b ?? c ?? ''}}`,
  )
  return { text: expandText(marked, { lookup, recurse: false }), missing, withExtension }
}

const USED = 'used_'

function namesOf(to: Addressee, rights: Rights): Readonly<Record<string, string | undefined>> {
  return {
    user: to.user,
    home: rights.home,
    shell: rights.shell,
    domain: to.domain,
    local: to.local,
    mailbox: to.local,
    recipient: to.recipient,
    extension: to.extension,
    recipient_delimiter: to.delimiter,
    client_address: to.client?.address,
    client_helo: to.client?.helo,
    client_hostname: to.client?.name,
    client_protocol: to.client?.protocol,
    sasl_method: to.client?.saslMethod,
    sasl_sender: to.client?.saslSender,
    sasl_username: to.saslUsername,
  }
}

/** Characters that are not allowed become `_`, octet by octet as in Postfix. */
export function filtered(value: string, allowed: string): string {
  return Array.from(value, (c) => (allowed.includes(c) ? c : '_'.repeat(Buffer.byteLength(c)))).join('')
}
