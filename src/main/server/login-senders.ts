/** local_login_sender_maps: in whose name a user of this machine may send. Postfix: login_sender_match(3). */
import type { Config, Settings } from '../../io/config/mod.ts'
import type { Tables } from '../../io/tables/mod.ts'
import { splitAddressExtension } from '../../formats/address/mod.ts'
import { quote } from '../../mail/routing/mod.ts'
import { routingParams } from '../../mail/routing/mod.ts'
import type { submissionParams } from './submission-params.ts'

const ANY = '*'

/**
 * Whether the user may: by login name, or `uid:1000` for a user without one. Throws TableError where that cannot be asked.
 * @param sender in internal form, as it was given
 */
export async function maySendAs(
  user: { readonly uid: number; readonly name: string | undefined },
  sender: string,
  { config, tables }: { readonly config: Config; readonly tables: Pick<Tables, 'maps'> },
  cf: Pick<
    Settings<typeof submissionParams>,
    'local_login_sender_maps' | 'empty_address_local_login_sender_maps_lookup_key'
  >,
): Promise<boolean> {
  const login = user.name ?? `uid:${user.uid}`
  const found = await tables.maps(cf.local_login_sender_maps).find(login)
  if (found === undefined) return false
  const { recipient_delimiter, owner_request_special, double_bounce_sender } = config.bind(routingParams)
  const cut = splitAddressExtension(sender, {
    delimiters: recipient_delimiter,
    ownerRequestSpecial: owner_request_special,
    doubleBounceSender: double_bounce_sender,
  })
  const plain = quote(cut?.bare ?? sender).toLowerCase()
  const domain = sender.slice(sender.lastIndexOf('@')).toLowerCase()
  return found.result
    .toLowerCase()
    .split(/[\s,]+/)
    .some((pattern) => {
      if (pattern.startsWith('@')) return sender.includes('@') && pattern === domain
      if (pattern === ANY) return true
      if (pattern === cf.empty_address_local_login_sender_maps_lookup_key.toLowerCase()) return sender === ''
      return pattern !== '' && pattern === plain
    })
}
