/** Mailbox names on the wire: modified UTF-7 for IMAP4rev1, UTF-8 for IMAP4rev2. RFC 3501 §5.1.3, RFC 9051 §5.1. */
import { ImapError } from './error.ts'

/** UTF-8 (inside) to modified UTF-7. */
export function encodeMailbox(name: string): string {
  let out = ''
  let run = ''
  const flush = (): void => {
    if (run !== '')
      out += `&${Buffer.from(run, 'utf16le').swap16().toString('base64').replace(/=+$/, '').replaceAll('/', ',')}-`
    run = ''
  }
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i)
    if (code < 0x20 || code > 0x7e) run += name[i]
    else {
      flush()
      out += code === 0x26 ? '&-' : name[i]
    }
  }
  flush()
  return out
}

/**
 * What a client wrote to the name inside. Octets outside ASCII are taken as UTF-8 as they are (RFC 6855, and many clients
 * without it). A wrong encoding is a name that cannot be: NO [CANNOT].
 */
export function decodeMailbox(text: string): string {
  const name = text.includes('&') ? decodeUtf7(text) : text
  // After decoding, for `&AAo-` is a line feed.
  // oxlint-disable-next-line no-control-regex -- control characters are what no name may hold
  if (/[\x00-\x1f\x7f]/.test(name))
    throw new ImapError('NO', 'Mailbox name holds control characters', { code: 'CANNOT' })
  return name
}

function decodeUtf7(text: string): string {
  return text.replace(/&([^-]*)(-?)/g, (_, code: string, end: string) => {
    if (end === '' || !/^[A-Za-z0-9+,]*$/.test(code)) throw wrong()
    if (code === '') return '&'
    const octets = Buffer.from(code.replaceAll(',', '/'), 'base64')
    if (octets.length % 2 !== 0 || octets.length === 0) throw wrong()
    const decoded = Buffer.from(octets).swap16().toString('utf16le')
    // RFC 3501 §5.1.3: one name, one encoding.
    if (encodeMailbox(decoded) !== `&${code}-` || !decoded.isWellFormed()) throw wrong()
    return decoded
  })
}

function wrong(): ImapError {
  return new ImapError('NO', 'Mailbox name is not in modified UTF-7', { code: 'CANNOT' })
}
