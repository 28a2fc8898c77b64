/** Workarounds for firewalls of the CISCO PIX line, which show themselves by a greeting of asterisks. postconf(5). */
import { publish } from '#src/base/mod.ts'
import type { Reply } from '../../../formats/smtp/mod.ts'
import { splitList } from '../../../io/config/mod.ts'
import type { Tables } from '../../../io/tables/mod.ts'
import type { ClientEvent } from './events.ts'
import type { ClientSettings } from './params.ts'

export interface PixPlace {
  readonly protocol: 'smtp' | 'lmtp'
  readonly cf: ClientSettings
  readonly tables: Tables
  /** `''` on a unix socket. */
  readonly address: string
  readonly nameAndPort: string
  readonly queueId: string
  /** How long the message has been in the queue. */
  readonly ageMs: number
}

export interface PixWorkarounds {
  /** HELO is said instead of EHLO. */
  readonly disableEsmtp: boolean
  /** The end of a message is said apart from it, and later. */
  readonly delayDotCrlf: boolean
}

const NONE: PixWorkarounds = { disableEsmtp: false, delayDotCrlf: false }

/** `220 ********0*200***`: the firewall hides what it does not know. */
const isMasked = ({ code, enhanced, lines }: Reply): boolean =>
  /^[20 *\t\n]*$/.test(`${code} ${enhanced ?? ''}${lines.join('\n')}`)

export async function pixWorkarounds(greeting: Reply, place: PixPlace): Promise<PixWorkarounds> {
  if (!isMasked(greeting)) return NONE
  const { protocol, cf, nameAndPort, queueId, ageMs } = place
  const words = new Set(await wordsFor(place))
  if (words.size === 0) return NONE
  const disableEsmtp = words.has('disable_esmtp')
  const delayDotCrlf = words.has('delay_dotcrlf') && ageMs >= cf.smtp_pix_workaround_threshold_time
  const named = [...(disableEsmtp ? ['disable_esmtp'] : []), ...(delayDotCrlf ? ['delay_dotcrlf'] : [])].join(' ')
  const text = `${queueId}: enabling PIX workarounds: ${named} for ${nameAndPort}`
  publish<ClientEvent>({ event: 'client.note', protocol, text })
  return { disableEsmtp, delayDotCrlf }
}

async function wordsFor({ cf, tables, address }: PixPlace): Promise<readonly string[]> {
  // Postfix: best effort; a table that cannot be asked says nothing.
  const found = await tables
    .maps(cf.smtp_pix_workaround_maps)
    .find(address)
    .catch(() => undefined)
  return found === undefined ? cf.smtp_pix_workarounds : splitList(found.result.toLowerCase())
}
