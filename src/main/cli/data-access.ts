/**
 * How a command reaches the data of a configuration directory, whoever has it: the running server, or a keeper that is started
 * for as long as the command takes.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import type { Config } from '../../io/config/mod.ts'
import { askControl, type ControlAnswer, type ControlRequest } from '../server/control.ts'
import { type DataPaths, dataPaths } from '../server/data-dir.ts'
import { holderAfterKeeper } from '../server/keeper.ts'
import { mainParams } from '../server/params.ts'
import { readConfig } from '../server/rooms.ts'

export interface DataAccess {
  readonly config: Config
  readonly paths: DataPaths
  /** Who the data belong to: what is left there for the server must be theirs. */
  readonly owner: Rights
  ask(request: ControlRequest): Promise<ControlAnswer>
  close(): Promise<void>
}

export interface Rights {
  readonly uid: number
  readonly gid: number
}

/** The data cannot be had; the message says why. */
export class NoData extends Error {}

/** A batch waits for its turn to be written, and a finish for many messages to move. */
const ANSWER_LIMIT_MS = 600_000

/** Throws NoData, and ConfigError. @param directory absolute */
export async function openData(directory: string): Promise<DataAccess> {
  const config = readConfig({ directory })
  const paths = dataPaths(config)
  const ask = (request: ControlRequest): Promise<ControlAnswer> => askControl(paths.control, request, ANSWER_LIMIT_MS)
  if ((await holderAfterKeeper(paths.dir)) !== undefined) {
    await ask({ command: 'ping' }).catch((error: unknown) => {
      throw new NoData(`the server does not answer: ${error instanceof Error ? error.message : String(error)}`)
    })
    return { config, paths, owner: ownerOf(paths), ask, close: () => Promise.resolve() }
  }
  const keeper = await startKeeper(directory, await rightsFor(config, paths))
  const close = async (): Promise<void> => {
    const gone = once(keeper, 'exit')
    if (keeper.connected) keeper.disconnect()
    if (keeper.exitCode === null) await gone
  }
  return { config, paths, owner: ownerOf(paths), ask, close }
}

function ownerOf({ dir }: DataPaths): Rights {
  const { uid, gid } = statSync(dir)
  return { uid, gid }
}

/** As root the keeper acts as the data's owner; where there are no data yet, as who will own them. undefined: as who calls. */
async function rightsFor(config: Config, paths: DataPaths): Promise<Rights | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const there = statSync(paths.dir, { throwIfNoEntry: false })
  if (there !== undefined) return there.uid === 0 ? undefined : { uid: there.uid, gid: there.gid }
  const { checkReadable, mailOwner, NoOwnerError } = await import('../launcher/launcher.ts')
  const { handOver } = await import('../launcher/hand-over.ts')
  try {
    const owner = await mailOwner(config.bind(mainParams).mail_owner, config.raw('mail_owner') !== undefined)
    checkReadable([config.file, process.argv[1] ?? ''], owner, undefined)
    handOver(config, owner)
    return owner
  } catch (error) {
    if (error instanceof NoOwnerError) return undefined
    throw error
  }
}

async function startKeeper(directory: string, rights: Rights | undefined): Promise<ChildProcess> {
  const script = new URL('../server/keeper-process.ts', import.meta.url)
  const keeper = fork(script, [directory], { ...(rights && { uid: rights.uid, gid: rights.gid }), cwd: '/' })
  const answer = await new Promise<{ ready: boolean; error?: string }>((resolve) => {
    keeper.once('message', (message) => resolve(message as { ready: boolean; error?: string })) // keeper-process.ts says nothing else
    keeper.once('exit', (code) => resolve({ ready: false, error: `the data cannot be opened (status ${code})` }))
  })
  if (!answer.ready) throw new NoData(answer.error ?? '')
  return keeper
}
