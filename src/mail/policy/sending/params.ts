/** Parameters of sending limits. Postfix has none of these: nothing is limited unless main.cf says so. */
import { defineParams, int, list, type Settings } from '../../../io/config/mod.ts'

const MOST = 1_000_000

export const sendingParams = defineParams({
  account_hourly_message_limit: int(
    '0',
    'Messages that one account may send within an hour after it logged in to SMTP; what is more is held, and told to the postmaster and the owner. 0: no limit.',
    { min: 0, max: MOST },
  ),
  account_daily_message_limit: int('0', 'The same within 24 hours.', { min: 0, max: MOST }),
  account_hourly_new_recipient_limit: int(
    '0',
    'Recipients within an hour that the account has not written to in the last 30 days; what has more is held. 0: no limit.',
    { min: 0, max: MOST },
  ),
  account_daily_new_recipient_limit: int('0', 'The same within 24 hours.', { min: 0, max: MOST }),
  account_sending_limit_exceptions: list(
    '',
    'Accounts, by a name that they log in with, that may send as much as they like.',
  ),
})

export type SendingSettings = Settings<typeof sendingParams>
