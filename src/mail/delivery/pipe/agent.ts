/** pipe(8): mail to a command of master.cf, all recipients of a job at once. Texts and statuses are Postfix's. */
import { statSync } from 'node:fs'
import { type Clock, publish, errnoText } from '#src/base/mod.ts'
import type { MasterService } from '../../../io/config/mod.ts'
import type { Agent, DeliveryJob, RecipientResult } from '../../queue/mod.ts'
import { exportedEnvironment, type LocalSettings, type OwnEnvironment } from '../local/command.ts'
import type { LocalEvent } from '../local/events.ts'
import { type CommandEnd, failureOf, printable } from '../local/outcome.ts'
import type { RunAs } from '../local/run-as.ts'
import type { SystemUser } from '../local/users.ts'
import { wouldBe } from '../would-be.ts'
import { expandArguments, MacroError } from './arguments.ts'
import { isLoop, pipeCopy } from './copy.ts'
import { parsePipeService, type PipeService, PipeServiceError } from './service.ts'

export interface PipeAgentDeps {
  readonly clock: Clock
  readonly run: RunAs
  readonly cf: () => LocalSettings
  readonly own: () => OwnEnvironment
  /** The transport's entry in master.cf. */
  readonly service: (transport: string) => MasterService | undefined
  /** `TRANSPORT_time_limit`. */
  readonly timeLimitMs: (transport: string) => number
  readonly mailOwner: () => string
  readonly user: (name: string) => Promise<SystemUser | undefined>
  readonly group: (name: string) => Promise<number | undefined>
}

export function createPipeAgent(deps: PipeAgentDeps): Agent {
  return {
    async deliver(job, report, _signal) {
      const results = await deliverAll(job, deps)
      for (const { id } of job.recipients) report(id, results(id), job.transport)
    },
  }
}

const deferred = (dsn: string, text: string): RecipientResult => ({ status: 'deferred', dsn, text })
const BAD_SETTING = deferred('4.3.5', 'mail system configuration error')

async function deliverAll(job: DeliveryJob, deps: PipeAgentDeps): Promise<(id: number) => RecipientResult> {
  try {
    const entry = deps.service(job.transport)
    if (entry === undefined) throw new PipeServiceError('no such service in master.cf')
    const service = parsePipeService(entry)
    const rights = await rightsOf(service, deps)
    const many = ['D', 'O'].find((flag) => service.flags.has(flag) && job.recipients.length > 1)
    if (many !== undefined) {
      warn(`pipe flag \`${many}' requires ${service.name}_destination_recipient_limit = 1`)
      return () => BAD_SETTING
    }
    if (service.sizeLimit > 0 && job.sizeOctets > service.sizeLimit)
      return () => ({ status: 'bounced', dsn: '5.2.3', text: 'message too large' })
    const [first] = job.recipients
    if (service.flags.has('D') && first !== undefined && isLoop(job, first.address))
      return () => ({ status: 'bounced', dsn: '5.4.6', text: `mail forwarding loop for ${first.address}` })
    const result = await runService(job, service, rights, deps)
    return () => result
  } catch (error) {
    const where = `service ${job.transport}: `
    if (error instanceof MacroError) {
      warn(where + error.message)
      return () => BAD_SETTING
    }
    if (!(error instanceof PipeServiceError)) throw error
    warn(where + error.message)
    return () => deferred('4.3.0', 'unknown mail transport error')
  }
}

async function rightsOf(service: PipeService, deps: PipeAgentDeps): Promise<{ uid: number; gid: number }> {
  const user = await deps.user(service.user)
  if (user === undefined) throw new PipeServiceError(`get_service_attr: unknown username: ${service.user}`)
  const gid = service.group === undefined ? user.gid : await deps.group(service.group)
  if (gid === undefined) throw new PipeServiceError(`get_service_attr: unknown group: ${service.group}`)
  if (user.uid === 0) throw new PipeServiceError('user= command-line attribute specifies root privileges')
  if (gid === 0) throw new PipeServiceError('user= command-line attribute specifies privileged group id')
  if (user.name === deps.mailOwner())
    throw new PipeServiceError(`user= command-line attribute specifies mail system owner ${user.name}`)
  return { uid: user.uid, gid }
}

async function runService(
  job: DeliveryJob,
  service: PipeService,
  rights: { readonly uid: number; readonly gid: number },
  deps: PipeAgentDeps,
): Promise<RecipientResult> {
  const cf = deps.cf()
  const argv = expandArguments(service, job, {
    delimiters: cf.recipient_delimiter,
    ownerRequestSpecial: cf.owner_request_special,
    doubleBounceSender: cf.double_bounce_sender,
  })
  if (job.trace === 'verify') return wouldBe(`delivers to command: ${argv[0] ?? ''}`)
  const cwd = service.directory ?? (isDirectory(cf.queue_directory) ? cf.queue_directory : '/')
  if (!isDirectory(cwd)) {
    warn(`cannot change directory to "${cwd}" for uid=${rights.uid} gid=${rights.gid}: No such file or directory`)
    return deferred('4.3.0', 'temporary failure')
  }
  const end = await deps.run({
    ...rights,
    argv,
    env: exportedEnvironment(deps.own(), cf.export_environment),
    cwd,
    input: pipeCopy(job, service, deps.clock.now()),
    timeLimitMs: deps.timeLimitMs(job.transport),
  })
  return resultOf(end, argv[0] ?? '', service)
}

function resultOf(end: CommandEnd, program: string, { name, flags }: PipeService): RecipientResult {
  const failure = notStarted(end, program) ?? failureOf(end, program)
  if (failure !== undefined) return failure
  const output = end.ended === 'exited' ? printable(end.output).trimEnd() : ''
  const text = `delivered via ${name} service${output === '' ? '' : ` (${output})`}`
  return { status: 'sent', dsn: '2.0.0', text, final: flags.has('X') }
}

/** What the system says of a program that is none, or not for this user. */
const NOT_STARTED = new Set(['ENOENT', 'EACCES', 'ENOEXEC'])

/** A program that cannot be started is a matter for the postmaster: mail waits. */
function notStarted(end: CommandEnd, program: string): RecipientResult | undefined {
  if (end.ended !== 'refused' || !NOT_STARTED.has(end.errno ?? '')) return undefined
  const output = `pipe: fatal: pipe_command: execvp ${program}: ${errnoText(end.errno ?? '')} `
  return deferred('4.3.0', `temporary failure. Command output: ${output}`)
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
  } catch {
    return true // who looks may not see it; the user may
  }
}

function warn(text: string): void {
  publish<LocalEvent>({ event: 'delivery.warning', program: 'pipe', text })
}
