/** Parameters of before-queue filters, with Postfix 3.10's names and defaults. SMTPD_PROXY_README. */
import { defineParams, list, str, time } from '../../../io/config/mod.ts'

export const beforeQueueParams = defineParams({
  smtpd_proxy_filter: str(
    '',
    'An SMTP server, `host:port`, `inet:host:port` or `unix:path`, that gets mail in place of the queue; its replies are the client’s.',
  ),
  smtpd_proxy_ehlo: str('$myhostname', 'The name that smtpd says to it.'),
  smtpd_proxy_timeout: time('100s', 'How long it may say nothing, and take to be connected to.', { min: 1000 }),
  smtpd_proxy_options: list(
    '',
    'speed_adjust: the filter gets a message once all of it is there, so that it does not wait for slow clients.',
    { values: ['speed_adjust'] },
  ),
})
