/** `postigo init`: a main.cf and a master.cf with strong values, in a directory that has none. Nothing is asked. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { hostname as machineName } from 'node:os'
import { join, resolve } from 'node:path'
import { isHostName } from '../../io/dns/mod.ts'
import { UsageError } from './accounts-port.ts'
import { commandFailure } from './command-failure.ts'
import { NoData } from './data-access.ts'
import { MASTER_CF, mainCfOf } from './init-files.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'
import { parseArgs } from 'node:util'

const USAGE = `usage: postigo init [-c DIR] [--hostname NAME] [--domain NAME]… [--data DIR] [--acme URL [--agree-to-terms]]

Writes main.cf and master.cf for a mail server on the open internet: TLS as strong as it can be without losing mail,
passwords over TLS alone, everybody sends in their own name, DANE and MTA-STS for mail that goes out. Nothing is
overwritten, nothing is started.
  -c DIR            where to ($MAIL_CONFIG, else /etc/postfix)
  --hostname NAME   the full name of this machine (as the system has it)
  --domain NAME     a domain whose addresses are users here; several times for several (what is behind the first dot of the hostname)
  --data DIR        where data lie (root: as in Postfix, /var/lib/postfix; others: DIR/data)
  --acme URL        the directory of an authority that gives certificates; --agree-to-terms agrees to its terms
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  hostname: { type: 'string' },
  domain: { type: 'string', multiple: true },
  data: { type: 'string' },
  acme: { type: 'string' },
  'agree-to-terms': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

const FILES = ['main.cf', 'master.cf'] as const
const ALIASES = '/etc/aliases'

export const init: Command = (argv, io) => {
  try {
    return Promise.resolve(write(argv, io))
  } catch (error) {
    return Promise.resolve(commandFailure('init', USAGE, error, io))
  }
}

function write(argv: readonly string[], io: CliIo): number {
  const values = wordsOf(argv)
  if (values.help === true) {
    io.out(USAGE)
    return EX.ok
  }
  const directory = resolve(io.cwd, configDirectory(values.config, io))
  const hostname = named('--hostname', values.hostname ?? machineName())
  const parent = hostname.slice(hostname.indexOf('.') + 1)
  const domains = values.domain?.map((domain) => named('--domain', domain)) ?? [
    parent.includes('.') ? parent : hostname,
  ]
  const texts = { 'main.cf': mainCfOf({ ...wishesOf(values, io), hostname, domains }), 'master.cf': MASTER_CF }
  const there = FILES.find((name) => existsSync(join(directory, name)))
  if (there !== undefined) throw new NoData(`${join(directory, there)} is there already; nothing was written`)
  try {
    mkdirSync(directory, { recursive: true, mode: 0o755 })
    for (const name of FILES) writeFileSync(join(directory, name), texts[name], { flag: 'wx', mode: 0o644 })
  } catch (error) {
    throw new NoData(error instanceof Error ? error.message : String(error))
  }
  const option = values.config === undefined ? '' : ` -c ${values.config}`
  io.out(
    `${FILES.map((name) => `${join(directory, name)}\n`).join('')}mail of ${domains.join(', ')} for the users of ${hostname}\n\n` +
      `next  postigo check${option}\n      postigo account add NAME${option}\n      postigo start${option}\n`,
  )
  return EX.ok
}

type Words = ReturnType<typeof wordsOf>

function wordsOf(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function wishesOf(values: Words, io: CliIo): Omit<Parameters<typeof mainCfOf>[0], 'hostname' | 'domains'> {
  const { acme, data } = values
  if (acme !== undefined && !(URL.canParse(acme) && acme.startsWith('https://') && !/\s/.test(acme)))
    throw new UsageError(`--acme ${acme}: no https URL`)
  if (data !== undefined && /[\n\r$]/.test(data)) throw new UsageError('--data: no such directory')
  return {
    aliasFile: existsSync(ALIASES) ? ALIASES : undefined,
    dataDirectory:
      data === undefined ? (process.getuid?.() === 0 ? undefined : '$config_directory/data') : resolve(io.cwd, data),
    acme: acme === undefined ? undefined : { directory: acme, agrees: values['agree-to-terms'] === true },
  }
}

/** Throws UsageError: other servers want a name with dots. */
function named(option: string, name: string): string {
  const plain = name.toLowerCase().replace(/\.$/, '')
  if (!isHostName(plain) || !plain.includes('.'))
    throw new UsageError(`${option}: "${name}" is no full name, as mail.example.org is`)
  return plain
}
