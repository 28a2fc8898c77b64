/** A server that goes by our own name: mail would go in circles. Postfix: smtp_proto.c, smtp_helo(). */
import { publish } from '#src/base/mod.ts'
import type { Reply } from '../../../formats/smtp/mod.ts'
import type { ClientEvent } from './events.ts'
import type { ClientSettings } from './params.ts'
import type { Failure } from './words.ts'

export interface LoopWatch {
  /** The next hop as the queue has it. */
  readonly nexthop: string
  /** The server is as good as any for it: no other would be another. */
  readonly isBest: boolean
}

interface Place {
  readonly protocol: 'smtp' | 'lmtp'
  readonly cf: ClientSettings
  readonly nameAndPort: string
  /** Missing where the port is not SMTP's: a server of ours may well be there. */
  readonly loopWatch?: LoopWatch | undefined
}

function isOwn({ lines }: Reply, { cf }: Place): boolean {
  const [name = ''] = lines[0]?.trimStart().split(/[\s=]/) ?? []
  return name.toLowerCase() === cf.myhostname.toLowerCase()
}

const warn = ({ protocol, cf, nameAndPort }: Place, did: string): void =>
  publish<ClientEvent>({
    event: 'client.note',
    protocol,
    text: `warning: host ${nameAndPort} ${did} my own hostname ${cf.myhostname}`,
  })

export function watchGreeting(greeting: Reply, place: Place): void {
  if (place.loopWatch !== undefined && isOwn(greeting, place)) warn(place, 'greeted me with')
}

/** @param hello the answer to EHLO */
export function loopOf(hello: Reply, place: Place): Failure | undefined {
  const { loopWatch } = place
  if (loopWatch === undefined || !isOwn(hello, place)) return undefined
  warn(place, 'replied to HELO/EHLO with')
  const text = `mail for ${loopWatch.nexthop} loops back to myself`
  return loopWatch.isBest ? { status: 'bounced', dsn: '5.4.6', text } : { status: 'deferred', dsn: '4.4.6', text }
}
