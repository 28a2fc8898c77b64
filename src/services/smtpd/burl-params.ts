/** Whether messages may be submitted by URL. Postfix has no such thing. */
import { bool, defineParams } from '../../io/config/mod.ts'

export const burlParams = defineParams({
  smtpd_burl_enable: bool(
    'no',
    'Whether clients that are logged in may submit what stands in mailboxes here by URL: BURL (RFC 4468).',
  ),
})
