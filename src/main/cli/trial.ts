/** `postigo trial` (`npm start`): a whole server in ./trial, with one account, ready to be tried. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { listen } from '../../io/net/mod.ts'
import type { ListenerSpec } from '../server/listeners.ts'
import { type CliIo, type Command, EX } from './io.ts'
import { openAccountsOf } from './open-accounts.ts'
import { SENDING_LIMITS } from './sending-defaults.ts'
import { runServer, services } from './serve.ts'

const USAGE = `usage: postigo trial [DIR]

Makes a configuration, a certificate and one account in DIR (./trial) if they are not there, starts the server
on the standard ports if it may and on ports from 10000 on otherwise, and says how to try it. Ctrl-C ends it.
`

/** Added to every port where the standard ones cannot be had. */
const HIGH_PORTS = 10_000
const USER = 'ana'

const MAIN_CF = `# A trial of Postigo: everything lies in this folder.
compatibility_level = 3.6
myhostname = mail.postigo.test
mydomain = postigo.test
myorigin = $mydomain
mydestination = $myhostname, $mydomain, localhost
inet_interfaces = loopback-only
mynetworks = 127.0.0.0/8, [::1]/128
data_directory = $config_directory/data
queue_directory = $config_directory/data
maillog_file = $config_directory/mail.log
alias_maps =
alias_database =

mailbox_services = imap, imaps, pop3, pop3s
smtpd_sasl_auth_enable = yes
smtpd_tls_security_level = may
# Passwords only over TLS.
smtpd_tls_auth_only = yes
# Who logs in sends in the own name alone.
smtpd_sender_login_maps = accounts:
mua_sender_restrictions = reject_sender_login_mismatch
${SENDING_LIMITS}`

export const trial: Command = async (argv, io) => {
  const { values, positionals } = parseArgs({
    args: [...argv],
    options: { help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
  })
  if (values.help === true) {
    io.out(USAGE)
    return EX.ok
  }
  const directory = join(io.cwd, positionals[0] ?? 'trial')
  const password = await prepare(directory)
  const portOffset = (await standardPortsFree()) ? 0 : HIGH_PORTS
  return runServer({ directory, portOffset, foreground: true }, io, (server) =>
    io.out(welcome(server.services, directory, password, io)),
  )
}

/** Makes what is missing; answers the account's password. */
async function prepare(directory: string): Promise<string> {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const mainCf = join(directory, 'main.cf')
  if (!existsSync(mainCf)) writeFileSync(mainCf, MAIN_CF)
  const passwordFile = join(directory, 'password')
  if (existsSync(passwordFile)) return readFileSync(passwordFile, 'utf8').trim()
  const password = randomBytes(9).toString('base64url')
  const opened = await openAccountsOf(directory)
  try {
    const account = await opened.accounts.add(USER, '', password)
    await opened.onCreated(account.id)
  } finally {
    await opened.close()
  }
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 })
  return password
}

async function standardPortsFree(): Promise<boolean> {
  try {
    for (const port of [25, 110, 143, 465, 587, 993, 995]) {
      const probe = await listen({ address: '127.0.0.1', port, onConnection: (connection) => connection.destroy() })
      await probe.stop()
    }
    return true
  } catch {
    return false
  }
}

function welcome(specs: readonly ListenerSpec[], directory: string, password: string, io: CliIo): string {
  const v4 = specs.filter((spec) => spec.address === '127.0.0.1')
  const port = (name: string): number => v4.find((spec) => spec.name === name)?.port ?? 0
  const address = `${USER}@postigo.test`
  const log = relative(io.cwd, join(directory, 'mail.log'))
  return (
    `\nPostigo is running (everything lies in ${relative(io.cwd, directory)}/; Ctrl-C ends it)\n\n` +
    services(v4) +
    `\n  account   ${address}\n  password  ${password}\n\n` +
    `send    swaks --server 127.0.0.1:${port('submission')} -tls -au ${USER} -ap '${password}' --from ${address} --to ${address}\n` +
    `read    curl -k 'imaps://127.0.0.1:${port('imaps')}/INBOX;MAILINDEX=1' -u '${USER}:${password}'\n` +
    `follow  tail -f ${log}\n` +
    (process.getuid?.() === 0
      ? '\nA trial keeps the rights of root; `postigo start` gives them up (docs/security.md).\n'
      : '') +
    '\nready\n'
  )
}
