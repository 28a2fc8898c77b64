/** Parameters of check_greylist. Postfix has none of these: it leaves greylisting to policy services such as postgrey. */
import { defineParams, int, type Settings, str, time } from '../../../io/config/mod.ts'

export const greylistParams = defineParams({
  greylist_delay: time('300s', 'How long a client, sender and recipient that are new together have to wait.', {
    min: 0,
  }),
  greylist_retry_window: time('2d', 'Who has not come again within this time is new again.', { min: 1000 }),
  greylist_lifetime: time('35d', 'Who has not written for so long is new again.', { min: 1000 }),
  greylist_auto_allow_clients: int(
    '5',
    'A client network that has come again so often, for different senders or recipients, no longer waits. 0: each time anew.',
    { min: 0 },
  ),
  greylist_client_ipv4_prefix_length: int(
    '24',
    'Clients of one IPv4 network of this size are one: large senders come from several.',
    {
      min: 0,
      max: 32,
    },
  ),
  greylist_client_ipv6_prefix_length: int('64', 'The same for IPv6.', { min: 0, max: 128 }),
  greylist_client_exceptions: str('$mynetworks', 'Clients that never wait: names, networks, type:table.'),
  greylist_entry_limit: int(
    '1000000',
    'Entries that are kept, and as many client networks; beyond, those go first that have not come again.',
    {
      min: 1000,
    },
  ),
})

export type GreylistSettings = Settings<typeof greylistParams>
