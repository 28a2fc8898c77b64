/** What main.cf and master.cf say of one transport: its own parameters, else those of all. */
import { type Config, ConfigError, parseTime } from '../../io/config/mod.ts'
import { type Feedback, parseFeedback } from './feedback.ts'
import type { TransportLimits } from './schedule.ts'

/** Reads a transport's limits once, until the configuration is another. */
export function transportLimits(config: () => Config): (transport: string) => TransportLimits {
  let known = new Map<string, TransportLimits>()
  let of: Config | undefined
  return (transport) => {
    const now = config()
    if (now !== of) [of, known] = [now, new Map()]
    let limits = known.get(transport)
    if (limits === undefined) known.set(transport, (limits = readLimits(now, transport)))
    return limits
  }
}

/** Throws ConfigError for a value that is none. */
export function readLimits(config: Config, transport: string): TransportLimits {
  const read = <T>(suffix: string, parse: (text: string) => T): T => {
    const name = transport + suffix
    const text = config.value(name) ?? ''
    try {
      return parse(text)
    } catch (error) {
      const origin = config.origin(name) ?? { file: config.file, line: 0 }
      throw new ConfigError(`${name}: ${error instanceof Error ? error.message : String(error)}`, origin)
    }
  }
  const feedback = (suffix: string): Feedback => read(suffix, parseFeedback)
  return {
    initial: Math.max(1, read('_initial_destination_concurrency', whole)),
    limit: read('_destination_concurrency_limit', whole),
    recipients: read('_destination_recipient_limit', whole),
    positive: feedback('_destination_concurrency_positive_feedback'),
    negative: feedback('_destination_concurrency_negative_feedback'),
    failedCohortLimit: read('_destination_concurrency_failed_cohort_limit', whole),
    rateDelayMs: read('_destination_rate_delay', delay),
    transportRateDelayMs: read('_transport_rate_delay', delay),
    deadMs: delay(config.value('minimal_backoff_time') ?? '300s'),
    processes: processesOf(config, transport),
    extensions: {
      delimiters: config.value('recipient_delimiter') ?? '',
      ownerRequestSpecial: config.value('owner_request_special') !== 'no',
      doubleBounceSender: config.value('double_bounce_sender') ?? 'double-bounce',
    },
  }
}

function delay(text: string): number {
  const ms = parseTime(text, 's')
  if (ms === undefined) throw new RangeError(`${text} is no time`)
  return ms
}

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new RangeError(`${text} is no whole number`)
  return Number(text)
}

/** master.cf's maxproc: `-` is default_process_limit, 0 is no limit. */
function processesOf(config: Config, transport: string): number {
  const service = config.master.find((one) => one.type === 'unix' && one.name === transport)
  const written = service?.maxProcesses ?? -1
  return written < 0 ? whole(config.value('default_process_limit') ?? '100') : written
}
