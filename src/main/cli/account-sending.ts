/** `postigo account sending` and `release`: how much an account sends, and letting go what was held for that. */
import { type SendingState, sendingOwner } from '../../mail/policy/mod.ts'
import { type OpenAccounts, type OpenedAccounts, parseWords, UsageError, withAccounts } from './accounts-port.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'
import { asked, openQueue, QueueRefusal } from './queue-access.ts'

const USAGE = `usage: postigo account sending ACCOUNT [--json]
       postigo account release ACCOUNT

  sending   what the account has sent in the last hour and day, and what is held
  release   lets go what is held, and begins to count anew
  --json    for programs
  -c DIR    configuration directory

Limits are account_hourly_message_limit, account_daily_message_limit, account_hourly_new_recipient_limit and
account_daily_new_recipient_limit. New is a recipient that was not written to in the last 30 days; only while one of the
limits is set anything is counted.
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

export function sendingCommand(open: OpenAccounts): Command {
  return worded('sending', (io, address, { config, json }) =>
    withAccounts('postigo account sending', io, open, config, async (opened) => {
      const state = opened.sending.state(ownerOf(opened, address))
      io.out(json ? `${JSON.stringify(state, undefined, 2)}\n` : shown(state))
      return EX.ok
    }),
  )
}

export function releaseCommand(open: OpenAccounts): Command {
  return worded('release', async (io, address, { config }) => {
    const run = (work: (opened: OpenedAccounts) => Promise<number>): Promise<number> =>
      withAccounts('postigo account release', io, open, config, work)
    let held: readonly string[] = []
    const code = await run(async (opened) => {
      held = opened.sending.state(ownerOf(opened, address)).held
      return EX.ok
    })
    if (code !== EX.ok) return code
    const problem = await letGo(configDirectory(config, io), held)
    if (problem !== undefined) {
      io.err(`postigo account release: ${problem}\n`)
      return EX.unavailable
    }
    // Only now, so that nothing is forgotten that is still held.
    return run(async (opened) => {
      await opened.sending.release(ownerOf(opened, address))
      return EX.ok
    })
  })
}

/** Who has no account here is known by the name that was logged in with. */
function ownerOf({ accounts }: OpenedAccounts, address: string): string {
  return sendingOwner(accounts.find(address)?.id, address)
}

/** Answers what is in the way. */
async function letGo(directory: string, queueIds: readonly string[]): Promise<string | undefined> {
  if (queueIds.length === 0) return undefined
  const queue = await openQueue(directory)
  try {
    await asked(queue, { command: 'queue-operate', operation: 'release', queueIds, queues: ['hold'] })
    return undefined
  } catch (error) {
    if (error instanceof QueueRefusal) return error.message
    throw error
  } finally {
    await queue.close()
  }
}

function shown({ hour, day, held }: SendingState): string {
  const line = (name: string, { messages, newRecipients }: SendingState['hour']): string =>
    `${name}: ${messages} messages, ${newRecipients} new recipients\n`
  const ids = held.length === 0 ? '' : `held: ${held.join(' ')}\n`
  return line('hour', hour) + line('day', day) + ids
}

interface Given {
  readonly config: string | undefined
  readonly json: boolean
}

function worded(name: string, run: (io: CliIo, address: string, given: Given) => Promise<number>): Command {
  return async (argv, io) => {
    try {
      const { values, words } = parseWords(argv, OPTIONS)
      if (values.help === true) {
        io.out(USAGE)
        return EX.ok
      }
      const [address = '', ...more] = words
      if (address === '' || more.length > 0) throw new UsageError(`${name} takes an account`)
      if (values.json === true && name !== 'sending') throw new UsageError(`${name} has no option --json`)
      return await run(io, address, { config: values.config, json: values.json === true })
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      io.err(`postigo account ${name}: ${error.message}\n${USAGE}`)
      return EX.usage
    }
  }
}
