/** ESMTP parameters of MAIL and RCPT. RFC 5321 §4.1.2, RFC 1870, RFC 6152, RFC 3461, RFC 6531. Texts are Postfix's. */
import type { Envelope, RecipientDsn } from './contract.ts'
import { SmtpError } from './error.ts'
import { decodeXtext } from './xtext.ts'

export interface MailParameters extends Pick<Envelope, 'ret' | 'envid' | 'body' | 'smtpUtf8' | 'verp'> {
  readonly sizeOctets: number
}

/** What the listener offers; a parameter that is not offered is unsupported. */
export interface Offered {
  readonly dsn: boolean
  readonly smtpUtf8: boolean
  readonly verp: boolean
  readonly auth: boolean
  /** verp_delimiter_filter and default_verp_delimiters. */
  readonly verpFilter: string
  readonly verpDefault: string
}

/** RFC 3461 §5.4: ENVID and ORCPT may be 100 and 500 octets long. */
const ENVID_LIMIT = 100
const ORCPT_LIMIT = 500

const words = (text: string): string[] => text.split(/[ \t]+/).filter((word) => word !== '')

function unsupported(word: string): SmtpError {
  return new SmtpError(555, '5.5.4', `Unsupported option: ${word}`)
}

export function parseMailParameters(text: string, offered: Offered): MailParameters {
  const found: { -readonly [N in keyof MailParameters]: MailParameters[N] } = { sizeOctets: 0, smtpUtf8: false }
  for (const word of words(text)) {
    const [name, value] = cut(word)
    switch (name) {
      case 'SIZE':
        if (value === undefined || !/^\d{1,20}$/.test(value))
          throw new SmtpError(501, '5.5.4', 'Bad message size syntax')
        found.sizeOctets = Number(value)
        break
      case 'BODY':
        if (!/^(7BIT|8BITMIME)$/i.test(value ?? '')) throw unsupported(word)
        found.body = value?.toUpperCase() === '7BIT' ? '7BIT' : '8BITMIME'
        break
      case 'SMTPUTF8':
        if (!offered.smtpUtf8 || value !== undefined) throw unsupported(word)
        found.smtpUtf8 = true
        break
      case 'AUTH': // RFC 4954 §5: who vouches for it is not asked for here
        if (!offered.auth || value === undefined || decodeXtext(value) === undefined) throw unsupported(word)
        break
      case 'RET':
        if (!offered.dsn) throw unsupported(word)
        found.ret = ret(value)
        break
      case 'ENVID':
        if (!offered.dsn) throw unsupported(word)
        found.envid = envid(value)
        break
      case 'XVERP':
        if (!offered.verp) throw unsupported(word)
        found.verp = verp(value, offered)
        break
      default:
        throw unsupported(word)
    }
  }
  return found
}

function ret(value: string | undefined): 'FULL' | 'HDRS' {
  const word = value?.toUpperCase()
  if (word === 'FULL' || word === 'HDRS') return word
  throw new SmtpError(501, '5.5.4', 'Bad RET parameter syntax')
}

function envid(value: string | undefined): string {
  const decoded = value === undefined || value === '' || value.length > ENVID_LIMIT ? undefined : decodeXtext(value)
  if (decoded === undefined) throw new SmtpError(501, '5.5.4', 'Bad ENVID parameter syntax')
  return decoded
}

function verp(value: string | undefined, { verpFilter, verpDefault }: Offered): string {
  const delimiters = value ?? verpDefault
  if (delimiters.length !== 2 || delimiters.split('').some((c) => !verpFilter.includes(c))) {
    throw new SmtpError(501, '5.5.4', 'Error: XVERP needs two characters from ' + verpFilter)
  }
  return delimiters
}

export function parseRcptParameters(text: string, offered: Offered): RecipientDsn {
  const found: { -readonly [N in keyof RecipientDsn]: RecipientDsn[N] } = {}
  for (const word of words(text)) {
    const [name, value = ''] = cut(word)
    if (name === 'NOTIFY' && offered.dsn) found.notify = notify(value)
    else if (name === 'ORCPT' && offered.dsn) found.orcpt = orcpt(value)
    else throw unsupported(word)
  }
  return found
}

function cut(word: string): [string, string?] {
  const equals = word.indexOf('=')
  return equals < 0 ? [word.toUpperCase()] : [word.slice(0, equals).toUpperCase(), word.slice(equals + 1)]
}

const NOTIFY = ['NEVER', 'SUCCESS', 'FAILURE', 'DELAY'] as const

function notify(value: string): RecipientDsn['notify'] {
  const wanted = value.toUpperCase().split(',')
  const known = NOTIFY.filter((word) => wanted.includes(word))
  const wrong = known.length !== new Set(wanted).size || (known.includes('NEVER') && known.length > 1)
  if (wrong) throw new SmtpError(501, '5.5.4', 'Error: Bad NOTIFY parameter syntax')
  return known
}

function orcpt(value: string): string {
  const semicolon = value.indexOf(';')
  const decoded = value.length > ORCPT_LIMIT ? undefined : decodeXtext(value.slice(semicolon + 1))
  if (semicolon < 1 || !/^[A-Za-z0-9-]+$/.test(value.slice(0, semicolon)) || decoded === undefined || decoded === '') {
    throw new SmtpError(501, '5.5.4', 'Error: Bad ORCPT parameter syntax')
  }
  return `${value.slice(0, semicolon)};${decoded}`
}
