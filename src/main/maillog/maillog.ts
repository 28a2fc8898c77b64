/** The log of one thread: events printed as they come, as Postfix's lines or as JSON. */
import { listen, type PostigoEvent } from '#src/base/mod.ts'
import type { Config } from '../../io/config/mod.ts'
import { quote } from '../../mail/routing/mod.ts'
import type { Configured } from '../server/rooms.ts'
import { type AddressForm, lineOf, UNLOGGED } from './lines.ts'
import { maillogParams } from './params.ts'
import { createLogWriter, type LogWriter } from './writer.ts'

export type { AddressForm } from './lines.ts'

export interface Maillog {
  readonly writer: LogWriter
  /** Takes up what a fresh configuration says of lines, and opens the file anew. */
  reload(configured: Pick<Configured, 'config'>): void
  close(): void
}

export function startMaillog({ config, cf, hostname }: Configured): Maillog {
  const writer = createLogWriter({
    file: cf.maillog_file,
    permissions: Number.parseInt(cf.maillog_file_permissions, 8),
    syslogName: config.value('syslog_name') ?? 'postfix',
    hostname: hostname.split('.')[0] ?? hostname,
    format: process.env['JOURNAL_STREAM'] !== undefined && cf.maillog_file === '' ? 'journal' : 'text',
    now: Date.now,
  })
  const json = cf.maillog_format === 'json'
  let form = addressForm(config)
  let digits = delayDigits(config)
  const stop = listen((event) => {
    if (UNLOGGED.has(event.event)) return
    if (json) writer.raw(jsonOf(event))
    else {
      const line = lineOf(event, digits, form)
      if (line !== undefined) writer.line(line.service, line.text, line.syslogName)
    }
  })
  return {
    writer,
    reload(fresh) {
      form = addressForm(fresh.config)
      digits = delayDigits(fresh.config)
      writer.reopen()
    },
    close() {
      stop()
      writer.close()
    },
  }
}

/** How addresses are written for people: info_log_address_format. */
export function addressForm(config: Config): AddressForm {
  return config.bind(maillogParams).info_log_address_format === 'external' ? quote : (address) => address
}

const delayDigits = (config: Config): number => config.bind(maillogParams).delay_logging_resolution_limit

function jsonOf(event: PostigoEvent): string {
  const plain = (_: string, value: unknown): unknown =>
    value instanceof Error ? (value.stack ?? value.message) : typeof value === 'bigint' ? Number(value) : value
  return JSON.stringify({ time: new Date().toISOString(), ...event }, plain)
}
