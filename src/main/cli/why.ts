/** `postigo why`: what was decided about real mail, with the rules that led to it. */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { printable } from '#src/base/mod.ts'
import type { Config } from '../../io/config/mod.ts'
import type { PlannedRecipient } from '../../mail/intake/mod.ts'
import type { PolicyVerdict } from '../../mail/policy/mod.ts'
import { findStories, type Recorded, type Story } from '../paths/search.ts'
import { dataPaths } from '../server/data-dir.ts'
import { mainParams } from '../server/params.ts'
import { readConfig } from '../server/rooms.ts'
import { type Command, configDirectory, EX } from './io.ts'
import { deliveryLines, verdictLines } from './print-path.ts'

const USAGE = `usage: postigo why [-c DIR] [--limit N] [--json] QUEUE_ID | ADDRESS | @DOMAIN | CLIENT

Tells of mail that came in, or tried to: each verdict with the restrictions, tables and DNS answers that
led to it, where the mail was sent on to, and what became of it. The record is kept for
path_record_lifetime (main.cf). The newest story stands last; --limit says how many (10).
Exit status: 0, or 67 where nothing is recorded.
`

const LIMIT = 10

export const why: Command = async (argv, io) => {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      limit: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  const [word] = positionals
  const limit = Number(values.limit ?? LIMIT)
  if (values.help === true || word === undefined || positionals.length > 1 || !(limit > 0)) {
    io[values.help === true ? 'out' : 'err'](USAGE)
    return values.help === true ? EX.ok : EX.usage
  }
  const config = readConfig({ directory: resolve(io.cwd, configDirectory(values.config, io)) })
  const stories = await findStories(dataPaths(config).record, word.replace(/^<(.*)>$/, '$1'), limit)
  if (values.json === true) for (const story of stories) io.out(`${JSON.stringify(story)}\n`)
  else for (const story of stories) io.out(`${shown(storyLines(story, config))}\n\n`)
  if (stories.length > 0) return EX.ok
  const days = config.bind(mainParams).path_record_lifetime / 86_400_000
  io.err(
    days === 0
      ? 'postigo why: nothing is recorded (path_record_lifetime = 0)\n'
      : `postigo why: nothing about ${word} in the last ${days} days\n`,
  )
  return EX.noUser
}

/** What clients and servers said of themselves must not speak to a terminal. */
const shown = (lines: readonly string[]): string =>
  lines
    .flatMap((line) => line.split('\n'))
    .map(printable)
    .join('\n')

function storyLines({ queueId, events }: Story, config: Config): string[] {
  const [first] = events
  const alone = first?.['reply'] === undefined ? 'no message yet' : 'refused'
  return [queueId ?? alone, ...events.flatMap((event) => eventLines(event, config))]
}

/** Local time, to the second. */
function timeOf(ms: number): string {
  const date = new Date(ms)
  return new Date(ms - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19).replace('T', ' ')
}

function eventLines(event: Recorded, config: Config): string[] {
  const text = (name: string): string => {
    const value = event[name]
    return typeof value === 'string' ? value : ''
  }
  const line = (words: string): string => `  ${timeOf(event.at)} ${words}`
  switch (event.event) {
    case 'policy.verdict': {
      const verdict = event as unknown as PolicyVerdict // as the recorder wrote it
      const { where, clientName, clientAddress, sasl, helo, sender, recipient, reply } = verdict
      const login = sasl === undefined ? '' : `, logged in as ${sasl}`
      const envelope = [
        sender === undefined ? '' : ` from=<${sender}>`,
        recipient === undefined ? '' : ` to=<${recipient}>`,
      ]
      const said = reply ?? 'not refused'
      return [
        line(`${where} of ${clientName}[${clientAddress}]${login}, helo=<${helo ?? ''}>${envelope.join('')}: ${said}`),
        ...verdictLines(verdict, config),
      ]
    }
    case 'intake.planned':
      return [
        line(`from=<${text('sender')}> is sent to`),
        ...(event['recipients'] as PlannedRecipient[]).flatMap((one) => deliveryLines(one, config)), // as above
      ]
    case 'intake.deposited':
      return [line(`to=<${text('recipient')}>: in the mailbox`)]
    case 'intake.forwarded':
      return [line(`to=<${text('recipient')}>: sent on as ${text('as')}`)]
    case 'queue.result':
      return [line(`to=<${text('recipient')}> by ${text('relay')}: ${text('status')} ${text('dsn')} (${text('text')})`)]
    case 'queue.removed':
      return [line('left the queue')]
    default:
      return [line(`${event.event}: ${text('text')}`)]
  }
}
