/** A server killed at one place between two writes, and started again; the books of all its mail afterwards. */
import { spawn } from 'node:child_process'
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { audit, takes, type Users, writeWork } from './queue-work.ts'
import { type Sink, startSink } from './sink.ts'
import { makeSystemUser, withoutRoot } from './system-user.ts'
import { Server } from '#src/main/server/server.ts'

export interface Trial {
  /** Where lives ended; empty: the first came to its end. */
  readonly killed: readonly string[]
  readonly problems: readonly string[]
  /** Names of the places that the first life passed, where they were asked for. */
  readonly points: readonly string[]
}

export interface Lives {
  readonly killAt: number | string
  /** Where the second life is ended too; 0: nowhere. */
  readonly killAgainAt?: number
  readonly list?: boolean
}

/** What a life says line by line. */
interface Life {
  readonly signal: string | null
  readonly code: number | null
  readonly lines: readonly string[]
  readonly errors: string
}

/** Makes the accounts once; each trial begins with a copy. */
export class QueueTrials {
  readonly #base: string
  #template: Promise<void> | undefined
  #made = 0

  constructor(t: Pick<TestContext, 'after'>) {
    this.#base = mkdtempSync(join(tmpdir(), 'postigo-points-'))
    chmodSync(this.#base, 0o755)
    t.after(() => rmSync(this.#base, { recursive: true, force: true }))
  }

  /** One trial; what it needed is gone when it answers. */
  async run(lives: Lives): Promise<Trial> {
    const last: (() => unknown)[] = []
    // All that fixtures ask of a test's context.
    const t = { after: (fn: () => unknown) => void last.unshift(fn) } as unknown as TestContext
    try {
      return await this.#run(t, lives)
    } finally {
      for (const fn of last) await fn()
    }
  }

  async #run(t: TestContext, { killAt, killAgainAt = 0, list = false }: Lives): Promise<Trial> {
    await (this.#template ??= this.#make())
    const place = join(this.#base, `trial${this.#made++}`)
    const dir = join(place, 'etc')
    const open = join(place, 'open')
    cpSync(join(this.#base, 'template'), dir, { recursive: true })
    mkdirSync(open)
    chmodSync(open, 0o777)
    const asked = new Map<string, number>()
    const sink = await startSink(t, {
      answer: (command) => {
        const [, to] = /^RCPT TO:<([^>]*)>/i.exec(command) ?? []
        if (to === undefined) return undefined
        const nth = (asked.get(to) ?? 0) + 1
        asked.set(to, nth)
        return takes(to, nth)
      },
    })
    const users = makeUsers(t)
    writeWork(dir, { open, sink: sink.port, users })
    const first = await live(dir, killAt, [list ? 'list' : '-', 'first', JSON.stringify(users)])
    const before = takenBy(sink)
    const lives = [first]
    if (killAgainAt > 0) lives.push(await live(dir, killAgainAt))
    const between = takenBy(sink)
    if (lives.at(-1)?.signal !== null) lives.push(await live(dir, 0))
    const mail = new Map<string, string[]>()
    for (const [user = '', json = ''] of said(lives.at(-1), /^mail (\S+) (.*)$/))
      mail.set(roleOf(user, users), [...(mail.get(roleOf(user, users)) ?? []), String(JSON.parse(json))])
    const accepted = new Set(said(first, /^accepted (.*)$/).map(([name = '']) => name))
    const kills = lives.filter(({ signal }) => signal !== null).length
    const problems = audit({
      accepted,
      taken: takenBy(sink),
      takenBefore: kills > 1 ? between : before,
      kills,
      mail,
      open,
    })
    for (const { signal, code, errors } of lives)
      if (errors !== '' || (signal === null && code !== 0)) problems.push(`a life ended with ${code}: ${errors}`)
    const killed = lives.flatMap((life) => said(life, /^killed (.*)$/)).map(([name = '']) => name)
    if (problems.length === 0) rmSync(place, { recursive: true, force: true, maxRetries: 3 })
    return { killed, problems, points: said(first, /^point (.*)$/).map(([name = '']) => name) }
  }

  /** A server with accounts, stopped in order. */
  async #make(): Promise<void> {
    const dir = join(this.#base, 'template')
    mkdirSync(dir)
    writeWork(dir, { open: this.#base, sink: 9, users: {} })
    const { server } = await Server.start({ directory: dir, portOffset: 0, freePorts: true, singleThread: true })
    const { accounts, store } = server.rooms.current
    for (const name of ['ana', 'here']) await store.provision((await accounts.add(name, '', 'secret')).id)
    await server.stop()
  }
}

const hasProcmail = existsSync('/usr/bin/procmail')

/** Users of the system in the parts that messages are for; none where this is not root. */
function makeUsers(t: TestContext): Users {
  if (withoutRoot !== undefined) return {}
  const forwards = makeSystemUser(t)
  writeFileSync(join(forwards.home, '.forward'), 'next@far.test\n')
  chownSync(join(forwards.home, '.forward'), forwards.uid, forwards.uid)
  if (!hasProcmail) return { forwards: forwards.name }
  const files = makeSystemUser(t)
  writeFileSync(join(files.home, '.procmailrc'), 'MAILDIR=$HOME/mail\nDEFAULT=$MAILDIR/lists/\n')
  mkdirSync(join(files.home, 'mail'))
  for (const name of ['.procmailrc', 'mail']) chownSync(join(files.home, name), files.uid, files.uid)
  return { forwards: forwards.name, files: files.name }
}

function roleOf(name: string, users: Users): string {
  return Object.entries(users).find(([, one]) => one === name)?.[0] ?? name
}

const LIFE = join(import.meta.dirname, 'queue-life.ts')

async function live(dir: string, killAt: number | string, words: readonly string[] = []): Promise<Life> {
  const argv = ['--disable-warning=ExperimentalWarning', LIFE, dir, String(killAt), ...words]
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] })
  const [out, errors] = [child.stdout, child.stderr].map(async (stream) => {
    let text = ''
    for await (const chunk of stream.setEncoding('utf8')) text += String(chunk)
    return text
  })
  const [code, signal] = await new Promise<[number | null, string | null]>((ended) =>
    child.once('exit', (...how) => ended(how)),
  )
  return { code, signal, lines: ((await out) ?? '').split('\n'), errors: (await errors) ?? '' }
}

/** What stands in the lines that have the form. */
function said(life: Life | undefined, form: RegExp): string[][] {
  return (life?.lines ?? []).flatMap((line) => {
    const [, ...parts] = form.exec(line) ?? []
    return parts.length > 0 ? [parts] : []
  })
}

/** How often each recipient was in a transaction that came to its end. */
function takenBy({ heard }: Sink): Map<string, number> {
  const taken = new Map<string, number>()
  const nths = new Map<string, number>()
  for (const session of heard) {
    let recipients: string[] = []
    for (const line of session) {
      const [, to] = /^RCPT TO:<([^>]*)>/i.exec(line) ?? []
      if (/^MAIL/i.test(line)) recipients = []
      else if (to !== undefined) {
        const nth = (nths.get(to) ?? 0) + 1
        nths.set(to, nth)
        if (takes(to, nth) === undefined) recipients.push(to)
      } else if (line.endsWith(' octets)')) for (const one of recipients) taken.set(one, (taken.get(one) ?? 0) + 1)
    }
  }
  return taken
}
