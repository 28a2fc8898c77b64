/**
 * The program where every user may read it: started as root the server runs as mail_owner, and a checkout may lie in a
 * directory that only root may enter. Then the tests run a copy.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')
const NEEDED = ['bin', 'packaging', 'src', 'package.json']
const NOBODY = 65_534

function isOpen(): boolean {
  if (process.getuid?.() !== 0) return true
  const look = { uid: NOBODY, gid: NOBODY, cwd: '/' }
  return spawnSync('test', ['-r', join(ROOT, 'package.json')], look).status === 0
}

const CACHE = '.cache'

function copied(names: readonly string[], from: string, to: string): boolean {
  const paths = names.map((name) => join(from, name))
  // Links where it is the same file system: the runtime is large.
  return ['-al', '-af'].some((how) => spawnSync('cp', [how, ...paths, to]).status === 0)
}

function copy(): string {
  const to = mkdtempSync(join(tmpdir(), 'postigo-checkout-'))
  chmodSync(to, 0o755)
  process.once('exit', () => rmSync(to, { recursive: true, force: true }))
  const modules = join(to, 'node_modules')
  mkdirSync(modules)
  const packages = readdirSync(join(ROOT, 'node_modules')).filter((name) => name !== CACHE)
  const isCopied = copied(NEEDED, ROOT, to) && copied(packages, join(ROOT, 'node_modules'), modules)
  if (!isCopied) throw new Error(`${ROOT} cannot be copied to ${to}`)
  // Compiled code comes and goes while other tests run: what there is of it makes starts quick.
  copied([CACHE], join(ROOT, 'node_modules'), modules)
  return to
}

export const BIN = join(isOpen() ? ROOT : copy(), 'bin/postigo')
