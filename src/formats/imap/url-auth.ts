/** URLs that carry the right to read a message or a part of it. RFC 4467 §3, RFC 5092 §6, §11. */
import { type MessageUrl, parseMessageUrl } from './imap-url.ts'

/** Who may use it. */
export type UrlAccess =
  | { readonly access: 'submit' | 'user'; readonly user: string }
  | { readonly access: 'authuser' | 'anonymous' }

export interface AuthUrl {
  /** What the token is made of: all before `:mechanism:token`. */
  readonly rump: string
  /** Whose mailbox it is, as a log-in name. */
  readonly user: string
  readonly message: MessageUrl & { readonly mailbox: string }
  /** In ms since 1970; undefined: never. */
  readonly expireMs: number | undefined
  readonly access: UrlAccess
  /** In capitals, with the token in small letters; undefined: to be authorised yet. */
  readonly proof: { readonly mechanism: string; readonly token: string } | undefined
}

/** Octets of a URL at the most. */
export const URL_LIMIT = 4096

const FORM =
  /^(?<rump>imap:\/\/(?<user>[^;:@/?#]+)(?:;AUTH=[^@/;?]+)?@[^/;?@]+\/(?<path>[^?]+?)(?:;EXPIRE=(?<expire>[^;]+))?;URLAUTH=(?<access>(?:submit|user)\+[^;:/?]+|authuser|anonymous))(?::(?<mechanism>[A-Za-z0-9.-]+):(?<token>[0-9A-Fa-f]{32,}))?$/i

/** undefined: not such a URL. That of a mailbox, of a list or of a search is none (RFC 4467 §3). */
export function parseAuthUrl(text: string): AuthUrl | undefined {
  if (text.length > URL_LIMIT || !/^[!-~]+$/.test(text)) return undefined
  const { rump, user, path, expire, access, mechanism, token } = FORM.exec(text)?.groups ?? {}
  if (rump === undefined || user === undefined || path === undefined || access === undefined) return undefined
  const message = parseMessageUrl(path)
  const expireMs = expire === undefined ? undefined : dateTimeOf(expire)
  if (message?.mailbox === undefined || Number.isNaN(expireMs)) return undefined
  try {
    return {
      rump,
      user: decodeURIComponent(user),
      message: { ...message, mailbox: message.mailbox },
      expireMs,
      access: accessOf(access),
      proof:
        token === undefined ? undefined : { mechanism: (mechanism ?? '').toUpperCase(), token: token.toLowerCase() },
    }
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}

function accessOf(text: string): UrlAccess {
  const plus = text.indexOf('+')
  const word = text.slice(0, plus < 0 ? undefined : plus).toLowerCase()
  if (word === 'authuser' || word === 'anonymous') return { access: word }
  return { access: word === 'submit' ? 'submit' : 'user', user: decodeURIComponent(text.slice(plus + 1)) }
}

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i

/** RFC 3339 §5.6; NaN where it is none. */
function dateTimeOf(text: string): number {
  const plain = text.replaceAll(/%3a/gi, ':').replaceAll(/%2b/gi, '+')
  return DATE_TIME.test(plain) ? Date.parse(plain) : Number.NaN
}
