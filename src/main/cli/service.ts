/** `postigo service on|off NAME`: edits mailbox_services in main.cf, comments and order kept, and tells a running server. */
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { serverLockHolder } from '../../io/db/mod.ts'
import { splitList } from '../../io/config/mod.ts'
import { dataPaths } from '../server/data-dir.ts'
import { MAILBOX_SERVICES, mailboxService } from '../server/listeners.ts'
import { readConfig } from '../server/rooms.ts'
import { type Command, configDirectory, EX } from './io.ts'
import { reload } from './lifecycle.ts'

const NAMES = Object.keys(MAILBOX_SERVICES)
const USAGE = `usage: postigo service on|off ${NAMES.join('|')} [-c DIR]\n       postigo service list [-c DIR]\n`

export const service: Command = async (argv, io) => {
  const { values, positionals } = parseArgs({
    args: [...argv],
    options: { config: { type: 'string', short: 'c' } },
    allowPositionals: true,
  })
  const directory = configDirectory(values.config, io)
  const [action, word = ''] = positionals
  const config = readConfig({ directory })
  const on = splitList(config.value('mailbox_services') ?? '').flatMap((one) => mailboxService(one) ?? [])
  if (action === 'list') {
    io.out(NAMES.map((name) => `${name} ${on.some((one) => one === name) ? 'on' : 'off'}\n`).join(''))
    return EX.ok
  }
  const name = mailboxService(word)
  if ((action !== 'on' && action !== 'off') || name === undefined) {
    io.err(USAGE)
    return EX.usage
  }
  const wanted = NAMES.filter((one) => (one === name ? action === 'on' : on.some((now) => now === one)))
  setParameter(join(directory, 'main.cf'), 'mailbox_services', wanted.join(', '))
  io.out(`mailbox_services = ${wanted.join(', ')}\n`)
  return serverLockHolder(dataPaths(config).dir) === undefined ? EX.ok : reload(['-c', directory], io)
}

/** Replaces the last setting of a name, continued lines and all, or adds one at the end. */
export function setParameter(file: string, name: string, value: string): void {
  const lines = readFileSync(file, 'utf8').split('\n')
  const at = lines.findLastIndex((line) => line.split('=')[0]?.trimEnd() === name && line.includes('='))
  if (at < 0) {
    if (lines.at(-1) === '') lines.pop()
    lines.push(`${name} = ${value}`, '')
  } else {
    let end = at + 1
    while (end < lines.length && /^[ \t]+\S/.test(lines[end] ?? '') && !/^[ \t]*#/.test(lines[end] ?? '')) end++
    lines.splice(at, end - at, `${name} = ${value}`)
  }
  const fresh = `${file}.${process.pid}`
  writeFileSync(fresh, lines.join('\n'), { mode: statSync(file).mode & 0o777 })
  renameSync(fresh, file)
}
