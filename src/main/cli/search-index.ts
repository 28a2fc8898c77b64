/** `postigo search-index`: how much of the mail the search index knows, and making it anew. */
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { IndexStatus } from '../../mail/store/mod.ts'
import { parseWords, UsageError } from './accounts-port.ts'
import { type DataAccess, NoData, openData } from './data-access.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'
import { Progress } from './mailbox-import-report.ts'
import { commandFailure } from './command-failure.ts'

const USAGE = `usage: postigo search-index status [ACCOUNT] [--json]
       postigo search-index rebuild [ACCOUNT] [--no-wait]

  ACCOUNT    whose messages: user, or user@domain; without it, everybody's
  --no-wait  does not wait until all is indexed; needs a running server
  --json     for programs
  -c DIR     configuration directory

SEARCH finds the same at any time: what is not indexed is read.
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  json: { type: 'boolean' },
  'no-wait': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/** How often one who waits looks. */
const LOOK_EVERY_MS = 250
/** Nothing moved for so long: whoever indexes has a problem, and said so in the log. */
const STUCK_MS = 120_000

interface Answer {
  readonly isKept: boolean
  readonly status: IndexStatus
}

export const searchIndex: Command = async (argv, io) => {
  try {
    const { values, words } = parseWords(argv, OPTIONS)
    if (values.help === true) {
      io.out(USAGE)
      return EX.ok
    }
    const [command = 'status', account, ...more] = words
    if ((command !== 'status' && command !== 'rebuild') || more.length > 0) throw new UsageError('status or rebuild?')
    const data = await openData(resolve(io.cwd, configDirectory(values.config, io)))
    try {
      const answer = await asked(data, `search-index-${command}`, account)
      const waits = command === 'rebuild' && values['no-wait'] !== true
      const { isKept, status } = waits ? await untilWhole(data, account, io) : answer
      io.out(values.json === true ? `${JSON.stringify({ isKept, ...status })}\n` : describe(isKept, status))
      return EX.ok
    } finally {
      await data.close()
    }
  } catch (error) {
    return commandFailure('search-index', USAGE, error, io)
  }
}

async function asked(data: DataAccess, command: string, account: string | undefined): Promise<Answer> {
  const answer = await data.ask({ command, ...(account !== undefined && { account }) })
  if (!answer.ok) throw new NoData(answer.error)
  return answer as unknown as Answer // search-control.ts says this
}

async function untilWhole(data: DataAccess, account: string | undefined, io: CliIo): Promise<Answer> {
  const progress = new Progress(io)
  let movedAt = Date.now()
  for (let before = -1; ;) {
    const answer = await asked(data, 'search-index-status', account)
    const { indexed, messages } = answer.status
    if (indexed !== before) movedAt = Date.now()
    before = indexed
    if (indexed >= messages || !answer.isKept) {
      progress.clear()
      return answer
    }
    if (Date.now() - movedAt > STUCK_MS) throw new NoData('nothing is indexed any more; the log says why')
    progress.show('messages indexed', indexed, messages)
    await sleep(LOOK_EVERY_MS)
  }
}

function describe(isKept: boolean, { messages, indexed, blocks, octets }: IndexStatus): string {
  if (!isKept) return 'no index is kept (search_index = no)\n'
  const share = messages === 0 ? 100 : Math.floor((100 * indexed) / messages)
  const size = `${blocks} ${blocks === 1 ? 'block' : 'blocks'}, ${(octets / 1024 ** 2).toFixed(1)} MiB`
  return `${indexed} of ${messages} messages indexed (${share} %), ${size}\n`
}
