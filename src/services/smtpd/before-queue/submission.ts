/** smtpd_proxy_filter: a message goes to another server in place of the queue. SMTPD_PROXY_README; Postfix: smtpd_proxy.c. */
import { parseReply, type Reply } from '../../../formats/smtp/mod.ts'
import type { Draft } from '../../../io/blobs/mod.ts'
import type { Arrival, OpenOptions, Submission } from '../../../mail/intake/mod.ts'
import { errorSaying, type Session } from '../session.ts'
import type { Transaction } from '../transaction.ts'
import { type BeforeQueueFilter, DirectFilter, LaterFilter, type Opening } from './filter.ts'
import { FilterRefusal, type LinkOptions } from './link.ts'

/** Where mail goes in place of the queue. */
export interface BeforeQueue {
  readonly to: LinkOptions['to']
  /** smtpd_proxy_filter */
  readonly name: string
  /** The fields that this host puts in front of a message. @param received whether Received is one */
  readonly trace: (arrival: Arrival, options: OpenOptions, received: boolean) => string
  /** Keeps a message until the filter gets it (speed_adjust). */
  readonly draft: (sizeHint: number) => Draft
}

/** No queue id: the message is not ours to keep. */
const NOQUEUE = 'NOQUEUE'

/** The first recipient, or MAIL: the filter takes the place of the queue file. Throws its refusal. */
export async function openFilter(
  session: Session,
  transaction: Transaction,
  to: BeforeQueue,
): Promise<BeforeQueueFilter> {
  const { cf } = session
  const { smtpd_proxy_ehlo: ehlo, smtpd_proxy_timeout: timeoutMs, line_length_limit: lineLimit } = cf
  const link = { to: to.to, name: to.name, timeoutMs, lineLimit, warn: (text: string) => session.warn(text) }
  const opening = { ehlo, attributes: await attributesOf(session), mail: transaction.command }
  const open = (): Promise<DirectFilter> => DirectFilter.open(link, opening)
  const later = isSpeedAdjusted(session)
  return later ? new LaterFilter(open, to.draft(transaction.parameters.sizeOctets)) : heeded(open())
}

export function isSpeedAdjusted({ cf }: Session): boolean {
  return cf.smtpd_proxy_options.includes('speed_adjust')
}

/** Throws the filter's refusal as what the client hears. */
export async function heeded<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked
  } catch (error) {
    if (!(error instanceof FilterRefusal)) throw error
    throw errorSaying(replyOf(error.reply))
  }
}

const replyOf = (text: string): Reply => parseReply(text.split('\r\n'))

/** Content on its way to the filter. */
export class FilterSubmission implements Submission {
  readonly queueId = NOQUEUE
  sizeOctets = 0
  readonly #session: Session
  readonly #filter: BeforeQueueFilter

  constructor(session: Session, filter: BeforeQueueFilter) {
    this.#session = session
    this.#filter = filter
  }

  write(chunk: Buffer): void | Promise<void> {
    this.sizeOctets += chunk.length
    return this.#filter.write(chunk)
  }

  async finish(): Promise<Reply> {
    const text = await this.#filter.end()
    this.#session.publishOf({
      event: 'smtpd.before_queue',
      action: text.startsWith('2') ? 'accept' : 'reject',
      text,
      recipient: this.#session.transaction?.recipients[0]?.address,
    })
    return replyOf(text)
  }

  /** The transaction ends it. */
  abort(): void {}
}

/** What XFORWARD said of the message, else what is known of the client. */
async function attributesOf(session: Session): Promise<Opening['attributes']> {
  const { forwarded, client, helo, esmtp, deps } = session
  const known = (text: string | undefined): string | undefined => (text === 'unknown' ? undefined : text)
  const of = forwarded ?? {
    name: client.name,
    address: client.address,
    port: client.port === 0 ? undefined : client.port,
    helo,
    protocol: esmtp ? 'ESMTP' : 'SMTP',
    local: await deps.policy.rewritesHeaders(session.facts()),
  }
  const address = known(of.address)
  return [
    ['NAME', known(of.name)],
    ['ADDR', address?.includes(':') === true ? `IPv6:${address}` : address],
    ['PORT', of.port?.toString()],
    ['HELO', of.helo],
    ['IDENT', forwarded?.ident],
    ['PROTO', known(of.protocol)],
    ['SOURCE', of.local === true ? 'LOCAL' : 'REMOTE'],
  ]
}
