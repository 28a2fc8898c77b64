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
  /** verp_delimiter_filter and default_verp_delimiters. */
  readonly verpFilter: string
  readonly verpDefault: string
}

/** RFC 3461 §5.4: ENVID and ORCPT may be 100 and 500 octets long. */
const ENVID_LIMIT = 100
const ORCPT_LIMIT = 500

const NONE: MailParameters = Object.freeze({ sizeOctets: 0, smtpUtf8: false })

const words = (text: string): string[] => text.split(/[ \t]+/).filter((word) => word !== '')

function unsupported(word: string): SmtpError {
  return new SmtpError(555, '5.5.4', `Unsupported option: ${word}`)
}

function dsnOff(): SmtpError {
  return new SmtpError(501, '5.7.1', 'DSN support is disabled')
}

export function parseMailParameters(text: string, offered: Offered): MailParameters {
  if (text === '') return NONE
  const found: { -readonly [N in keyof MailParameters]: MailParameters[N] } = { ...NONE }
  for (const word of words(text)) {
    const [name, value] = cut(word)
    if (value === undefined) {
      if (name === 'SMTPUTF8' && offered.smtpUtf8) found.smtpUtf8 = true
      else if (name === 'XVERP' && offered.verp) found.verp = verp(undefined, offered)
      else throw unsupported(word)
      continue
    }
    switch (name) {
      case 'SIZE':
        found.sizeOctets = size(value)
        break
      case 'BODY':
        if (!/^(7BIT|8BITMIME)$/i.test(value)) throw unsupported(word)
        found.body = value.toUpperCase() === '7BIT' ? '7BIT' : '8BITMIME'
        break
      case 'AUTH': // RFC 4954 §5: who vouches for the sender is not believed, as if it were AUTH=<>
        break
      case 'RET':
        if (!offered.dsn) throw dsnOff()
        found.ret = ret(value, found.ret !== undefined)
        break
      case 'ENVID':
        if (!offered.dsn) throw dsnOff()
        found.envid = envid(value, found.envid !== undefined)
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

/** RFC 1870 §4: up to 20 digits; more than a number holds is too big in any case. */
function size(value: string): number {
  if (!/^\d{1,20}$/.test(value)) throw new SmtpError(501, '5.5.4', 'Bad message size syntax')
  return Number(value)
}

function ret(value: string, twice: boolean): 'FULL' | 'HDRS' {
  const word = value.toUpperCase()
  if (!twice && (word === 'FULL' || word === 'HDRS')) return word
  throw new SmtpError(501, '5.5.4', 'Bad RET parameter syntax')
}

/** RFC 3461 §4.4: what was encoded is printable ASCII, so that it can stand in a report's field. */
function envid(value: string, twice: boolean): string {
  const decoded = twice || value === '' || value.length > ENVID_LIMIT ? undefined : decodeXtext(value)
  if (decoded === undefined || !/^[ -~]+$/.test(decoded)) {
    throw new SmtpError(501, '5.5.4', 'Bad ENVID parameter syntax')
  }
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
    const [name, value] = cut(word)
    if (value === undefined || (name !== 'NOTIFY' && name !== 'ORCPT')) throw unsupported(word)
    if (!offered.dsn) throw dsnOff()
    if (name === 'NOTIFY') found.notify = notify(value, found.notify !== undefined)
    else found.orcpt = orcpt(value, found.orcpt !== undefined)
  }
  return found
}

function cut(word: string): [string, string?] {
  const equals = word.indexOf('=')
  return equals < 0 ? [word.toUpperCase()] : [word.slice(0, equals).toUpperCase(), word.slice(equals + 1)]
}

const NOTIFY = ['NEVER', 'SUCCESS', 'FAILURE', 'DELAY'] as const

function notify(value: string, twice: boolean): RecipientDsn['notify'] {
  const wanted = new Set(value.toUpperCase().split(','))
  const known = NOTIFY.filter((word) => wanted.has(word))
  const wrong = twice || known.length !== wanted.size || (known.includes('NEVER') && known.length > 1)
  if (wrong) throw new SmtpError(501, '5.5.4', 'Error: Bad NOTIFY parameter syntax')
  return known
}

/** `type;address`: the address is xtext, or for `utf-8` addresses with `\x{…}` forms (RFC 6533 §3), kept as it came. */
function orcpt(value: string, twice: boolean): string {
  const semicolon = value.indexOf(';')
  const type = value.slice(0, semicolon)
  const decoded = twice || value.length > ORCPT_LIMIT ? undefined : decodeXtext(value.slice(semicolon + 1))
  if (semicolon < 1 || !/^[A-Za-z0-9-]+$/.test(type) || decoded === undefined || /\p{Cc}/u.test(decoded)) {
    throw new SmtpError(501, '5.5.4', 'Error: Bad ORCPT parameter syntax')
  }
  return `${type};${decoded}`
}
