/** Parameters of reports, with Postfix's names and defaults. */
import { bool, choice, defineParams, list, size, str } from '../../io/config/mod.ts'

export const noticesParams = defineParams({
  bounce_size_limit: size(
    '50000',
    'A message larger than this comes back with a report as its header section only; of that, no more octets.',
    { min: 1 },
  ),
  bounce_template_file: str('', 'A file with the texts of reports, as bounce(5) describes it.'),
  notice_language: choice(['en', 'es'], 'en', 'The language that reports explain themselves in.'),
  notify_classes: list(
    'resource, software',
    'What the postmaster is told of: bounce, 2bounce, delay; and of sessions with errors: policy, protocol, resource, software, data.',
    { values: ['bounce', '2bounce', 'delay', 'policy', 'protocol', 'resource', 'software', 'data'] },
  ),
  error_notice_recipient: str('postmaster', 'Who is told of sessions with errors.'),
  bounce_notice_recipient: str('postmaster', 'Who gets copies of reports of mail that was not delivered.'),
  '2bounce_notice_recipient': str('postmaster', 'Who gets mail of the null sender that was not delivered.'),
  delay_notice_recipient: str('postmaster', 'Who gets copies of reports of delays.'),
  double_bounce_sender: str(
    'double-bounce',
    'The sender of what the postmaster is told; what comes back to it is dropped.',
  ),
  tls_report_sender: str(
    '',
    'The address that reports of TLS come from (RFC 8460), which domains ask for at _smtp._tls; empty: none are sent. Counted is where smtp_tlsrpt_enable says so.',
  ),
  tls_report_organization: str('$mydomain', 'Who sends them, for people.'),
  tls_required_enable: bool(
    'yes',
    'Whether a message with the header field `TLS-Required: no` goes out at level may at the most, and reports of it bear the field.',
  ),
  enable_threaded_bounces: bool('no', 'Whether reports name the message that they are about in References.'),
})
