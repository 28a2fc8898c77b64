/** `postigo takeover` and `postigo giveback`: Postfix's place on this machine, there and back. */
import { spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { ConfigError } from '../../io/config/mod.ts'
import { serverLockHolder } from '../../io/db/mod.ts'
import { postfixMaster, postfixQueueNotice } from '../postfix-queue/find.ts'
import { dataPaths } from '../server/data-dir.ts'
import { readConfig } from '../server/rooms.ts'
import { describeStep, describeUndo, type Machine } from '../takeover/steps.ts'
import { giveBack, obstacle, plannedSteps, takenOver, takeOver } from '../takeover/takeover.ts'
import { parseWords, UsageError } from './accounts-port.ts'
import { NoData } from './data-access.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'

const USAGE = `usage: postigo takeover [-c DIR] [--dry-run] [--root DIR]
       postigo giveback [-c DIR] [--dry-run] [--keep-queue] [--root DIR]

takeover puts sendmail, mailq, newaliases, postqueue, postsuper and postcat of Postfix aside, links to ours in their
place, writes /etc/systemd/system/postigo.service and switches the unit of Postfix off and ours on. giveback undoes
exactly that, after our queue has gone to Postfix's. The configuration directory is not touched.
  --dry-run     only says what would be done
  --keep-queue  what waits in our queue stays there
  --root DIR    the machine whose files lie below DIR, an image say
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  'dry-run': { type: 'boolean' },
  'keep-queue': { type: 'boolean' },
  root: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

interface Given {
  readonly io: CliIo
  readonly directory: string
  readonly machine: Machine
  readonly isDry: boolean
  readonly keepQueue: boolean
}

export const takeover: Command = (argv, io) => withWords('takeover', argv, io, take)
export const giveback: Command = (argv, io) => withWords('giveback', argv, io, give)

async function withWords(
  name: string,
  argv: readonly string[],
  io: CliIo,
  work: (given: Given) => number | Promise<number>,
): Promise<number> {
  try {
    const { values, words } = parseWords(argv, OPTIONS)
    if (words.length > 0) throw new UsageError(`unknown word: ${words[0]}`)
    if (values.help === true) {
      io.out(USAGE)
      return EX.ok
    }
    return await work({
      io,
      directory: resolve(io.cwd, configDirectory(values.config, io)),
      machine: { root: resolve('/', values.root ?? '/').replace(/\/$/, ''), run },
      isDry: values['dry-run'] === true,
      keepQueue: values['keep-queue'] === true,
    })
  } catch (error) {
    if (error instanceof UsageError) {
      io.err(`postigo ${name}: ${error.message}\n${USAGE}`)
      return EX.usage
    }
    if (!(error instanceof Error)) throw error
    io.err(`postigo ${name}: ${error.message}\n`)
    if (error instanceof ConfigError) return EX.config
    return error instanceof NoData ? EX.unavailable : EX.software
  }
}

function run(argv: readonly string[]): string {
  const [program = '', ...words] = argv
  const { status, stdout, stderr, error } = spawnSync(program, words, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${argv.join(' ')}: ${error?.message ?? stderr.trim()}`)
  return stdout
}

function take({ io, directory, machine, isDry }: Given): number {
  const config = readConfig({ directory })
  if (takenOver(machine) !== undefined)
    throw new NoData('this machine is taken over already: "postigo giveback" undoes it')
  const steps = plannedSteps({ config, home: join(import.meta.dirname, '../../..'), machine })
  const why = obstacle(steps, { machine })
  if (why !== '') throw new NoData(why)
  for (const step of isDry ? steps : []) io.out(`would: ${describeStep(step)}\n`)
  if (isDry) return EX.ok
  takeOver(steps, machine, (step) => io.out(`${describeStep(step)}\n`))
  const notice = postfixQueueNotice(config)
  if (notice !== undefined) io.out(`${notice}\n`)
  io.out(`now start it: systemctl start postigo, or postigo start -c ${directory}\n`)
  return EX.ok
}

/** The queue first: as long as it is not there, nothing has changed. */
async function give({ io, directory, machine, isDry, keepQueue }: Given): Promise<number> {
  const config = readConfig({ directory })
  const steps = takenOver(machine)
  if (steps === undefined) throw new NoData('this machine was not taken over')
  if (serverLockHolder(dataPaths(config).dir) !== undefined) throw new NoData('the server runs: "postigo stop" first')
  if (postfixMaster(config.value('queue_directory') ?? '') !== undefined) throw new NoData('Postfix runs already')
  if (!keepQueue) {
    const { exportQueue } = await import('./queue-export.ts')
    const code = await exportQueue(directory, isDry, io)
    if (code !== EX.ok) return code
  }
  for (const step of isDry ? steps.toReversed() : []) io.out(`would: ${describeUndo(step)}\n`)
  if (isDry) return EX.ok
  giveBack(steps, machine, (step) => io.out(`${describeUndo(step)}\n`))
  io.out(`now start it: postfix -c ${directory} start\n`)
  return EX.ok
}
