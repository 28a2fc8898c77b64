/** Parameters of the queue, with Postfix's names and defaults. */
import { bool, defineParams, int, list, time } from '../../io/config/mod.ts'

export const queueParams = defineParams({
  minimal_backoff_time: time('300s', 'The shortest wait before a deferred recipient is tried again.', { min: 1000 }),
  maximal_backoff_time: time('4000s', 'The longest; the wait doubles from one to the other.', { min: 1000 }),
  maximal_queue_lifetime: time('5d', 'After so long a deferred message is returned.', { unit: 'd' }),
  bounce_queue_lifetime: time('5d', 'The same for messages of the null sender, which are given up.', { unit: 'd' }),
  default_destination_concurrency_limit: int('20', 'Deliveries to one destination at a time.', { min: 1 }),
  default_process_limit: int('100', 'Deliveries of the whole queue at a time.', { min: 1 }),
  defer_transports: list('', 'Transports that nothing is sent by until it is asked for.'),
  soft_bounce: bool('no', 'Whether refusals for good are kept in the queue, for trying a configuration.'),
  fast_flush_domains: list('$relay_domains', 'Domains whose waiting mail ETRN may ask for.'),
})
