/**
 * What `postigo backup` asks of whoever has the data: a snapshot of the database, and that no segment of the log goes while the command
 * copies them.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import type { Clock } from '#src/base/mod.ts'
import { type SnapshotRun, startSnapshot } from '../../io/db/mod.ts'
import type { ControlAnswer, ControlRequest } from '../server/control.ts'
import type { DataPaths } from '../server/data-dir.ts'
import { BACKUP_ID, hold, letGo, snapshotPath, sweepHolds } from './holds.ts'

/** Backups at a time: each may take as much room as the database does. */
const BACKUPS = 2

interface Begun {
  readonly run: SnapshotRun
  state: 'running' | 'made' | 'failed'
  text: string
}

export class Backups {
  readonly #paths: Pick<DataPaths, 'database' | 'snapshots'>
  readonly #clock: Clock
  readonly #begun = new Map<string, Begun>()

  constructor(paths: Pick<DataPaths, 'database' | 'snapshots'>, clock: Clock) {
    this.#paths = paths
    this.#clock = clock
  }

  answer(request: ControlRequest): ControlAnswer {
    if (request.command === 'backup-begin') return this.#begin()
    const id = String(request['id'])
    if (!BACKUP_ID.test(id)) return { ok: false, error: 'not a backup' }
    switch (request.command) {
      case 'backup-state':
        return this.#state(id)
      case 'backup-end':
        this.#begun.get(id)?.run.stop()
        this.#begun.delete(id)
        letGo(this.#paths.snapshots, id)
        return { ok: true }
      default:
        return { ok: false, error: `unknown request: ${request.command}` }
    }
  }

  async stop(): Promise<void> {
    for (const { run } of this.#begun.values()) run.stop()
    await Promise.allSettled([...this.#begun.values()].map(({ run }) => run.made))
  }

  #begin(): ControlAnswer {
    const { snapshots, database } = this.#paths
    const running = [...this.#begun.values()].filter(({ state }) => state === 'running')
    if (running.length >= BACKUPS) return { ok: false, error: `${running.length} backups begin at this moment` }
    mkdirSync(snapshots, { recursive: true, mode: 0o700 })
    sweepHolds(snapshots, this.#clock.now())
    const id = randomBytes(16).toString('hex')
    hold(snapshots, id) // before the snapshot's moment: what that knows must stay
    const begun: Begun = { run: startSnapshot(database, snapshotPath(snapshots, id)), state: 'running', text: '' }
    this.#begun.set(id, begun)
    begun.run.made.then(
      () => (begun.state = 'made'),
      (error: unknown) => {
        begun.state = 'failed'
        begun.text = error instanceof Error ? error.message : String(error)
        letGo(snapshots, id)
      },
    )
    return { ok: true, id }
  }

  #state(id: string): ControlAnswer {
    const begun = this.#begun.get(id)
    if (begun === undefined) return { ok: false, error: 'the server was started anew meanwhile; run it again' }
    if (begun.state === 'failed') return { ok: false, error: begun.text }
    return { ok: true, state: begun.state, ...begun.run.progress() }
  }
}
