/**
 * Debian's Dovecot in a directory of its own on high ports, set up as well as its manual knows how: log-in and mail processes that
 * stay, idle connections hibernated, durable as it is by default (`mail_fsync = optimized`).
 */
import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { selfSigned } from '../../src/io/net/mod.ts'
import { type MailServer, PASSWORD, USERS } from './servers.ts'

export type DovecotFormat = 'sdbox' | 'maildir' | 'mdbox'

/** Debian's user and group `mail` own the mailboxes. */
const MAIL_ID = 8

/** A second name of the first account that syncs nothing. */
const FILLER = 'filler'

interface Ports {
  readonly imap: number
  readonly imaps: number
  readonly pop3: number
}

function configuration(dir: string, format: DovecotFormat, ports: Ports): string {
  const service = (name: string, ...lines: string[]): string => `service ${name} {\n  ${lines.join('\n  ')}\n}\n`
  return `protocols = imap pop3
listen = 127.0.0.1
base_dir = ${dir}/run
state_dir = ${dir}/state
log_path = ${dir}/dovecot.log
ssl = yes
ssl_cert = <${dir}/tls.pem
ssl_key = <${dir}/tls.pem
disable_plaintext_auth = no
auth_mechanisms = plain
mail_location = ${format}:~/mail
mail_fsync = optimized
mail_uid = ${MAIL_ID}
mail_gid = ${MAIL_ID}
first_valid_uid = 1
mail_max_userip_connections = 20000
default_client_limit = 20000
default_process_limit = 1000
imap_hibernate_timeout = 2s
passdb {
  driver = passwd-file
  args = ${dir}/passwd
}
userdb {
  driver = passwd-file
  args = ${dir}/passwd
}
namespace inbox {
  inbox = yes
  separator = /
}
${service('imap-login', 'service_count = 0', 'process_min_avail = 2', `inet_listener imap {\n    port = ${ports.imap}\n  }`, `inet_listener imaps {\n    port = ${ports.imaps}\n    ssl = yes\n  }`)}
${service('pop3-login', 'service_count = 0', `inet_listener pop3 {\n    port = ${ports.pop3}\n  }`, 'inet_listener pop3s {\n    port = 0\n  }')}
${service('imap', 'process_limit = 12000', 'service_count = 1000', 'idle_kill = 2s', 'process_min_avail = 4', 'unix_listener imap-master {\n    user = dovecot\n    mode = 0600\n  }')}
${service('pop3', 'service_count = 1000')}
${service('imap-hibernate', 'client_limit = 20000', 'unix_listener imap-hibernate {\n    mode = 0660\n    group = mail\n  }')}
${service('auth', 'client_limit = 40000')}
${service('anvil', 'client_limit = 40000')}
`
}

/** Ports that nobody listens on now. */
async function freePorts(): Promise<Ports> {
  const servers = [createServer(), createServer(), createServer()]
  const [imap = 0, imaps = 0, pop3 = 0] = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) =>
          server.listen(0, '127.0.0.1', () => {
            const at = server.address()
            resolve(typeof at === 'object' && at !== null ? at.port : 0)
          }),
        ),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))))
  return { imap, imaps, pop3 }
}

/** undefined where Dovecot is not installed, or we may not run it. */
export async function startDovecot(format: DovecotFormat): Promise<MailServer | undefined> {
  if (!existsSync('/usr/sbin/dovecot') || !existsSync('/usr/lib/dovecot/imap') || process.getuid?.() !== 0)
    return undefined
  const dir = mkdtempSync(join(tmpdir(), 'postigo-bench-dovecot-'))
  chmodSync(dir, 0o755)
  const ports = await freePorts()
  const { cert, key } = selfSigned(['bench.example'], Date.now())
  writeFileSync(join(dir, 'tls.pem'), key + cert)
  for (const user of USERS) {
    mkdirSync(join(dir, 'home', user), { recursive: true })
    chownSync(join(dir, 'home', user), MAIL_ID, MAIL_ID)
  }
  const account = (name: string, home: string): string =>
    `${name}:{PLAIN}${PASSWORD}:${MAIL_ID}:${MAIL_ID}::${dir}/home/${home}`
  const filler = `${account(FILLER, USERS[0])}::userdb_mail_fsync=never`
  writeFileSync(join(dir, 'passwd'), [...USERS.map((user) => account(user, user)), filler, ''].join('\n'))
  writeFileSync(join(dir, 'dovecot.conf'), configuration(dir, format, ports))
  const child = spawn('/usr/sbin/dovecot', ['-F', '-c', join(dir, 'dovecot.conf')], { stdio: 'ignore' })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const log = join(dir, 'dovecot.log')
  for (let i = 0; !(existsSync(log) && readFileSync(log, 'latin1').includes('starting up')); i++) {
    if (i === 100 || child.exitCode !== null)
      throw new Error(`Dovecot does not start: ${existsSync(log) ? readFileSync(log, 'latin1') : ''}`)
    await new Promise((wake) => setTimeout(wake, 100))
  }
  return {
    name: format,
    filler: FILLER,
    pid: child.pid ?? 0,
    ports,
    forget() {
      // Its index files stay, as they would; its cache of headers and envelopes goes.
      for (const file of readdirSync(join(dir, 'home'), { recursive: true, encoding: 'utf8' }))
        if (file.endsWith('dovecot.index.cache')) rmSync(join(dir, 'home', file))
      return Promise.resolve()
    },
    async stop() {
      execFileSync('/usr/bin/doveadm', ['-c', join(dir, 'dovecot.conf'), 'stop'])
      await ended
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
