/** Addresses and ESMTP parameters in a filter's requests: in the form that SMTP has, and no more to be trusted. */
import { parseAddressList } from '../../formats/address/mod.ts'
import {
  type Envelope,
  type Offered,
  parseMailParameters,
  parseRcptParameters,
  type RecipientDsn,
  SmtpError,
} from '../../formats/smtp/mod.ts'

const OFFERED: Offered = { dsn: true, smtpUtf8: false, verp: false, verpFilter: '', verpDefault: '' }

/** Of a parameter, in a warning. */
const WARNED = 100

/**
 * The first address, brackets and quotes off; undefined: there is none. `more`: there were others. `unfit`: it holds a control
 * character, and is none: it would end a line of the next server's, or of the message.
 */
export function addressIn(text: string): {
  readonly address: string | undefined
  readonly more: boolean
  readonly unfit?: true
} {
  if (/\p{Cc}/u.test(text.trim())) return { address: undefined, more: false, unfit: true }
  const found = parseAddressList(text).filter((item) => item.kind === 'mailbox' && item.local !== '')
  const [first] = found
  if (first?.kind !== 'mailbox') return { address: undefined, more: false }
  return { address: first.domain === '' ? first.local : `${first.local}@${first.domain}`, more: found.length > 1 }
}

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '')

/** RET and ENVID are taken over; `bad`: what is not. */
export function senderParameters(text: string): {
  readonly dsn: Pick<Envelope, 'ret' | 'envid'>
  readonly bad: readonly string[]
} {
  const bad: string[] = []
  let dsn: Pick<Envelope, 'ret' | 'envid'> = {}
  for (const word of words(text)) {
    try {
      if (!/^(RET|ENVID)=/i.test(word)) throw new SmtpError(555, '5.5.4', 'Unsupported option')
      const { ret, envid } = parseMailParameters(word, OFFERED)
      dsn = { ...dsn, ...(ret !== undefined && { ret }), ...(envid !== undefined && { envid }) }
    } catch (error) {
      if (!(error instanceof SmtpError)) throw error
      bad.push(word)
    }
  }
  return { dsn, bad }
}

/** NOTIFY and ORCPT; `problems`: what is wrong with the others. */
export function recipientParameters(text: string): {
  readonly dsn: RecipientDsn
  readonly problems: readonly string[]
} {
  const problems: string[] = []
  let dsn: RecipientDsn = {}
  for (const word of words(text)) {
    const [, name] = /^(NOTIFY|ORCPT)=/i.exec(word) ?? []
    try {
      if (name !== undefined) dsn = { ...dsn, ...parseRcptParameters(word, OFFERED) }
      else problems.push(`ignoring ESMTP argument from Milter or header/body_checks: "${word.slice(0, WARNED)}"`)
    } catch (error) {
      if (!(error instanceof SmtpError)) throw error
      problems.push(
        `Bad ${name?.toUpperCase()} parameter from Milter or header/body_checks: "${word.slice(0, WARNED)}"`,
      )
    }
  }
  return { dsn, problems }
}
