/** A whole server for a test: a directory of its own, free ports, accounts with mailboxes; gone when the test ends. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { Server } from '#src/main/server/server.ts'

export interface TestServer {
  readonly dir: string
  readonly server: Server
  /** The port of `smtp`, `submission`, `submissions`, `imap`, `imaps`, `pop3`, `pop3s`. */
  port(name: string): number
  /** Waits until the log has it; lines are written a little after what they tell of. */
  logged(pattern: RegExp): Promise<void>
  /** What the log holds by now. */
  log(): string
  restart(): Promise<void>
}

export interface TestServerOptions {
  readonly mainCf?: string
  /** Local parts of mail.example.test; the password is `secret`. */
  readonly accounts?: readonly string[]
  /** Files of the directory, by name. */
  readonly files?: Readonly<Record<string, string>>
}

export const DOMAIN = 'mail.example.test'
export const PASSWORD = 'secret'

const MAIN_CF = `
compatibility_level = 3.6
myhostname = ${DOMAIN}
mydomain = example.test
mydestination = $myhostname, localhost
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.2/32
data_directory = $config_directory/data
queue_directory = $config_directory
maillog_file = $config_directory/mail.log
alias_maps =
alias_database =
mailbox_services = imap, imaps, pop3, pop3s
smtpd_sasl_auth_enable = yes
smtpd_tls_security_level = may
smtpd_tls_auth_only = no
smtpd_error_sleep_time = 0
imapd_auth_failure_delay = 0
pop3d_auth_failure_delay = 0
login_ban_exceptions = 127.0.0.1
`

export async function startServer(t: Pick<TestContext, 'after'>, options: TestServerOptions = {}): Promise<TestServer> {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-test-'))
  writeFileSync(join(dir, 'main.cf'), MAIN_CF + (options.mainCf ?? ''))
  for (const [name, text] of Object.entries(options.files ?? {})) writeFileSync(join(dir, name), text)
  const start = async (): Promise<Server> =>
    (await Server.start({ directory: dir, portOffset: 0, freePorts: true, singleThread: true })).server
  let server = await start()
  for (const name of options.accounts ?? []) {
    const account = await server.rooms.current.accounts.add(name, '', PASSWORD)
    await server.rooms.current.store.provision(account.id)
  }
  t.after(async () => {
    await server.stop()
    rmSync(dir, { recursive: true })
  })
  return {
    dir,
    get server() {
      return server
    },
    port(name) {
      const found = server.services.find((service) => service.name === name)
      if (found === undefined) throw new Error(`no service ${name}`)
      return found.port
    },
    log: () => readFileSync(join(dir, 'mail.log'), 'utf8'),
    async logged(pattern) {
      const text = (): string => readFileSync(join(dir, 'mail.log'), 'utf8')
      for (let n = 0; n < 100 && !pattern.test(text()); n++) await new Promise((wake) => setTimeout(wake, 20))
      assert.match(text(), pattern)
    },
    async restart() {
      await server.stop()
      server = await start()
    },
  }
}
