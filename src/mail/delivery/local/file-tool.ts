/** Files of users, with the user's rights: runs files.pl or survey.pl, and reads the answer. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { RunAs } from './run-as.ts'

export interface FileRights {
  readonly uid: number
  readonly gid: number
}

export type FileAnswer =
  | { readonly ok: true; readonly said: string; readonly octets: Buffer }
  /** `errno`: EAGAIN, ENOSPC, EFBIG …, EOTHER. */
  | { readonly ok: false; readonly errno: string; readonly text: string }

export interface FileRequest {
  readonly verb: 'mbox' | 'maildir' | 'read' | 'home' | 'survey' | 'collect' | 'clear'
  readonly paths: readonly string[]
  readonly words?: Readonly<Record<string, string | number>>
  readonly input?: Iterable<Buffer>
  readonly outputLimit?: number
}

/** A file operation waits for locks at the most; this is for a file system that hangs. */
const TIME_LIMIT_MS = 300_000
/** Of randomness: no message holds it. */
const MARK_OCTETS = 16
export const PERL = '/usr/bin/perl'
export const FILES = readFileSync(new URL('./files.pl', import.meta.url), 'utf8')
const SURVEY = readFileSync(new URL('./drops/survey.pl', import.meta.url), 'utf8')

export type FileTool = (rights: FileRights, request: FileRequest) => Promise<FileAnswer>

export function createFileTool(run: RunAs): FileTool {
  return async (rights, { verb, paths, words = {}, input, outputLimit = 65_536 }) => {
    const mark = input === undefined ? '' : randomBytes(MARK_OCTETS).toString('hex')
    const named = Object.entries({ ...words, mark }).map(([name, value]) => `${name}=${value}`)
    const argv = [
      PERL,
      '-e',
      verb === 'survey' ? SURVEY : FILES,
      '--',
      verb,
      ...named,
      ...paths.map((path) => `path=${path}`),
    ]
    const request = {
      ...rights,
      argv,
      env: { PATH: '/usr/bin:/bin' },
      cwd: '/',
      input: marked(input, mark),
      outputLimit,
    }
    const end = await run({ ...request, timeLimitMs: TIME_LIMIT_MS, stdoutOnly: true })
    if (end.ended === 'refused') return { ok: false, errno: 'EREFUSED', text: end.text }
    if (end.ended !== 'exited') return { ok: false, errno: 'EAGAIN', text: `${PERL} ended too early (${end.ended})` }
    return readAnswer(end.output) ?? { ok: false, errno: 'EAGAIN', text: `${PERL} ended with status ${end.status}` }
  }
}

/** What is handed over ends in the mark: a server that is killed in the middle must not look like the end of a message. */
function* marked(input: Iterable<Buffer> | undefined, mark: string): Generator<Buffer> {
  yield* input ?? []
  if (mark !== '') yield Buffer.from(mark)
}

function readAnswer(output: Buffer): FileAnswer | undefined {
  const end = output.indexOf('\n')
  const line = output.subarray(0, Math.max(0, end)).toString()
  const octets = output.subarray(end + 1)
  if (line.startsWith('OK ')) return { ok: true, said: line.slice(3), octets }
  const [, errno = '', text = ''] = /^ERR (\w+) (.*)$/.exec(line) ?? []
  return errno === '' ? undefined : { ok: false, errno, text }
}
