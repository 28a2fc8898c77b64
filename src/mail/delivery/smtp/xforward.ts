/** XFORWARD: a content filter is told where a message came from. Postfix: XFORWARD_README. */
import { isIPv6 } from 'node:net'
import { publish } from '#src/base/mod.ts'
import { encodeXtext } from '../../../formats/smtp/mod.ts'
import type { DeliveryJob } from '../../queue/mod.ts'
import type { Dialogue } from './dialogue.ts'
import type { ClientEvent } from './events.ts'
import type { ClientSettings } from './params.ts'
import { type Keywords, oneLine } from './words.ts'

type Facts = Pick<DeliveryJob, 'client' | 'queueId'>

/** Two commands, so that neither is longer than a line may be (RFC 5321 §4.5.3.1.4); without anything to say none. */
export function xforwardCommands({ client, queueId }: Facts, keywords: Keywords): { what: string; line: string }[] {
  const offered = new Set(keywords.get('XFORWARD')?.map((name) => name.toUpperCase()))
  const {
    name,
    address = '',
    port,
    protocol,
    helo,
    ident = client === undefined ? undefined : queueId,
    local = client === undefined,
  } = client ?? {}
  const command = (what: string, attributes: readonly (readonly [string, string | undefined])[]) => {
    const said = attributes.filter(([attribute, value]) => offered.has(attribute) && isKnown(attribute, value))
    const words = said.map(([attribute, value = '']) => `${attribute}=${encodeXtext(value)}`)
    return words.length === 0 ? [] : [{ what, line: ['XFORWARD', ...words].join(' ') }]
  }
  return [
    ...command('name/address', [
      ['NAME', name],
      ['ADDR', isIPv6(address) ? `IPv6:${address}` : address],
      ['PORT', port === undefined ? undefined : String(port)],
    ]),
    ...command('helo/protocol', [
      ['PROTO', protocol],
      ['HELO', helo],
      ['IDENT', ident],
      ['SOURCE', local ? 'LOCAL' : 'REMOTE'],
    ]),
  ]
}

/** A name or protocol `unknown` is none; HELO and IDENT say what they say. */
function isKnown(attribute: string, value: string | undefined): boolean {
  if (value === undefined || value === '') return false
  return !['NAME', 'ADDR', 'PROTO'].includes(attribute) || value.toLowerCase() !== 'unknown'
}

interface Place {
  readonly protocol: 'smtp' | 'lmtp'
  readonly cf: ClientSettings
  readonly keywords: Keywords
  readonly nameAndPort: string
  readonly job: DeliveryJob
}

/** What a server refuses of it is noted, and the mail goes on. */
export async function sendXforward(
  dialogue: Dialogue,
  { protocol, cf, keywords, nameAndPort, job }: Place,
): Promise<void> {
  if (!cf.smtp_send_xforward_command) return
  for (const { what, line } of xforwardCommands(job, keywords)) {
    dialogue.doing = `sending XFORWARD ${what === 'helo/protocol' ? 'protocol/helo_name' : what}`
    const reply = await dialogue.ask(line, cf.smtp_xforward_timeout)
    if (reply.code >= 200 && reply.code <= 299) continue
    const text = `warning: host ${nameAndPort} said: ${oneLine(reply)} (in reply to XFORWARD ${what} command)`
    publish<ClientEvent>({ event: 'client.note', protocol, text })
  }
}
