/** What the launcher does for the server: runs a command as a user, reads a configured file, checks a password. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import type { CommandEnd } from '../../mail/delivery/mod.ts'
import { runAsChild } from '../../mail/delivery/local/run-as.ts'
import { AtOnce } from './at-once.ts'
import { configuredFiles, configuredGroups, launcherConfig, spoolGroupOf } from './configured.ts'
import { packAnswer } from './frames.ts'
import { type LauncherRequest, RefusedError, type RunWords } from './requests.ts'
import { checkPassword, groupNumber, userByNumber } from './system.ts'

/** Octets of a configured file. */
const FILE_LIMIT = 16 * 1024 * 1024
/** Commands at a time, and password checks at a time: a queue of these would only hide that something hangs. */
const RUN_LIMIT = 500
const PASSWORD_LIMIT = 32
/** Each question to PAM is a process of 64 MiB, and strangers ask: those that do not fit wait. */
const PAM_AT_ONCE = 6

export interface AnswererOptions {
  readonly directory: string
  readonly ownerUid: number
  readonly nowMs: () => number
}

export class Answerer {
  readonly #options: AnswererOptions
  #running = 0
  #checking = 0
  readonly #pam = new AtOnce(PAM_AT_ONCE)

  constructor(options: AnswererOptions) {
    this.#options = options
  }

  /** The answer's payload. Throws RefusedError, or what went wrong. */
  async answer(request: LauncherRequest, input: AsyncIterable<Buffer>): Promise<Buffer> {
    switch (request.ask) {
      case 'run':
        return packEnd(await this.#run(request, input))
      case 'read':
        return packAnswer({ ok: true }, this.#read(request.path))
      case 'password':
        return packAnswer({ ok: true, right: await this.#password(request.user, request.password) })
      default:
        return request satisfies never
    }
  }

  async #run(words: RunWords, input: AsyncIterable<Buffer>): Promise<CommandEnd> {
    if (words.uid === 0 || words.gid === 0) throw new RefusedError('commands are never run as root')
    if (words.uid === this.#options.ownerUid) throw new RefusedError('commands are never run as the mail owner')
    const user = await userByNumber(words.uid)
    if (user === undefined) throw new RefusedError(`no user has the id ${words.uid}`)
    if (words.gid !== user.gid && !(await this.#isConfiguredGroup(words.gid)))
      throw new RefusedError(`${user.name} is not of group id ${words.gid}`)
    if (this.#running >= RUN_LIMIT) throw new RefusedError(`${RUN_LIMIT} commands run already`)
    this.#running++
    try {
      return await runAsChild({ ...words, input })
    } finally {
      this.#running--
    }
  }

  /** pipe(8)'s `user=name:group`, and the group of the mail spool. */
  async #isConfiguredGroup(gid: number): Promise<boolean> {
    if (spoolGroupOf(this.#options.directory) === gid) return true
    const numbers = await Promise.all(configuredGroups(this.#options.directory).map(groupNumber))
    return numbers.includes(gid)
  }

  #read(path: string): Buffer {
    if (!configuredFiles(this.#options.directory).has(path)) throw new RefusedError(`${path} is no configured file`)
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const stat = fstatSync(fd)
      if (!stat.isFile() || stat.size > FILE_LIMIT) throw new RefusedError(`${path} is no file of a fitting size`)
      return readFileSync(fd)
    } finally {
      closeSync(fd)
    }
  }

  async #password(user: string, password: string): Promise<boolean> {
    if (this.#checking >= PASSWORD_LIMIT) throw new RefusedError(`${PASSWORD_LIMIT} passwords are checked already`)
    this.#checking++
    try {
      const pamService = launcherConfig(this.#options.directory).value('pam_service')
      const check = (): Promise<boolean> => checkPassword(user, password, this.#options.nowMs(), pamService)
      return await (pamService === '' ? check() : this.#pam.run(check))
    } finally {
      this.#checking--
    }
  }
}

function packEnd(end: CommandEnd): Buffer {
  if (end.ended === 'refused') return packAnswer({ ok: true, ...end })
  const { output, ...facts } = end
  return packAnswer({ ok: true, ...facts }, output)
}
