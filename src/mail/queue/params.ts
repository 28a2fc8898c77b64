/** Parameters of the queue, with Postfix's names and defaults. */
import { bool, defineParams, int, list, str, time } from '../../io/config/mod.ts'

export const queueParams = defineParams({
  queue_run_delay: time('300s', 'How often deferred recipients that are due are looked for.', { min: 1000 }),
  minimal_backoff_time: time(
    '300s',
    'The shortest wait before a deferred recipient is tried again, and how long a dead destination is left alone.',
    { min: 1000 },
  ),
  maximal_backoff_time: time('4000s', 'The longest; in between a message waits as long as it is old.', { min: 1000 }),
  maximal_queue_lifetime: time('5d', 'After so long a deferred message is returned.', { unit: 'd', min: 0 }),
  bounce_queue_lifetime: time('5d', 'The same for messages of the null sender, which are given up.', {
    unit: 'd',
    min: 0,
  }),
  delay_warning_time: time('0h', 'After so long in the queue the sender is told of the delay, once; 0 is never.', {
    unit: 'h',
    min: 0,
  }),
  confirm_delay_cleared: bool('no', 'Whether a sender who was told of a delay is told when the message has gone.'),
  initial_destination_concurrency: int('5', 'Deliveries to one destination at a time, to begin with.', { min: 1 }),
  default_destination_concurrency_limit: int('20', 'Deliveries to one destination at a time, at the most.', { min: 0 }),
  local_destination_concurrency_limit: int(
    '2',
    'The same by the transport local, where a destination is a recipient.',
    {
      min: 0,
    },
  ),
  local_destination_recipient_limit: int('1', 'Recipients of one delivery by the transport local.', { min: 0 }),
  default_destination_recipient_limit: int(
    '50',
    'Recipients of one delivery; with 1 each is a destination of its own.',
    {
      min: 0,
    },
  ),
  default_destination_concurrency_positive_feedback: str(
    '1',
    'How much a delivery that found its server adds to the concurrency: a number, also divided by concurrency or sqrt_concurrency.',
  ),
  default_destination_concurrency_negative_feedback: str(
    '1',
    'How much a delivery that found no server takes from the concurrency.',
  ),
  default_destination_concurrency_failed_cohort_limit: int(
    '1',
    'How often all deliveries at a time must fail before a destination counts as dead; 0 is never.',
    { min: 0 },
  ),
  default_destination_rate_delay: time('0s', 'The wait between two deliveries to one destination.', { min: 0 }),
  default_transport_rate_delay: time('0s', 'The wait between two deliveries by one transport.', { min: 0 }),
  default_process_limit: int('100', 'Deliveries by one transport at a time, where master.cf does not say.', { min: 1 }),
  defer_transports: list('', 'Transports that nothing is sent by until it is asked for.'),
  fast_flush_domains: list('$relay_domains', 'Domains whose waiting mail ETRN and `postqueue -s` may ask for.'),
  disable_verp_bounces: bool('no', 'Whether reports of VERP mail go to the plain sender, in one report.'),
  soft_bounce: bool('no', 'Whether refusals for good are kept in the queue, for trying a configuration.'),
})

/** Address verification. Postfix: verify(8). */
export const probeParams = defineParams({
  address_verify_poll_count: int('${stress?{1}:{3}}', 'How often a client waits for the answer of a probe.', {
    min: 1,
  }),
  address_verify_poll_delay: time('3s', 'How long each time.', { min: 0 }),
  address_verify_positive_expire_time: time('31d', 'How long an address that took mail counts as good.', { unit: 'd' }),
  address_verify_positive_refresh_time: time('7d', 'After so long it is probed again, while it counts.', { unit: 'd' }),
  address_verify_negative_cache: bool('yes', 'Whether it is kept that an address did not take mail.'),
  address_verify_negative_expire_time: time('3d', 'How long that counts.', { unit: 'd' }),
  address_verify_negative_refresh_time: time('3h', 'After so long it is probed again, while it counts.', { unit: 'h' }),
  address_verify_pending_request_limit: int('5000', 'Probes that wait at a time; more are not made.', { min: 1 }),
})
