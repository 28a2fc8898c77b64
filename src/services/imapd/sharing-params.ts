/** Parameters of mailboxes that are not the user's own. */
import { bool, defineParams, str } from '../../io/config/mod.ts'

export const sharingParams = defineParams({
  imapd_other_users_prefix: str(
    'Other Users',
    "Below which name IMAP shows mailboxes that other users share, as PREFIX/account/mailbox (RFC 2342); empty: they aren't shown.",
  ),
  imapd_shared_prefix: str(
    'Shared',
    "Below which name IMAP shows mailboxes that belong to nobody and that `postigo mailbox` makes; empty: they aren't shown.",
  ),
  imapd_acl_anyone: bool(
    'no',
    'Whether users may share a mailbox with anyone, so that all accounts see it; administrators may: `postigo mailbox acl`, and imapd_admin_users by IMAP.',
  ),
})
