/** The trace field that intake puts in front of every message. RFC 5321 §4.4; the layout is Postfix's. */
import { printable } from '#src/base/mod.ts'
import type { Arrival } from './contract.ts'

export interface ReceivedFacts {
  readonly arrival: Arrival
  /** `''` for a message that has none. */
  readonly queueId: string
  readonly hostname: string
  readonly mailName: string
  /** RFC 5322 date with the zone's name in brackets. */
  readonly date: string
  /** Named where it is the only one. */
  readonly recipient: string | undefined
  readonly tlsLines: boolean
  readonly authenticatedSender: boolean
}

/** A comment's text must not end the comment nor break the line (the client chose it). */
function comment(text: string): string {
  return printable(text).replace(/[\\()]/g, '?')
}

/** `1.2.3.4`, `IPv6:2001:db8::1`. RFC 5321 §4.1.3. */
export function addressLiteral(address: string): string {
  return address.includes(':') ? `IPv6:${address}` : address
}

export function receivedField(f: ReceivedFacts): string {
  const { arrival } = f
  const lines: string[] = []
  if (arrival.origin === 'smtp' && arrival.hidden !== true) {
    const helo = comment(arrival.helo === '' ? arrival.clientName : arrival.helo)
    lines.push(`Received: from ${helo} (${comment(arrival.clientName)} [${addressLiteral(arrival.clientAddress)}])`)
    if (f.tlsLines && arrival.tls !== undefined) {
      const { protocol, cipher, bits } = arrival.tls
      lines.push(`\t(using ${protocol} with cipher ${cipher} (${bits}/${bits} bits))`)
      lines.push('\t(No client certificate requested)')
    }
    if (f.authenticatedSender && arrival.saslUsername !== undefined) {
      lines.push(`\t(Authenticated sender: ${comment(arrival.saslUsername)})`)
    }
    lines.push(
      `\tby ${f.hostname} (${f.mailName}) with ${arrival.protocol}${f.queueId === '' ? '' : ` id ${f.queueId}`}`,
    )
  } else {
    lines.push(
      `Received: by ${f.hostname} (${f.mailName}${arrival.origin === 'pickup' ? ', from userid ' + arrival.helo : ''})`,
    )
    const id = `\tid ${f.queueId}`
    if (f.recipient === undefined) return [...lines, `${id}; ${f.date}`].map((line) => line + '\r\n').join('')
    lines.push(id)
  }
  if (f.recipient === undefined) lines[lines.length - 1] += ';'
  lines.push(f.recipient === undefined ? `\t${f.date}` : `\tfor <${f.recipient}>; ${f.date}`)
  return lines.map((line) => line + '\r\n').join('')
}
