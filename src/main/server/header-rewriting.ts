/** Addresses in header fields, rewritten as the router says; all else of the field stays as it was. */
import { parseAddressList } from '../../formats/address/mod.ts'
import type { Field } from '../../mail/intake/mod.ts'
import { quote, type Router } from '../../mail/routing/mod.ts'

const SENDER = new Set([
  'from',
  'sender',
  'reply-to',
  'return-receipt-to',
  'errors-to',
  'resent-from',
  'resent-sender',
  'resent-reply-to',
  'disposition-notification-to',
])
const RECIPIENT = new Set(['to', 'cc', 'bcc', 'apparently-to', 'resent-to', 'resent-cc', 'resent-bcc'])

export async function rewriteField(field: Field, router: Router): Promise<Buffer> {
  const kind = SENDER.has(field.name) ? 'sender' : RECIPIENT.has(field.name) ? 'recipient' : undefined
  if (kind === undefined) return field.raw
  const text = field.raw.toString('utf8')
  const colon = text.indexOf(':') + 1
  const value = text.slice(colon)
  let out = text.slice(0, colon)
  let at = 0
  for (const item of parseAddressList(value)) {
    if (item.kind !== 'mailbox' || item.local === '') continue
    const address = item.domain === '' ? item.local : `${item.local}@${item.domain}`
    const rewritten = await router.rewriteHeaderAddress(address, kind)
    if (rewritten === address || item.from < at) continue
    out += value.slice(at, item.from) + quote(rewritten)
    at = item.to
  }
  return at === 0 ? field.raw : Buffer.from(out + value.slice(at))
}
