/** `postigo certificate`: what the services show, until when, and how ACME stands; `renew` gets a certificate now. */
import { X509Certificate } from 'node:crypto'
import { resolve } from 'node:path'
import { serverLockHolder } from '../../io/db/mod.ts'
import { certificates, IdentityError, readPem } from '../../io/net/mod.ts'
import { broughtFor } from '../certificates/settings.ts'
import { acmeLines, acmeStatus } from '../certificates/status.ts'
import { askControl } from '../server/control.ts'
import { dataPaths } from '../server/data-dir.ts'
import { shownFiles } from '../server/identity.ts'
import { readConfig } from '../server/rooms.ts'
import { parseWords, UsageError } from './accounts-port.ts'
import { commandFailure } from './command-failure.ts'
import { NoData } from './data-access.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'

const USAGE = `usage: postigo certificate [status] [--json]
       postigo certificate renew

  status   the certificates that services show, until when they hold, and how it stands with ACME
  renew    gets a certificate by ACME now, due or not; the server must run
  --json   for programs
  -c DIR   configuration directory
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/** An authority looks at each name, from several places, and takes its time. */
const RENEW_LIMIT_MS = 900_000

export const certificate: Command = async (argv, io) => {
  try {
    const { values, words } = parseWords(argv, OPTIONS)
    if (values.help === true) {
      io.out(USAGE)
      return EX.ok
    }
    const [command = 'status', ...more] = words
    if ((command !== 'status' && command !== 'renew') || more.length > 0) throw new UsageError('status or renew?')
    const directory = resolve(io.cwd, configDirectory(values.config, io))
    if (command === 'renew') await renew(directory)
    tell(directory, values.json === true, io)
    return EX.ok
  } catch (error) {
    return commandFailure('certificate', USAGE, error, io)
  }
}

async function renew(directory: string): Promise<void> {
  const paths = dataPaths(readConfig({ directory }))
  if (serverLockHolder(paths.dir) === undefined) throw new NoData(`no server runs on ${directory}`)
  const answer = await askControl(paths.control, { command: 'certificate-renew' }, RENEW_LIMIT_MS)
  if (!answer.ok) throw new NoData(answer.error)
}

interface Shown {
  readonly file: string
  readonly names: string
  readonly issuer: string
  readonly until: string
  readonly error?: string
}

function tell(directory: string, json: boolean, io: CliIo): void {
  const config = readConfig({ directory })
  const { acme, tls } = dataPaths(config)
  const status = acmeStatus(config, acme, false)
  const brought = broughtFor(config, acme)
  const shown = shownFiles(config, tls, brought).map(read)
  if (json) return io.out(`${JSON.stringify({ shown, ...(status && { acme: status }) }, undefined, 2)}\n`)
  for (const { file, names, until, issuer, error } of shown)
    io.out(error === undefined ? `${file}\n  ${names}\n  until ${until}, issuer ${issuer}\n` : `${error}\n`)
  if (status !== undefined)
    io.out(
      `ACME\n${acmeLines(status)
        .map((line) => `  ${line}\n`)
        .join('')}`,
    )
}

function read(file: string): Shown {
  const nothing = { file, names: '', issuer: '', until: '' }
  try {
    const [pem] = certificates(readPem(file))
    if (pem === undefined) return { ...nothing, error: `${file}: no certificate` }
    const { subjectAltName = '', subject, issuer, validToDate } = new X509Certificate(pem)
    const names = subjectAltName === '' ? subject : subjectAltName
    return { file, names, issuer: issuer.replaceAll('\n', ', '), until: validToDate.toISOString() }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { ...nothing, error: error instanceof IdentityError ? why : `${file}: ${why}` }
  }
}
