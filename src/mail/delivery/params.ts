/** Parameters of delivery agents, with Postfix's names and defaults. */
import { choice, defineParams, str, time } from '../../io/config/mod.ts'

export const deliveryParams = defineParams({
  myhostname: str('', 'The internet host name of this mail system.'),
  smtp_helo_name: str('$myhostname', 'The name that is said in EHLO.'),
  smtp_bind_address: str('', 'The IPv4 address that connections are made from.'),
  smtp_bind_address6: str('', 'The IPv6 address that connections are made from.'),
  smtp_connect_timeout: time('30s', 'How long a connection may take.', { min: 1000 }),
  smtp_helo_timeout: time('300s', 'How long the greeting and EHLO may take.', { min: 1000 }),
  smtp_mail_timeout: time('300s', 'How long the answer to MAIL may take.', { min: 1000 }),
  smtp_rcpt_timeout: time('300s', 'How long the answer to RCPT may take.', { min: 1000 }),
  smtp_data_init_timeout: time('120s', 'How long the answer to DATA may take.', { min: 1000 }),
  smtp_data_done_timeout: time('600s', 'How long the answer to the end of data may take.', { min: 1000 }),
  smtp_tls_security_level: choice(
    ['', 'none', 'may', 'encrypt'],
    '',
    'may: STARTTLS where it is offered; encrypt: never without it.',
  ),
})
