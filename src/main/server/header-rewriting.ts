/** Addresses in header fields, rewritten as the router says; all else of the field stays as it was. */
import { type ListItem, parseAddressList, replaceAddresses } from '../../formats/address/mod.ts'
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

/** How long the source route at the end of a text is, its colon and blanks with it. In one pass, whatever stands there. */
function routeLength(text: string): number {
  const body = text.trimEnd()
  if (!body.endsWith(':')) return 0
  let from = body.length - 1
  while (from > 0 && !'<>:;"()'.includes(body[from - 1] ?? '')) from--
  const at = body.indexOf('@', from)
  return at < 0 ? 0 : text.length - at
}

type HeaderRouter = Pick<Router, 'rewriteHeaderAddress'>

/** RFC 5322 §3.2 as Postfix cuts it: quoted strings, comments, domain literals, atoms, and special characters. */
const TOKEN = /\s*(?:"(?:\\.|[^"\\])*"?|\((?:\\.|[^)\\])*\)?|\[(?:\\.|[^\]\\])*\]?|[^\s"()[\]<>@,;:\\.]+|[^\s])/

/** header_address_token_limit: what stands behind so many tokens goes. */
function limited(raw: Buffer, limit: number): Buffer {
  if (raw.length <= limit) return raw
  const text = raw.toString('latin1')
  let end = text.indexOf(':') + 1
  const token = new RegExp(TOKEN, 'sy')
  token.lastIndex = end
  for (let n = 0; n < limit; n++) {
    if (!token.test(text)) return raw
    end = token.lastIndex
  }
  if (text.slice(end).trim() === '') return raw
  return Buffer.from(`${text.slice(0, end).replace(/[.,\s]+$/, '')}\r\n`, 'latin1')
}

/** The field as it is to be; at once where it holds no addresses. */
export function rewriteField(
  field: Field,
  router: HeaderRouter,
  context: 'local' | 'remote' = 'local',
  tokenLimit = Number.POSITIVE_INFINITY,
): Buffer | Promise<Buffer> {
  const kind = SENDER.has(field.name) ? 'sender' : RECIPIENT.has(field.name) ? 'recipient' : undefined
  if (kind === undefined) return field.raw
  return rewriteAddresses(limited(field.raw, tokenLimit), (address) =>
    router.rewriteHeaderAddress(address, kind, context),
  )
}

/** The field with each address mapped; as it is where it holds none. What has a source route is another address. */
export function mapFieldAddresses(
  { name, raw }: Field,
  map: (address: string) => Promise<string>,
): Buffer | Promise<Buffer> {
  return SENDER.has(name) || RECIPIENT.has(name) ? rewriteAddresses(raw, map, 'keep') : raw
}

async function rewriteAddresses(
  raw: Buffer,
  rewrite: (address: string) => Promise<string>,
  routes: 'drop' | 'keep' = 'drop',
): Promise<Buffer> {
  // An octet a character: names in other character sets stay as they are.
  const text = raw.toString('latin1')
  const from = text.indexOf(':') + 1
  const value = text.slice(from)
  const replacements: { item: ListItem; text: string }[] = []
  let end = 0
  for (const item of parseAddressList(value)) {
    const before = end
    if (item.kind === 'mailbox') end = item.to
    if (item.kind !== 'mailbox' || item.local === '' || (routes === 'keep' && item.route !== '')) continue
    const address = decoded(item.domain === '' ? item.local : `${item.local}@${item.domain}`)
    if (address === undefined) continue
    const rewritten = await rewrite(address)
    if (rewritten === address && item.route === '') continue
    // A source route goes in any case (RFC 5321 appendix C). It begins behind the address before.
    const from = item.from - routeLength(value.slice(before, item.from))
    replacements.push({ item: { ...item, from }, text: Buffer.from(quote(rewritten)).toString('latin1') })
  }
  if (replacements.length === 0) return raw
  return Buffer.from(text.slice(0, from) + replaceAddresses(value, replacements), 'latin1')
}

/** An address is ASCII or UTF-8 (RFC 6532 §3.2); undefined: neither, so no table could know it. */
function decoded(octets: string): string | undefined {
  if (/^[\0-\x7f]*$/.test(octets)) return octets
  const text = Buffer.from(octets, 'latin1').toString('utf8')
  return text.includes('\ufffd') ? undefined : text
}
