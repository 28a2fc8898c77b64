/** Parameters of log-ins: how guessing is slowed, who is banned, what is recorded. Postfix has none of these. */
import { defineParams, int, list, type Settings, time } from '../../io/config/mod.ts'

const CENTURY_MS = 3_153_600_000_000

export const loginsParams = defineParams({
  login_failure_limit: int(
    '10',
    'Different wrong log-ins (name and password) of one address, or IPv6 /64, within login_failure_window, after which it is banned. 0: nobody is.',
    { min: 0, max: 1000 },
  ),
  login_failure_network_limit: int(
    '50',
    'The same for all addresses of an IPv4 /24 or IPv6 /64 together, after which the network is banned. 0: no network is.',
    { min: 0, max: 1000 },
  ),
  login_failure_account_limit: int(
    '20',
    'Wrong log-ins with one name, from wherever, after which more of them are slowed, but not from networks that the account has logged in from. 0: none are.',
    { min: 0, max: 1000 },
  ),
  login_failure_window: time('1h', 'How long it takes login_failure_limit wrong log-ins to be forgotten.', {
    min: 1000,
    max: CENTURY_MS,
  }),
  login_failure_delay: time(
    '1s',
    'How long a log-in waits once an address has three wrong ones; doubled with each more, up to login_failure_max_delay. 0: it does not.',
    { max: 60_000 },
  ),
  login_failure_max_delay: time('16s', 'The longest such wait.', { max: 300_000 }),
  login_ban_time: time(
    '15m',
    'How long the first ban of an address lasts; each further one within a week lasts twice as long.',
    {
      min: 1000,
      max: CENTURY_MS,
    },
  ),
  login_ban_max_time: time('1d', 'The longest ban.', { min: 1000, max: CENTURY_MS }),
  login_ban_exceptions: list(
    '$mynetworks',
    'Clients whose wrong log-ins are not counted and that are not banned: names, addresses, networks, tables as in mynetworks.',
  ),
  login_connection_limit: int(
    '50',
    'Connections of one address, or IPv6 /64, to IMAP or POP3 at a time that have not logged in; of all together a hundred times as many. Each thread counts its own; clients of login_ban_exceptions do not count. 0: any number.',
    { min: 0 },
  ),
  login_record_lifetime: time('90d', 'How long `postigo account log-ins` can tell of a log-in. 0 records nothing.', {
    max: CENTURY_MS,
  }),
})

export type LoginsSettings = Settings<typeof loginsParams>
