/** A server whose disk fails at one place while it is asked for all of fault-work.ts; then it is started anew, and the books are read. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publicPaths } from '#src/main/server/maildrop.ts'
import { Server } from '#src/main/server/server.ts'
import { verify } from '#src/main/verify/verify.ts'
import { DEEDS } from './fault-work.ts'
import { type FaultKind, type Faults, makeFaults } from './faults.ts'
import { submit, until } from './mailbox.ts'
import { MAIN_CF } from './process.ts'

const FAULTS_CF = `${MAIN_CF}
smtpd_tls_security_level = none
relay_domains = far.test
defer_transports = smtp, relay
intake_memory_limit = 1048576
queue_run_delay = 1s
expunged_retention = 0
minimal_backoff_time = 1s
`

export interface FaultTrial {
  readonly at: number
  readonly kind: FaultKind
  /** Everything fails from there on, until the disk is well again. */
  readonly lasting: boolean
}

export interface FaultResult {
  /** Calls that could have failed. */
  readonly places: number
  readonly failed: string | undefined
  readonly refused: readonly string[]
  readonly problems: readonly string[]
}

/** One at a time: faults are the process's. */
export class FaultTrials {
  readonly #base = mkdtempSync(join(tmpdir(), 'postigo-faults-'))
  readonly #faults: Faults
  #dir = ''
  #made = 0
  #template: Promise<void> | undefined

  constructor() {
    this.#faults = makeFaults(() => this.#dir)
  }

  close(): void {
    this.#faults.undo()
    rmSync(this.#base, { recursive: true, force: true })
  }

  async run(trial: FaultTrial): Promise<FaultResult> {
    await (this.#template ??= this.#make())
    this.#dir = join(this.#base, `trial${this.#made++}`)
    cpSync(join(this.#base, 'template'), this.#dir, { recursive: true })
    try {
      return await this.#run(trial)
    } finally {
      this.#faults.disarm()
      rmSync(this.#dir, { recursive: true, force: true })
    }
  }

  async #make(): Promise<void> {
    this.#dir = join(this.#base, 'template')
    await makeTemplate(this.#dir)
  }

  async #run({ at, kind, lasting }: FaultTrial): Promise<FaultResult> {
    const faults = this.#faults
    const said = new Map<string, boolean>()
    const problems: string[] = []
    const server = await start(this.#dir)
    faults.arm(at, kind, lasting)
    for (const { name, run } of DEEDS) said.set(name, await run(server).catch(() => false))
    const { count: places, failed } = faults
    faults.disarm()
    problems.push(...(await goesOn(server, this.#dir)))
    await server.stop()
    problems.push(...(await audit(this.#dir, said)))
    const refused = [...said].flatMap(([name, done]) => (done ? [] : [name]))
    return { places, failed, refused, problems }
  }
}

/** A stopped server's directory with what the deeds need. */
export async function makeTemplate(dir: string): Promise<void> {
  mkdirSync(dir)
  writeFileSync(join(dir, 'main.cf'), FAULTS_CF)
  const server = await start(dir)
  const account = await server.rooms.current.accounts.add('ana', '', 'secret')
  await server.rooms.current.store.provision(account.id)
  for (const { before } of DEEDS) await before?.(server)
  await server.stop()
}

/**
 * What is wrong, by a server that is started anew, with what was said of each deed; one that is not in `said` was cut short, and may be
 * done or not.
 */
export async function audit(dir: string, said: ReadonlyMap<string, boolean>): Promise<string[]> {
  const problems: string[] = []
  const server = await start(dir)
  await flush(server)
  for (const { name, isDone, retries } of DEEDS) {
    const done = await isDone(server).catch((error: unknown) => `${String(error)}`)
    const word = said.get(name)
    if (typeof done === 'string') problems.push(`${name}: ${done}`)
    else if (word === true && Number(done) !== 1)
      problems.push(`${name} was said to be done, and is there ${Number(done)} times`)
    else if (Number(done) > 1) problems.push(`${name} is there ${Number(done)} times`)
    // An IMAP command that failed at its end may have been done; mail that was refused is nowhere.
    else if (word === false && typeof done === 'number' && done > 0 && retries !== true)
      problems.push(`${name} was refused, and is there`)
  }
  await server.stop()
  verify({ paths: server.rooms.paths, onFinding: ({ text }) => problems.push(`verify: ${text}`) })
  return problems
}

/** With the disk well again mail is taken; or the server said why it takes none until it is started anew. */
async function goesOn(server: Server, dir: string): Promise<string[]> {
  const target = { server } as Parameters<typeof submit>[0]
  const code = await submit(target, '', ['ana@mail.example.test'], 'Subject: afterwards\n\n').catch(String)
  if (code === 250) return []
  if (!server.rooms.db.readOnly) return [`afterwards mail gets ${code}`]
  // Lines are written a little after what they tell of.
  const said = (): boolean => /could not be taken back/.test(readFileSync(join(dir, 'mail.log'), 'utf8'))
  await until('the log says why the server takes nothing', said)
  return []
}

function start(dir: string): Promise<Server> {
  const options = { directory: dir, portOffset: 0, freePorts: true, singleThread: true }
  return Server.start(options).then(({ server }) => server)
}

/** Waits until only mail is left that goes nowhere. */
async function flush(server: Server): Promise<void> {
  const { db } = server.rooms
  const { maildrop } = publicPaths(server.rooms.current.config)
  const isWhole = (name: string): boolean => (statSync(join(maildrop, name)).mode & 0o100) !== 0
  await until('the queue is empty but for what is deferred', () => {
    const waits = db.read.sql("SELECT 1 FROM queue_recipient WHERE address NOT LIKE '%@far.test' LIMIT 1").get()
    return (
      waits === undefined &&
      db.read.sql('SELECT 1 FROM queue_dropped LIMIT 1').get() === undefined &&
      !readdirSync(maildrop).some(isWhole)
    )
  })
}
