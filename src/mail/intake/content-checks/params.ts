/** Parameters of header and body checks and of what MIME is taken, with Postfix 3.10's names and defaults. */
import { bool, defineParams, int, str } from '../../../io/config/mod.ts'

export const contentParams = defineParams({
  header_checks: str('', 'Tables that look at each field of the header section, as one line: header_checks(5).'),
  mime_header_checks: str('$header_checks', 'Tables that look at MIME fields, of the message and of its parts.'),
  nested_header_checks: str('$header_checks', 'Tables that look at the other fields of enclosed messages.'),
  body_checks: str('', 'Tables that look at each line of the body.'),
  milter_header_checks: str('', 'Tables that look at each field that a milter makes or changes: header_checks(5).'),
  body_checks_size_limit: int('51200', 'So many octets of each part are looked at by body_checks; 0 is no limit.', {
    min: 0,
  }),
  line_length_limit: int('2048', 'The most octets of a command line: 500 5.5.2 after that.', { min: 512 }),
  message_reject_characters: str('', 'Octets, as \\nnn or C escapes, that get a message refused: 550 5.7.1.'),
  message_strip_characters: str('', 'Octets that are taken out of messages.'),
  disable_mime_input_processing: bool('no', 'Whether all behind the first header section is body to the checks.'),
  mime_nesting_limit: int('100', 'How deep multiparts may nest: where there are header checks, 550 5.6.0 after that.', {
    min: 1,
  }),
  mime_boundary_length_limit: int('2048', 'So many octets of a boundary are compared.', { min: 1 }),
  force_mime_input_conversion: bool(
    'no',
    'Whether parts that say they are 8-bit become quoted-printable when they come in.',
  ),
  detect_8bit_encoding_header: bool(
    'yes',
    'Whether a message whose Content-Transfer-Encoding says 8bit or binary counts as 8-bit when it is sent on.',
  ),
  strict_7bit_headers: bool('no', 'Whether header fields with octets above ASCII are refused with 550 5.6.0.'),
  strict_8bitmime: bool('no', 'strict_7bit_headers and strict_8bitmime_body together.'),
  strict_8bitmime_body: bool('no', 'Whether octets above ASCII in bodies that do not announce them are refused.'),
  strict_mime_encoding_domain: bool(
    'no',
    'Whether multipart and message parts in base64 or quoted-printable are refused.',
  ),
})
