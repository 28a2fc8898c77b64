/** `postigo verify`: reads all mail there is and says what is damaged. */
import { resolve } from 'node:path'
import { isBusy } from '../../io/db/mod.ts'
import { actAsOwner, dataPaths } from '../server/data-dir.ts'
import { readConfig } from '../server/rooms.ts'
import { type Finding, OtherVersionError, verify as verifyData, type VerifyReport } from '../verify/verify.ts'
import { parseWords, UsageError } from './accounts-port.ts'
import { commandFailure } from './command-failure.ts'
import { NoData } from './data-access.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'
import { Progress } from './mailbox-import-report.ts'

const USAGE = `usage: postigo verify [--json] [-c DIR]

  --json     a line of JSON for each finding, and one with the counts
  -c DIR     configuration directory

Reads the database, the message log and what each says of the other; changes nothing, and works beside a running server.
Exit code 0: all is whole. 65: something is damaged; \`postigo repair\` mends what can be mended.
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

export const verify: Command = (argv, io) => Promise.resolve(run(argv, io))

function run(argv: readonly string[], io: CliIo): number {
  try {
    const { values, words } = parseWords(argv, OPTIONS)
    if (values.help === true) {
      io.out(USAGE)
      return EX.ok
    }
    if (words.length > 0) throw new UsageError(`what is ${words[0]}?`)
    const paths = dataPaths(readConfig({ directory: resolve(io.cwd, configDirectory(values.config, io)) }))
    actAsOwner(paths)
    const progress = new Progress(io)
    const onFinding = (finding: Finding): void => {
      progress.clear()
      io.out(values.json === true ? `${JSON.stringify(finding)}\n` : `${describe(finding)}\n`)
    }
    const report = verifyData({ paths, onFinding, onProgress: (...shown) => progress.show(...shown) })
    progress.clear()
    io.out(values.json === true ? `${JSON.stringify(report)}\n` : summary(report))
    return report.findings === 0 ? EX.ok : EX.dataErr
  } catch (error) {
    const expected = error instanceof OtherVersionError || isBusy(error) || isDenied(error)
    return commandFailure('verify', USAGE, expected ? new NoData(messageOf(error)) : error, io)
  }
}

/** Where it is, then what it is. */
export function describe({
  text,
  account,
  accountName,
  mailbox,
  mailboxName,
  uid,
  segment,
  offset,
  queueId,
}: Finding): string {
  const places: string[] = []
  if (accountName !== undefined || account !== undefined) places.push(`account ${accountName ?? account}`)
  if (mailboxName !== undefined || mailbox !== undefined) places.push(`mailbox ${mailboxName ?? mailbox}`)
  if (uid !== undefined) places.push(`UID ${uid}`)
  if (queueId !== undefined) places.push(`queue id ${queueId}`)
  if (segment !== undefined) places.push(`segment ${segment}`)
  if (offset !== undefined) places.push(`offset ${offset}`)
  return places.length === 0 ? printable(text) : printable(`${places.join(', ')}: ${text}`)
}

/** Names come from damaged octets, and go to a terminal. */
function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?')
}

function summary({ findings, accounts, mailboxes, messages, queued, segments, records, octets }: VerifyReport): string {
  const counts = [
    `${messages} messages in ${mailboxes} mailboxes of ${accounts} accounts`,
    `${queued} messages in the queue`,
    `${records} records of ${octets} octets in ${segments} segments`,
  ]
  return `${counts.join('\n')}\n${findings === 0 ? 'all is whole' : `${findings} findings`}\n`
}

const isDenied = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && ['EACCES', 'EPERM'].includes(String(error.code))

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
