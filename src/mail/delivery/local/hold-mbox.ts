/** An mbox that others leave alone for a while: dot-lock and kernel locks as deliveries take them, held by a child process. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { FILES, type FileRights, PERL } from './file-tool.ts'
import { type LockSettings, lockWords } from './files.ts'

export type Held =
  | { readonly ok: true; readonly warning: string; release(): Promise<void> }
  | { readonly ok: false; readonly text: string }

const GROUP_WRITES = 0o020

/** @param rights of whom; as root also with the group that may make lock files beside the mbox (`mail`) */
export async function holdMbox(path: string, rights: FileRights, cf: LockSettings): Promise<Held> {
  const words = Object.entries({ ...lockWords(cf), may_fail: 1 }).map(([name, value]) => `${name}=${value}`)
  const argv = ['-e', FILES, '--', 'hold', ...words, `path=${path}`]
  const child = spawn(PERL, argv, { ...idsOf(path, rights), cwd: '/', env: { PATH: '/usr/bin:/bin' }, stdio: 'pipe' })
  let warning = ''
  child.stderr.on('data', (chunk: Buffer) => (warning += chunk.toString()))
  const ended = once(child, 'close')
  const line = await new Promise<string>((resolve) => {
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (said.includes('\n')) resolve(said.slice(0, said.indexOf('\n')))
    })
    child.once('error', (error) => resolve(`ERR EOTHER ${error.message}`))
    child.once('close', () => resolve(`ERR EOTHER ${warning.trim()}`))
  })
  if (!line.startsWith('OK ')) return { ok: false, text: line.replace(/^ERR \w+ /, '') }
  const release = async (): Promise<void> => {
    child.stdin.end()
    await ended
  }
  return { ok: true, warning: warning.trim(), release }
}

function idsOf(path: string, { uid, gid }: FileRights): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const directory = statSync(dirname(path))
  return { uid, gid: (directory.mode & GROUP_WRITES) === 0 ? gid : directory.gid }
}
