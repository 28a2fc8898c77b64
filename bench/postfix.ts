/** Debian's Postfix set up for the same job in a directory of its own: SMTP in on a high port, local delivery to a Maildir. */
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Peer {
  readonly pid: number
  readonly port: number
  readonly recipient: string
  /** Messages that are not delivered yet. */
  waiting(): number
  stop(): void
}

const PORT = 25_925

/** undefined where Postfix is not installed, or we may not run it. */
export function startPostfix(more = ''): Peer | undefined {
  if (!existsSync('/usr/sbin/postfix') || process.getuid?.() !== 0) return undefined
  const dir = mkdtempSync(join(tmpdir(), 'postigo-bench-postfix-'))
  chmodSync(dir, 0o755)
  const etc = join(dir, 'etc')
  cpSync('/etc/postfix', etc, { recursive: true })
  for (const name of ['spool', 'data', 'mail']) mkdirSync(join(dir, name))
  writeFileSync(
    join(etc, 'main.cf'),
    `compatibility_level = 3.6\nqueue_directory = ${dir}/spool\ndata_directory = ${dir}/data\nmyhostname = bench.example\nmydestination = bench.example\n` +
      `inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmynetworks = 127.0.0.0/8\nalias_maps =\nlocal_recipient_maps =\nmaillog_file = ${dir}/mail.log\n` +
      `maillog_file_prefixes = ${tmpdir()}\nvirtual_mailbox_base = ${dir}/mail\nvirtual_mailbox_domains = box.example\nvirtual_mailbox_maps = static:box/\n` +
      `virtual_uid_maps = static:65534\nvirtual_gid_maps = static:65534\nsmtpd_client_connection_rate_limit = 0\n${more}`,
  )
  const master = readFileSync(join(etc, 'master.cf'), 'utf8')
  const lines = master
    .split('\n')
    .map((line) =>
      /^smtp\s+inet/.test(line)
        ? `127.0.0.1:${PORT} inet n - n - - smtpd`
        : line.replace(/^(\S+\s+\S+\s+\S+\s+\S+\s+)y(\s)/, '$1n$2'),
    )
  writeFileSync(join(etc, 'master.cf'), lines.join('\n'))
  execFileSync('chown', ['postfix', join(dir, 'data')])
  execFileSync('chown', ['nobody', join(dir, 'mail')])
  execFileSync('/usr/sbin/postfix', ['-c', etc, 'start'], { stdio: 'ignore' })
  const pid = Number(readFileSync(join(dir, 'spool/pid/master.pid'), 'latin1').trim())
  return {
    pid,
    port: PORT,
    recipient: 'bench@box.example',
    waiting: () => ['incoming', 'active', 'deferred'].reduce((sum, queue) => sum + count(join(dir, 'spool', queue)), 0),
    stop() {
      execFileSync('/usr/sbin/postfix', ['-c', etc, 'stop'], { stdio: 'ignore' })
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

function count(dir: string): number {
  return Number(
    execFileSync('sh', ['-c', `find ${dir} -type f | wc -l`])
      .toString()
      .trim(),
  )
}
