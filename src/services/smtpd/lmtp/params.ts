/** Parameters of the LMTP server; Postfix has none, so they are ours. */
import { defineParams, list } from '../../../io/config/mod.ts'

export const lmtpdParams = defineParams({
  lmtpd_listen: list(
    'unix:private/postigo-lmtp',
    'Where lmtp listens once mailbox_services names it: `unix:path` (from queue_directory; the owner and the group of its directory may connect) and `inet:address:port`.',
  ),
  lmtpd_authorized_clients: list(
    '127.0.0.0/8, [::1]/128, $mynetworks',
    'Clients that may hand mail over by LMTP over inet; others hear 554 5.7.1.',
  ),
})
