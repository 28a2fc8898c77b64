/** Parameters of intake, with Postfix 3.10's names and defaults. */
import { bool, defineParams, int, list, size, str } from '../../io/config/mod.ts'
import { contentParams } from './content-checks/params.ts'
import { fullNameParams } from './full-name.ts'
import { smtpUtf8Params } from './smtputf8.ts'

export const intakeParams = defineParams({
  ...contentParams,
  ...smtpUtf8Params,
  myhostname: str('', 'The internet host name of this mail system; stands in Received and Message-Id.'),
  mail_name: str('Postigo', 'The name of the mail system in Received fields and in the greeting.'),
  header_size_limit: size('102400', 'The most octets of one header field; what is longer is cut.', { min: 1 }),
  header_address_token_limit: int(
    '10240',
    'The most tokens (atoms, quoted strings, special characters) of an address field that is rewritten; more are cut off.',
    { min: 1 },
  ),
  hopcount_limit: int('50', 'The most Received fields of a message; more is a loop, and refused with 554 5.4.0.', {
    min: 1,
  }),
  message_size_limit: size('10240000', 'The most octets of a message, envelope information included; 0 is no limit.', {
    min: 0,
  }),
  queue_minfree: size('0', 'Octets that must stay free on the file system of the mail store.', { min: 0 }),
  message_drop_headers: list(
    'bcc, content-length, resent-bcc, return-path',
    'Header fields that are removed from every message.',
  ),
  remote_header_rewrite_domain: str(
    '',
    'What completes header addresses of clients that are not in local_header_rewrite_clients; empty: their headers stay.',
  ),
  always_add_missing_headers: bool('no', 'Whether From, Date and Message-Id are added to mail of other hosts too.'),
  undisclosed_recipients_header: str('', 'The field that is added to a message without any recipient field.'),
  enable_original_recipient: bool('yes', 'Whether the address before rewriting is kept in X-Original-To.'),
  smtpd_tls_received_header: bool('no', 'Whether Received says how the connection was encrypted.'),
  smtpd_sasl_authenticated_header: bool('no', 'Whether Received names the authenticated user.'),
  cleanup_service_name: str('cleanup', 'The entry of master.cf whose -o settings hold for messages of a listener.'),
  receive_override_options: list(
    '',
    'What is not done to messages of a listener: no_header_body_checks, no_address_mappings, no_unknown_recipient_checks, no_milters.',
    { values: ['no_header_body_checks', 'no_address_mappings', 'no_unknown_recipient_checks', 'no_milters'] },
  ),
  ...fullNameParams,
  content_filter: str(
    '',
    'transport:nexthop that every message is sent through, before it goes where it is to; FILTER in a table comes before it.',
  ),
  default_filter_nexthop: str(
    '',
    'The next hop of content_filter and FILTER where they name none; empty: the domain of the recipient.',
  ),
  internal_mail_filter_classes: list(
    '',
    'Mail of this host that non_smtpd_milters, header_checks and body_checks look at too: bounce, notify.',
    { values: ['bounce', 'notify'] },
  ),
  always_bcc: str('', 'Who gets a blind copy of every message.'),
  sender_bcc_maps: str('', 'Tables of blind copies by sender.'),
  recipient_bcc_maps: str('', 'Tables of blind copies by recipient.'),
})
