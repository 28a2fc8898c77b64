/** DNS as it is outside: Debian's Knot serves a signed zone, and Unbound on each host asks it and validates. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { until } from '../../support/mailbox.ts'
import { type Host, onHost } from './network.ts'

/** How long a program may take to start on a machine that has much to do. */
const START_MS = 30_000

export const missingDns = (): string | undefined =>
  ['/usr/sbin/knotd', '/usr/sbin/unbound'].every((path) => existsSync(path))
    ? undefined
    : 'knot or unbound is not installed (npm run setup:test)'

export interface Zone {
  readonly name: string
  /** Lines of a zone file, without SOA and NS. */
  readonly records: string
  readonly isSigned: boolean
}

/** Serves zones on a host. Answers the trust anchors of those that are signed, as DS records. */
export async function serveZones(
  t: Pick<TestContext, 'after'>,
  host: Host,
  {
    dir,
    addresses,
    zones,
  }: { readonly dir: string; readonly addresses: readonly string[]; readonly zones: readonly Zone[] },
): Promise<string[]> {
  mkdirSync(dir)
  for (const { name, records } of zones)
    writeFileSync(
      join(dir, `${name}.zone`),
      `$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A ${addresses[0]}\nns AAAA ${addresses[1]}\n${records}\n`,
    )
  const conf = join(dir, 'knot.conf')
  writeFileSync(
    conf,
    `server:
    rundir: "${dir}"
    listen: [ ${addresses.map((address) => `${address}@53`).join(', ')} ]
database:
    storage: "${dir}"
policy:
  - id: quick
    algorithm: ecdsap256sha256
    single-type-signing: on
zone:
${zones.map(({ name, isSigned }) => `  - domain: ${name}\n    file: "${dir}/${name}.zone"\n    zonefile-sync: -1\n${isSigned ? '    dnssec-signing: on\n    dnssec-policy: quick\n' : ''}`).join('')}`,
  )
  run(t, host, ['/usr/sbin/knotd', '-c', conf])
  const signed = zones.filter(({ isSigned }) => isSigned)
  const anchors = (): string[] => signed.map(({ name }) => anchorOf(conf, name))
  await until('Knot has signed its zones', () => anchors().every((text) => text !== ''), START_MS)
  return anchors()
}

function anchorOf(conf: string, zone: string): string {
  try {
    const printed = execFileSync('keymgr', ['-c', conf, `${zone}.`, 'ds'], { stdio: ['ignore', 'pipe', 'ignore'] })
    return (
      printed
        .toString()
        .split('\n')
        .find((line) => / DS \d+ \d+ 2 /.test(line)) ?? ''
    )
  } catch {
    return '' // no keys yet
  }
}

export interface Resolving {
  readonly dir: string
  /** Where the zones are served. */
  readonly servers: readonly string[]
  readonly zones: readonly Zone[]
  readonly anchors: readonly string[]
}

/** A resolver on 127.0.0.1 of a host. */
export async function startResolver(t: Pick<TestContext, 'after'>, host: Host, resolving: Resolving): Promise<void> {
  const { dir, servers, zones, anchors } = resolving
  mkdirSync(dir)
  chmodSync(dir, 0o755)
  const conf = join(dir, 'unbound.conf')
  const stubs = zones.map(
    ({ name }) => `stub-zone:\n  name: "${name}."\n${servers.map((s) => `  stub-addr: ${s}\n`).join('')}`,
  )
  const insecure = zones.filter(({ isSigned }) => !isSigned).map(({ name }) => `  domain-insecure: "${name}."\n`)
  writeFileSync(
    conf,
    `server:
  username: ""
  chroot: ""
  directory: "${dir}"
  pidfile: ""
  use-syslog: no
  logfile: "${dir}/log"
  interface: 127.0.0.1
  module-config: "validator iterator"
  do-not-query-localhost: no
${anchors.map((anchor) => `  trust-anchor: "${anchor}"\n`).join('')}${insecure.join('')}  local-zone: "test." nodefault
remote-control:
  control-enable: no
${stubs.join('')}`,
  )
  run(t, host, ['/usr/sbin/unbound', '-d', '-c', conf])
  const [first] = zones
  await until(`${host.name} resolves`, () => isResolved(host, `ns.${first?.name}`), START_MS)
}

function isResolved(host: Host, name: string): boolean {
  try {
    const [command, ...words] = onHost(host, ['getent', 'ahosts', name])
    execFileSync(command, words, { stdio: 'pipe', timeout: 5000 })
    return true
  } catch {
    return false
  }
}

function run(t: Pick<TestContext, 'after'>, host: Host, argv: readonly string[]): ChildProcess {
  const [command, ...words] = onHost(host, argv)
  const child = spawn(command, words, { stdio: 'ignore' })
  t.after(() => void child.kill('SIGKILL'))
  return child
}
