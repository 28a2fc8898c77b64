/** All fronts of a server: one in main's own thread, or threads of their own that are started again when they die. */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { publish } from '#src/base/mod.ts'
import { Front, type FrontStatus } from './front.ts'
import type { FromFront, FrontData, ToFront } from './front-thread.ts'
import type { ListenerSpec } from './listeners.ts'
import type { Rooms, SharedMemory } from './rooms.ts'
import type { ServerOptions } from './server.ts'

/** Threads: 0 is main itself. */
const FIRST_FRONT = 1
/** A front that keeps dying is not started again at once. */
const RESTART_AFTER_MS = 1000

interface FrontWorker {
  readonly worker: Worker
  ready: boolean
}

export class Fronts {
  readonly #options: ServerOptions
  readonly #rooms: Rooms
  readonly #shared: SharedMemory
  readonly #workers = new Map<number, FrontWorker>()
  #specs: readonly ListenerSpec[] = []
  #own: Front | undefined
  #isStopping = false

  constructor(options: ServerOptions, rooms: Rooms, shared: SharedMemory) {
    this.#options = options
    this.#rooms = rooms
    this.#shared = shared
  }

  /** Threads of its own. */
  get threads(): number {
    return this.#workers.size
  }

  /** Where main's own front listens; undefined: threads do. */
  get listening(): readonly ListenerSpec[] | undefined {
    return this.#own?.listening
  }

  /** @param single all in main's thread. Throws what stands in the way. */
  async start(specs: readonly ListenerSpec[], single: boolean): Promise<void> {
    this.#specs = specs
    if (single) {
      this.#own = new Front(this.#rooms, false)
      return this.#own.apply(specs)
    }
    const { front_threads: wanted } = this.#rooms.current.cf
    const count = wanted > 0 ? wanted : Math.max(1, availableParallelism() - 1)
    await Promise.all(Array.from({ length: count }, (_, i) => this.#start(FIRST_FRONT + i, count > 1)))
    return undefined
  }

  /** All take up the configuration as main has it now. Throws what one of them refuses. */
  async reload(specs: readonly ListenerSpec[]): Promise<void> {
    new Front(this.#rooms, false).prepare(specs) // so that no thread takes it up before another refuses it
    this.#specs = specs
    await this.#own?.apply(specs)
    for (const [thread, { worker }] of this.#workers) {
      const told = { ask: 'reload', specs: this.#specsOf(thread), handed: this.#rooms.handed } as const
      refused(await ask(worker, told, 'reloaded'))
    }
  }

  /** What a reload that was refused leaves to threads that start later. */
  keep(specs: readonly ListenerSpec[]): void {
    this.#specs = specs
  }

  /** Throws what is wrong with a certificate; then that listener keeps what it had. */
  async takeCertificates(): Promise<void> {
    this.#own?.takeCertificates()
    const { handed } = this.#rooms
    for (const { worker } of this.#workers.values())
      refused(await ask(worker, { ask: 'certificates', handed }, 'certified'))
  }

  /** Throws what stands in the way of a new log. */
  async reopenLog(): Promise<void> {
    for (const { worker } of this.#workers.values()) refused(await ask(worker, { ask: 'reopen' }, 'reopened'))
  }

  /** Connections of all. */
  async status(): Promise<FrontStatus> {
    const all: FrontStatus[] = this.#own === undefined ? [] : [this.#own.status]
    for (const { worker } of this.#workers.values()) {
      const answer = await ask(worker, { ask: 'status' }, 'status')
      if (answer.say === 'status') all.push(answer.status)
    }
    const sum = (what: keyof FrontStatus): number => all.reduce((n, front) => n + front[what], 0)
    return { smtp: sum('smtp'), imap: sum('imap'), pop3: sum('pop3'), lmtp: sum('lmtp') }
  }

  /** Each finishes what is in progress. */
  async stop(): Promise<void> {
    this.#isStopping = true
    await this.#own?.stop()
    await Promise.all([...this.#workers.values()].map(({ worker }) => ask(worker, { ask: 'stop' }, 'stopped')))
  }

  #start(thread: number, shared: boolean): Promise<void> {
    const { launcher, ...options } = this.#options
    const rooms = { ...options, thread, shared: this.#shared, migrated: true, handed: this.#rooms.handed }
    const data: FrontData = { rooms, specs: this.#specsOf(thread), shared, asksSystem: launcher !== undefined }
    const worker = new Worker(new URL('./front-thread.ts', import.meta.url), {
      workerData: data,
      stdout: false,
      stderr: false,
    })
    const front: FrontWorker = { worker, ready: false }
    this.#workers.set(thread, front)
    return new Promise((resolve, reject) => {
      worker.on('message', (message: FromFront) => {
        if (message.say === 'ready') {
          front.ready = true
          resolve()
        } else if (message.say === 'failed') reject(new Error(message.text))
        else if (message.say === 'verify') void this.#verify(worker, message)
      })
      worker.on('error', (error: Error) => {
        publish({ event: 'main.thread-died', text: `front thread ${thread} died: ${error.stack ?? error.message}` })
        reject(error)
      })
      worker.on('exit', () => void this.#died(thread, shared))
    })
  }

  /** A unix socket is one thread's: its connections cannot be shared out. */
  #specsOf(thread: number): readonly ListenerSpec[] {
    return thread === FIRST_FRONT ? this.#specs : this.#specs.filter(({ path }) => path === undefined)
  }

  /** A front that died is started again; its clients reconnect. */
  async #died(thread: number, shared: boolean): Promise<void> {
    const front = this.#workers.get(thread)
    this.#workers.delete(thread)
    if (this.#isStopping || front?.ready !== true) return
    await this.#rooms.turn.bury(thread)
    await new Promise((wake) => setTimeout(wake, RESTART_AFTER_MS))
    await this.#start(thread, shared).catch((error: unknown) => publish({ event: 'main.thread-died', error }))
  }

  async #verify(worker: Worker, { id, user, password }: FromFront & { say: 'verify' }): Promise<void> {
    const right = await this.#options.launcher?.verify(user, password).catch((error: unknown) => {
      publish({
        event: 'main.warning',
        text: `system passwords: ${error instanceof Error ? error.message : String(error)}`,
      })
      return undefined
    })
    worker.postMessage({ ask: 'verified', id, right } satisfies ToFront)
  }
}

/** Throws what a thread refuses to take up. */
function refused(answer: FromFront): void {
  if ('error' in answer && answer.error !== undefined) throw new Error(answer.error)
}

/** Asks a front and waits for its answer, or for its end. */
function ask(worker: Worker, question: ToFront, answer: FromFront['say']): Promise<FromFront> {
  return new Promise((resolve) => {
    const onMessage = (message: FromFront): void => {
      if (message.say === answer) done(message)
    }
    const onExit = (): void => done({ say: 'stopped' })
    const done = (message: FromFront): void => {
      worker.off('message', onMessage)
      worker.off('exit', onExit)
      resolve(message)
    }
    worker.on('message', onMessage)
    worker.on('exit', onExit)
    worker.postMessage(question)
  })
}
