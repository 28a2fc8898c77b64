/** postconf(5) luser_relay: where mail for names that nobody has goes. */
import { expandText } from '../../io/config/mod.ts'

export interface LostName {
  readonly user: string
  readonly extension: string
  /** The local part as it came. */
  readonly local: string
  readonly domain: string
}

/** Fills in $user, $extension, $local, $mailbox, $domain, $recipient, $recipient_delimiter. */
export function fillIn(text: string, { user, extension, local, domain }: LostName): string {
  const values: Readonly<Record<string, string>> = {
    user,
    extension,
    local,
    mailbox: local,
    domain,
    recipient: `${local}@${domain}`,
    recipient_delimiter: extension === '' ? '' : local.charAt(user.length),
  }
  return expandText(text, { lookup: (name) => values[name] || undefined, recurse: false })
}
