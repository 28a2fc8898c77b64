/** Parameters of what the SMTP client makes of a message, with Postfix 3.10's names and defaults. */
import { bool, defineParams, int, list, str, time } from '../../../io/config/mod.ts'
import { intakeParams } from '../../intake/mod.ts'

const { header_size_limit, line_length_limit, mime_nesting_limit, mime_boundary_length_limit } = intakeParams

export const outgoingParams = defineParams({
  header_size_limit,
  line_length_limit,
  mime_nesting_limit,
  mime_boundary_length_limit,
  propagate_unmatched_extensions: list(
    'canonical, virtual',
    'Lookups that carry +extension over to their result: canonical, virtual, alias, forward, include, generic.',
    { values: ['canonical', 'virtual', 'alias', 'forward', 'include', 'generic'] },
  ),
  smtp_generic_maps: str('', 'Tables of addresses that are others in mail to other servers: generic(5).'),
  smtp_header_checks: str('', 'Tables that look at header fields on their way out: header_checks(5).'),
  smtp_mime_header_checks: str('', 'The same for MIME fields, of the message and of its parts.'),
  smtp_nested_header_checks: str('', 'The same for the other fields of enclosed messages.'),
  smtp_body_checks: str('', 'The same for lines of the body.'),
  smtp_delivery_status_filter: str(
    '$default_delivery_status_filter',
    'Tables that change status code and text of deliveries to other servers, by `code text`.',
  ),
  smtp_line_length_limit: int('998', 'The most octets of a line that is sent; a longer one is broken. 0: no limit.', {
    min: 0,
  }),
  smtp_chunking_enable: bool('no', 'Whether servers that offer CHUNKING get messages by BDAT.'),
  smtp_reply_filter: str('', 'A table that changes what servers reply, line by line.'),
  smtp_pix_workarounds: list(
    'disable_esmtp,delay_dotcrlf',
    'What is done for servers whose greeting a CISCO PIX firewall hides: disable_esmtp (HELO), delay_dotcrlf.',
    { values: ['disable_esmtp', 'delay_dotcrlf'] },
  ),
  smtp_pix_workaround_maps: str('', 'Tables of such workarounds by the server’s address.'),
  smtp_pix_workaround_threshold_time: time('500s', 'How old a message must be for delay_dotcrlf.', { min: 0 }),
  smtp_pix_workaround_delay_time: time('10s', 'How long delay_dotcrlf waits before the end of a message.', {
    min: 1000,
  }),
  disable_mime_output_conversion: bool(
    'no',
    'Whether 8-bit mail goes as it is to servers that do not offer 8BITMIME, instead of as quoted-printable.',
  ),
})
