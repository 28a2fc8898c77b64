/**
 * One configuration for both: main.cf, tables, and listeners with overrides. Its text is the same to the letter; only
 * the directory and the sink's port differ, and Postigo adds an offset to every port.
 */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Step } from './player.ts'

export interface Session {
  readonly name: string
  /** The listener's `-o`, by parameter. */
  readonly overrides?: Readonly<Record<string, string>>
  readonly steps: readonly Step[]
  /** XCLIENT's words; the default is a stranger with a good name. */
  readonly client?: string
  /** The address of the connection itself. */
  readonly from?: string
}

export interface World {
  readonly name: string
  readonly mainCf: string
  readonly files: Readonly<Record<string, string>>
  /** `hash:access` and the like: what postmap indexes, relative to the directory. */
  readonly indexed: readonly string[]
  /** SQLite files, by what fills them. */
  readonly databases?: Readonly<Record<string, string>>
  readonly sessions: readonly Session[]
  /** Further lines of master.cf. */
  readonly masterCf?: string
  /** postscreen stands in front of each listener. */
  readonly screened?: true
  /**
   * Messages are let through to a sink, and what arrives is compared: envelope and header section, all of it, or reports by
   * what they say of recipients.
   */
  readonly sink?: true | 'whole' | 'reports'
}

/** Where one product runs a world. */
export interface Place {
  readonly dir: string
  readonly address: string
  readonly sinkPort: number
  /** What `@NAME@` in settings and files stands for, besides those of every place. */
  readonly words?: Readonly<Record<string, string>>
}

/** What postscreen needs beside it. */
const SCREENED = 'smtpd pass - - n - - smtpd\ndnsblog unix - - n - 0 dnsblog\ntlsproxy unix - - n - 0 tlsproxy\n'

/** With it, ports stay below those that the system gives to clients. */
export const PORT_OFFSET = 10_000

const MAIN_CF = `
compatibility_level = 3.6
mail_name = Mail
myhostname = mail.example.test
mydomain = example.test
mydestination = $myhostname, localhost, local.test
mynetworks = 198.51.100.0/24
data_directory = $config_directory/data
queue_directory = $config_directory/spool
maillog_file = $config_directory/log/mail.log
inet_protocols = all
alias_maps =
alias_database =
smtpd_authorized_xclient_hosts = 127.0.0.0/8
smtpd_error_sleep_time = 0
smtpd_hard_error_limit = 1000
smtpd_junk_command_limit = 1000
smtpd_client_connection_count_limit = 0
smtpd_tls_security_level = none
smtpd_forbid_bare_newline = normalize
max_idle = 2s
in_flow_delay = 0s
ignore_mx_lookup_error = no
`

/** Sessions by their overrides: each kind has a listener of its own. */
export function listenersOf(world: World): ReadonlyMap<string, Readonly<Record<string, string>>> {
  return new Map(world.sessions.map(({ overrides = {} }) => [JSON.stringify(overrides), overrides]))
}

/** The ports of the listeners, by the key in `listenersOf`. */
export function portsOf(world: World, base: number): ReadonlyMap<string, number> {
  return new Map([...listenersOf(world).keys()].map((key, i) => [key, base + i]))
}

/**
 * A main.cf without what is set again behind it: each of Postfix's programs would warn of that at its start, and postlogd,
 * whose socket holds ten lines, would wait for itself for ever where others have filled it.
 */
function lastOfEach(mainCf: string): string {
  const settings = mainCf.split(/\n(?=[^\s#])/)
  const nameOf = (setting: string): string => /^\s*(\w+)\s*=/.exec(setting)?.[1] ?? setting
  const last = new Map(settings.map((setting, i) => [nameOf(setting), i]))
  return settings.filter((setting, i) => last.get(nameOf(setting)) === i).join('\n')
}

export function writeWorld(world: World, place: Place, base: number, masterCf: string): void {
  const { dir, address, sinkPort, words = {} } = place
  mkdirSync(join(dir, 'log'), { recursive: true })
  chmodSync(dir, 0o755)
  const fill = (text: string): string =>
    Object.entries({ SINK: `[${address}]:${sinkPort}`, ADDRESS: address, DIR: dir, ...words }).reduce(
      (filled, [word, value]) => filled.replaceAll(`@${word}@`, value),
      text,
    )
  const mainCf = `${MAIN_CF}inet_interfaces = 127.0.0.1\nmaillog_file_prefixes = ${dir}\n${world.mainCf}`
  writeFileSync(join(dir, 'main.cf'), fill(lastOfEach(mainCf)))
  for (const [name, text] of Object.entries(world.files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true })
    writeFileSync(join(dir, name), fill(text))
  }
  for (const [name, sql] of Object.entries(world.databases ?? {})) {
    const database = new DatabaseSync(join(dir, name))
    database.exec(sql)
    database.close()
  }
  const ports = portsOf(world, base)
  const services = [...listenersOf(world)].map(([key, overrides]) => {
    const words = Object.entries(overrides).map(([name, value]) => `\n  -o { ${name} = ${fill(value)} }`)
    return `${address}:${ports.get(key)} inet n - n - ${world.screened === true ? '1 postscreen' : '500 smtpd'}${words.join('')}\n`
  })
  if (world.screened === true) services.push(SCREENED)
  writeFileSync(join(dir, 'master.cf'), services.join('') + masterCf + fill(world.masterCf ?? ''))
}
