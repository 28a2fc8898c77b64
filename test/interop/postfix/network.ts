/**
 * Hosts of a test: network namespaces on one wire, each with addresses, files of /etc and port 25 of its own. They live as
 * long as a process that does nothing holds them. Needs root, util-linux and iproute2.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { until } from '../../support/mailbox.ts'

export interface Host {
  readonly name: string
  readonly pid: number
}

export interface HostOptions {
  readonly name: string
  /** With the length of their prefix. */
  readonly addresses: readonly string[]
}

const START_MS = 30_000
/** Mounts over files of /etc, and waits to be killed. */
const HOLD =
  'mount --bind "$1/resolv.conf" /etc/resolv.conf && mount --bind "$1/hosts" /etc/hosts && exec sleep infinity'

/** The words that run a command on a host; it ends with whoever runs it. */
export function onHost({ pid }: Host, argv: readonly string[]): readonly [string, ...string[]] {
  return ['setpriv', '--pdeathsig', 'TERM', 'nsenter', '-t', String(pid), '-n', '-m', ...argv]
}

/** Throws, with the system's reason, where no namespaces can be made. */
export async function startNetwork(
  t: Pick<TestContext, 'after'>,
  dir: string,
  hosts: readonly HostOptions[],
): Promise<ReadonlyMap<string, Host>> {
  writeFileSync(join(dir, 'resolv.conf'), 'nameserver 127.0.0.1\noptions timeout:2 attempts:2\n')
  writeFileSync(join(dir, 'hosts'), '127.0.0.1 localhost\n::1 localhost\n')
  const wire = await hold(t, dir, 'wire')
  ip(wire, 'link add wire type bridge')
  ip(wire, 'link set wire up')
  const made = new Map<string, Host>()
  for (const [i, { name, addresses }] of hosts.entries()) {
    const host = await hold(t, dir, name)
    ip(wire, `link add port${i} type veth peer name eth0 netns ${host.pid}`)
    ip(wire, `link set port${i} master wire up`)
    allowLogs(host)
    ip(host, 'link set lo up')
    for (const address of addresses) ip(host, `address add ${address} dev eth0${address.includes(':') ? ' nodad' : ''}`)
    ip(host, 'link set eth0 up')
    made.set(name, host)
  }
  return made
}

async function hold(t: Pick<TestContext, 'after'>, dir: string, name: string): Promise<Host> {
  const words = ['--pdeathsig', 'KILL', 'unshare', '-n', '-m', 'sh', '-c', HOLD, 'sh', dir]
  const child = spawn('setpriv', words, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk) => (said += String(chunk)))
  t.after(() => void child.kill('SIGKILL'))
  const isThere = (): boolean => {
    if (child.exitCode !== null) throw new Error(`no namespaces can be made here: ${said.trim()}`)
    return isHeld(child)
  }
  await until(`${name}: a host in namespaces of its own`, isThere, START_MS)
  return { name, pid: child.pid ?? 0 }
}

/** Both namespaces are made, and the mounts are: it sleeps. */
function isHeld({ pid }: ChildProcess): boolean {
  try {
    const own = (kind: string): string => readlinkSync(`/proc/self/ns/${kind}`)
    const apart = ['net', 'mnt'].every((kind) => readlinkSync(`/proc/${pid}/ns/${kind}`) !== own(kind))
    return apart && readlinkSync(`/proc/${pid}/exe`).endsWith('/sleep')
  } catch {
    return false // not there yet
  }
}

/** As on a machine: with the ten datagrams of a new namespace Postfix's postlogd waits for itself. */
function allowLogs(host: Host): void {
  const script = 'echo 512 > /proc/sys/net/unix/max_dgram_qlen'
  execFileSync('nsenter', ['-t', String(host.pid), '-n', 'sh', '-c', script], { stdio: 'pipe' })
}

function ip(host: Host, words: string): void {
  execFileSync('nsenter', ['-t', String(host.pid), '-n', 'ip', ...words.split(' ')], { stdio: 'pipe' })
}
