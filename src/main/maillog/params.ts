/** Parameters of what stands in the log, and of the file it stands in. */
import { choice, defineParams, int, str } from '../../io/config/mod.ts'

export const maillogParams = defineParams({
  delay_logging_resolution_limit: int('2', 'The most digits behind the point of delays in the log.', {
    min: 0,
    max: 6,
  }),

  info_log_address_format: choice(
    ['external', 'internal'],
    'external',
    'Whether addresses in the log have quotes where their local part needs them: from=<"john doe"@example.com>.',
  ),
  maillog_file_compressor: str('gzip', 'The program that `postfix logrotate` runs on the file that it has put aside.'),
  maillog_file_rotate_suffix: str(
    '%Y%m%d-%H%M%S',
    'What `postfix logrotate` appends to the name of the file that it puts aside, in strftime(3)’s form.',
  ),
})
