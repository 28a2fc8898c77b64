/**
 * The program where every user may read it: started as root the server runs as mail_owner, and a checkout may lie in a
 * directory that only root may enter. Then the tests run a copy.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')
const NEEDED = ['bin', 'src', 'node_modules', 'package.json']
const NOBODY = 65_534

function isOpen(): boolean {
  if (process.getuid?.() !== 0) return true
  const look = { uid: NOBODY, gid: NOBODY, cwd: '/' }
  return spawnSync('test', ['-r', join(ROOT, 'package.json')], look).status === 0
}

function copy(): string {
  const to = mkdtempSync(join(tmpdir(), 'postigo-checkout-'))
  chmodSync(to, 0o755)
  process.once('exit', () => rmSync(to, { recursive: true, force: true }))
  const from = NEEDED.map((name) => join(ROOT, name))
  // Links where it is the same file system: the runtime is large.
  if (spawnSync('cp', ['-al', ...from, to]).status === 0) return to
  if (spawnSync('cp', ['-a', ...from, to]).status !== 0) throw new Error(`${ROOT} cannot be copied to ${to}`)
  return to
}

export const BIN = join(isOpen() ? ROOT : copy(), 'bin/postigo')
