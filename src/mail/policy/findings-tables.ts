/**
 * Findings about what stands in address tables, read from their texts.
 */
import { readFileSync, statSync } from 'node:fs'
import type { Config, Finding } from '../../io/config/mod.ts'
import { at, type FindingsInput } from './findings.ts'

export async function tableFindings(input: FindingsInput): Promise<Finding[]> {
  return [...(await canonical(input)), ...(await rootAlias(input)), ...(await saslPasswords(input))]
}

/** One entry of a table's text. */
interface Entry {
  readonly file: string
  readonly line: number
  readonly key: string
  readonly value: string
}

const TEXT_MAX = 16 * 1024 * 1024

/** Texts of the file tables that a parameter names; a text that cannot be read has no entries. */
function entriesOf(config: Config, parameter: string): Entry[] {
  return tableFiles(config, parameter).flatMap((file) => {
    try {
      return statSync(file).size > TEXT_MAX ? [] : parseText(file, readFileSync(file, 'utf8'))
    } catch {
      return []
    }
  })
}

function tableFiles(config: Config, parameter: string): string[] {
  const words = (config.value(parameter) ?? '').split(/[\s,]+/)
  return words.flatMap((w) => /^(?:proxy:)?(?:hash|btree|lmdb|cdb|dbm|texthash):(\/.+)$/.exec(w)?.[1] ?? [])
}

/** postmap(1): a line that begins with white space continues the one before. */
function parseText(file: string, text: string): Entry[] {
  const entries: { file: string; line: number; key: string; value: string }[] = []
  for (const [i, line] of text.split('\n').entries()) {
    if (/^\s*(#|$)/.test(line)) continue
    const last = entries.at(-1)
    if (/^\s/.test(line)) {
      if (last) last.value += ` ${line.trim()}`
      continue
    }
    const [, key = '', value = ''] = /^(\S+?):?(?:\s+(.*))?$/.exec(line) ?? []
    entries.push({ file, line: i + 1, key, value: value.trim() })
  }
  return entries
}

function inTable({ file, line, key, value }: Entry, name: string, text: string, proposal?: string): Finding {
  return {
    severity: 'warning',
    file,
    line,
    name,
    text: `${key} ${value}: ${text}`,
    ...(proposal === undefined ? {} : { proposal }),
  }
}

/** Tables named one for the other: legal both ways, and each does what nobody wanted. */
async function canonical({ config, tables }: FindingsInput): Promise<Finding[]> {
  const found: Finding[] = []
  const isLocal = tables.matchDomain(config.value('mydestination') ?? '', {
    parentDomains: false,
    parameter: 'mydestination',
  })
  for (const entry of entriesOf(config, 'recipient_canonical_maps')) {
    const domain = entry.value.split('@')[1]
    if (entry.key.includes('@') || domain === undefined || (await isLocal(domain).catch(() => domain)) !== undefined)
      continue
    const text = `mail for the local user ${entry.key} leaves this host for ${entry.value}. Is it meant for sender_canonical_maps?`
    found.push(inTable(entry, 'recipient_canonical_maps', text))
  }
  for (const entry of entriesOf(config, 'sender_canonical_maps')) {
    if (entry.value === '' || entry.value.includes('@')) continue
    const text = `a sender becomes the bare local name ${entry.value}. Is it meant for recipient_canonical_maps?`
    found.push(inTable(entry, 'sender_canonical_maps', text))
  }
  return found
}

/** Reports of the system go to root, whom nobody reads. */
async function rootAlias({ config, tables }: FindingsInput): Promise<Finding[]> {
  const maps = config.value('alias_maps') ?? ''
  try {
    if ((await tables.maps(maps).find('root')) !== undefined) return []
  } catch {
    return [] // told of when the table is opened
  }
  const text = 'root has no alias: reports of the system pile up in the mailbox root'
  return [at(config, 'alias_maps', 'note', text, 'root: somebody   (in the aliases file, then newaliases)')]
}

/** The passwords with which this host logs in elsewhere. */
async function saslPasswords({ config, tables }: FindingsInput): Promise<Finding[]> {
  const name = 'smtp_sasl_password_maps'
  if ((config.value(name) ?? '') === '') return []
  const found = tableFiles(config, name).flatMap((file) => readable(config, name, file))
  const isLocal = tables.matchDomain(config.value('mydestination') ?? '', {
    parentDomains: false,
    parameter: 'mydestination',
  })
  for (const entry of entriesOf(config, name)) {
    const host = entry.key.replace(/^\[|\](:\d+)?$/g, '')
    if ((await isLocal(host).catch(() => undefined)) === undefined) continue
    const where = { ...entry, value: '…' } // the value is a password
    found.push(
      inTable(where, name, 'this is the host itself, which never logs in to itself: the entry is never asked for'),
    )
  }
  const options = config.value('smtp_sasl_security_options') ?? ''
  if (config.value('smtp_sasl_auth_enable') === 'yes' && /\bnoplaintext\b/.test(options))
    found.push(
      at(
        config,
        'smtp_sasl_auth_enable',
        'note',
        'smtp_sasl_security_options has noplaintext: servers that offer PLAIN and LOGIN alone, as most do, are not logged in to',
        'smtp_sasl_security_options = noanonymous\nsmtp_tls_security_level = encrypt',
      ),
    )
  return found
}

function readable(config: Config, name: string, file: string): Finding[] {
  return [file, `${file}.db`, `${file}.lmdb`, `${file}.cdb`].flatMap((f) => {
    try {
      if ((statSync(f).mode & 0o004) === 0) return []
      return [at(config, name, 'warning', `${f} holds passwords and can be read by every user`, `chmod 600 ${f}`)]
    } catch {
      return []
    }
  })
}
