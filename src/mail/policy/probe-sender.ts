/**
 * The sender of address probes, whose local part may change with time (address_verify_sender_ttl), so that nobody who
 * once saw one can send mail to it for ever. Postfix: verify_sender_addr(3).
 */
import { defineParams, type Settings, str, time } from '../../io/config/mod.ts'

export const probeSenderParams = defineParams({
  address_verify_sender: str('$double_bounce_sender', 'Sender of address probes; mail to it is always accepted.'),
  address_verify_sender_ttl: time(
    '0s',
    'How long a sender of address probes is used before its local part changes; 0 is for ever.',
    { min: 0 },
  ),
})

/** Digits without vowels, which would spell words; the base is 31. */
const DIGITS = '0123456789BCDFGHJKLMNPQRSTVWXYZ'

export class ProbeSender {
  readonly #name: string
  readonly #ttlMs: number
  readonly #standard: (address: string) => string

  /** @param standard completes an address as for mail of this host */
  constructor(cf: Settings<typeof probeSenderParams>, standard: (address: string) => string) {
    this.#name = cf.address_verify_sender === '<>' ? '' : cf.address_verify_sender
    this.#ttlMs = cf.address_verify_sender_ttl
    this.#standard = standard
  }

  /** In standard form; `''`: the null sender. */
  at(nowMs: number): string {
    if (this.#name === '') return ''
    if (this.#ttlMs === 0) return this.#standard(this.#name)
    const [local, domain] = atDomain(this.#name)
    return this.#standard(local + epochText(Math.floor(nowMs / this.#ttlMs)) + domain)
  }

  /** The sender without its time, where `address` is one of now, or of a period before or after it. */
  match(address: string, nowMs: number): string | undefined {
    if (this.#name === '' || address === '') return undefined
    const plain = this.#standard(this.#name)
    if (this.#ttlMs === 0) return address.toLowerCase() === plain.toLowerCase() ? plain : undefined
    const [local, domain] = atDomain(plain)
    const [theirs, theirDomain] = atDomain(address)
    if (theirDomain.toLowerCase() !== domain.toLowerCase()) return undefined
    if (!theirs.toLowerCase().startsWith(local.toLowerCase())) return undefined
    const epoch = Math.floor(nowMs / this.#ttlMs)
    const written = theirs.slice(local.length)
    return [epoch - 1, epoch, epoch + 1].some((one) => epochText(one) === written) ? plain : undefined
  }
}

/** The part before the first `@`, and the rest with it. */
function atDomain(address: string): readonly [local: string, domain: string] {
  const at = address.indexOf('@')
  return at < 0 ? [address, ''] : [address.slice(0, at), address.slice(at)]
}

function epochText(epoch: number): string {
  let text = ''
  for (let rest = epoch; rest > 0; rest = Math.floor(rest / DIGITS.length))
    text = (DIGITS[rest % DIGITS.length] ?? '') + text
  return text || '0'
}
