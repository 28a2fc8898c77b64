/** `postigo mailbox undelete`: expunged messages and deleted mailboxes come back. */
import { resolve } from 'node:path'
import type { Undeletable, Undeleted } from '../../mail/store/mod.ts'
import { asked } from '../folders/import-folder.ts'
import { parseWords, UsageError } from './accounts-port.ts'
import { commandFailure } from './command-failure.ts'
import { openData } from './data-access.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'
import { table } from './table.ts'

const USAGE = `usage: postigo mailbox undelete ACCOUNT [MAILBOX] [--since WHEN] [--list] [--json] [-c DIR]

  ACCOUNT       whose mail: user, or user@domain
  MAILBOX       only what was in this one; without it, in all
  --since WHEN  only what was expunged or deleted then or later: 2h, 3d, 2026-11-24, or 2026-11-24T18:00:00Z
  --list        only says what could come back
  --json        for programs
  -c DIR        configuration directory

Messages come back into the mailbox that they were in, with new UIDs, their flags and dates; a deleted mailbox is made
anew. What was expunged longer ago than expunged_retention is gone.
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  since: { type: 'string' },
  list: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

export const mailboxUndelete: Command = async (argv, io) => {
  try {
    const { values, words } = parseWords(argv, OPTIONS)
    if (values.help === true) {
      io.out(USAGE)
      return EX.ok
    }
    const [account, mailbox, ...more] = words
    if (account === undefined || more.length > 0) throw new UsageError('one ACCOUNT, and a MAILBOX perhaps')
    const sinceMs = takeSince(values.since, Date.now())
    const data = await openData(resolve(io.cwd, configDirectory(values.config, io)))
    try {
      const answer = await asked(data, { command: 'undelete-list', account, sinceMs })
      const all = answer['found'] as readonly Undeletable[] // undelete-control.ts says so
      const found = all.filter((one) => mailbox === undefined || one.mailbox === mailbox)
      if (values.list === true) {
        io.out(values.json === true ? `${JSON.stringify(found)}\n` : describe(found))
        return EX.ok
      }
      return await bringBack(
        found,
        (id) => data.ask({ command: 'undelete-bring', account, sinceMs, mailbox: id }),
        values.json === true,
        io,
      )
    } finally {
      await data.close()
    }
  } catch (error) {
    return commandFailure('mailbox undelete', USAGE, error, io)
  }
}

/** Milliseconds since 1970. */
export function takeSince(word: string | undefined, nowMs: number): number {
  if (word === undefined) return 0
  const [, number, unit = ''] = /^(\d{1,6})([smhdw])$/.exec(word) ?? []
  const at = number === undefined ? Date.parse(word) : nowMs - Number(number) * (UNITS[unit] ?? 0)
  if (Number.isNaN(at)) throw new UsageError(`--since ${word} is no time`)
  return Math.max(0, at)
}

async function bringBack(
  found: readonly Undeletable[],
  bring: (id: number) => ReturnType<Awaited<ReturnType<typeof openData>>['ask']>,
  json: boolean,
  io: CliIo,
): Promise<number> {
  const back: Undeleted[] = []
  let code: number = EX.ok
  for (const { id, mailbox } of found) {
    const answer = await bring(id)
    if (!answer.ok) {
      io.err(`postigo mailbox undelete: ${mailbox}: ${answer.error}\n`)
      code = EX.unavailable
      continue
    }
    back.push({ mailbox: String(answer['mailbox']), messages: Number(answer['messages']) })
  }
  if (json) io.out(`${JSON.stringify(back)}\n`)
  else for (const { mailbox, messages } of back) io.out(`${mailbox}  ${messages} messages are back\n`)
  if (found.length === 0 && !json) io.out('there is nothing to bring back\n')
  return code
}

function describe(found: readonly Undeletable[]): string {
  if (found.length === 0) return 'there is nothing to bring back\n'
  const time = (ms: number): string => (Number.isFinite(ms) && ms > 0 ? new Date(ms).toISOString().slice(0, 16) : '')
  const lines = found.map(({ mailbox, isDeleted, messages, octets, fromMs, toMs }) => [
    mailbox,
    isDeleted ? 'deleted' : 'expunged',
    `${messages} messages`,
    `${octets} octets`,
    time(fromMs) === time(toMs) ? time(toMs) : `${time(fromMs)} to ${time(toMs)}`,
  ])
  const octets = found.reduce((sum, one) => sum + one.octets, 0)
  return `${table(lines)}${(octets / 1024 ** 2).toFixed(1)} MiB are kept for that\n`
}
