/**
 * A view of the machine of its own, in which resolv.conf and hosts are the test's: Postfix asks the system's resolver,
 * which takes no other file. Needs root and util-linux's unshare; nothing outside the view changes.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Host, onHost } from './network.ts'

const SCRIPT =
  'mount --bind "$1/resolv.conf" /etc/resolv.conf && mount --bind "$1/hosts" /etc/hosts && shift && exec "$@"'

/** Why the comparison cannot be made here; undefined where it can. */
export function reasonToSkip(): string | undefined {
  if (!existsSync('/usr/sbin/postfix')) return 'Postfix is not installed (npm run setup:test)'
  if (process.getuid?.() !== 0) return "Postfix's master must be started by root"
  const tried = spawnSync('unshare', ['-m', 'sh', '-c', 'mount --bind /etc/hosts /etc/hosts'])
  return tried.status === 0 ? undefined : 'no mount namespace can be made here'
}

/** Writes the two files that `inView` puts in place. */
/** @param more lines of resolv.conf */
export function writeView(dir: string, dnsAddress: string, more = ''): void {
  writeFileSync(join(dir, 'resolv.conf'), `nameserver ${dnsAddress}\noptions timeout:2 attempts:1\n${more}`)
  writeFileSync(join(dir, 'hosts'), '127.0.0.1 localhost\n192.0.2.99 listed.hosts.test\n')
}

/** The directory that `writeView` wrote into, or a host. */
export type View = string | Host

/** The words that run a command in a view; it ends with whoever runs it. */
export function inView(view: View, argv: readonly string[]): readonly [string, ...string[]] {
  if (typeof view !== 'string') return onHost(view, argv)
  const dir = view
  return ['setpriv', '--pdeathsig', 'TERM', 'unshare', '-m', 'sh', '-c', SCRIPT, 'sh', dir, ...argv]
}
