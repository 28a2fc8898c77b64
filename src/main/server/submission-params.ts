/** Parameters of mail that users of this machine submit. Postfix: sendmail(1), postdrop(1). */
import { choice, defineParams, str } from '../../io/config/mod.ts'

export const submissionParams = defineParams({
  local_login_sender_maps: str(
    'static:*',
    'Tables of the sender addresses that a login name may use, with `*` for any, @domain, and <> for the null sender.',
  ),
  empty_address_local_login_sender_maps_lookup_key: str(
    '<>',
    'What the null sender is called in local_login_sender_maps.',
  ),
  sendmail_fix_line_endings: choice(
    ['always', 'strict', 'never'],
    'always',
    'Whether sendmail takes CRLF for a line end: always, strict where the first line ends so, or never.',
  ),
})
