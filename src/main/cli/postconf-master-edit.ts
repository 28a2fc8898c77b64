/** postconf(1) -e, -X and -# on master.cf: entries, fields, parameters of -o. */
import {
  checkColumns,
  type Edit,
  editMasterCf,
  MASTER_COLUMNS,
  printMasterEntry,
  readMasterEntries,
  replaceFile,
  splitFields,
  splitNameValue,
} from '../../io/config/mod.ts'
import { type CliIo, configDirectory, EX } from './io.ts'
import { checkRequest, fault } from './postconf-edit.ts'
import { matchesEntry, servicePattern } from './postconf-master.ts'
import { readText } from './postconf-open.ts'
import type { PostconfWords } from './postconf-words.ts'

/** The columns and the command. */
const HEAD = MASTER_COLUMNS.length
const NOWHERE = { file: '', line: 0 }
const COMMAND = HEAD - 1

interface Request {
  /** As it was given. */
  readonly text: string
  readonly pattern: readonly string[]
  /** undefined: to be removed or commented out. */
  readonly value: string | undefined
}

/** Reads `service/type[/what][=value]`, parts as many as the option wants. */
function requestOf(text: string, flags: ReadonlySet<string>, parts: number, usage: string): Request {
  checkRequest(text, '-Me, -Fe, -Pe, -X, or -# accept')
  const pair = flags.has('e') ? splitNameValue(text) : { name: text.trim(), value: undefined }
  if (typeof pair === 'string') throw fault(`${pair}: "${text}"`)
  if (!flags.has('e') && text.includes('=')) throw fault('-X or -# requires names without value')
  const pattern = servicePattern(pair.name, parts, parts)
  if (pattern === undefined) throw fault(usage)
  return { text, pattern, value: pair.value }
}

/** -Me, -MX, -M#: whole entries. A new one takes the place of the first that its pattern or its own name matches. */
export function editEntries(words: PostconfWords, io: CliIo): number {
  const requests = words.names.map((text) => {
    const request = requestOf(text, words.flags, 2, '-Me, -MX or -M# requires service_name/type')
    return { request, fields: request.value === undefined ? undefined : entryOf(request.value, text) }
  })
  const placed = new Set<Request>()
  return change(
    words,
    io,
    (fields) => {
      let edit: Edit | undefined
      for (const { request, fields: fresh } of requests) {
        const isHit = matchesEntry(request.pattern, fields) || (fresh !== undefined && matchesEntry(fresh, fields))
        if (!isHit) continue
        if (fresh === undefined) edit = { kind: words.flags.has('X') ? 'remove' : 'comment-out' }
        else if (placed.has(request)) edit ??= { kind: 'remove' }
        else edit = { kind: 'set', text: printMasterEntry(fresh, { fold: true }) }
        placed.add(request)
      }
      return edit
    },
    () =>
      requests.flatMap(({ request, fields }) =>
        fields === undefined || placed.has(request) ? [] : [printMasterEntry(fields, { fold: true })],
      ),
  )
}

function entryOf(value: string, text: string): string[] {
  const fields = splitFields(value)
  if (fields.length < HEAD) throw fault(`bad field count: "${text}"`)
  checkColumns(fields, value, NOWHERE)
  return fields
}

/** -Fe: single fields. */
export function editFields(words: PostconfWords, io: CliIo): number {
  const requests = words.names.map((text) => {
    const request = requestOf(text, words.flags, 3, '-Fe or -FX requires service_name/type/field_name')
    const [, , column = ''] = request.pattern
    if (column === '*') throw fault('-Fe does not accept wild-card field name')
    const at = MASTER_COLUMNS.indexOf(column)
    if (at < 0) throw fault(`invalid service attribute name: "${column}"`)
    if (at < COMMAND && /[ \t\r\n]/.test(request.value ?? ''))
      throw fault('-Fe does not accept whitespace in non-command field')
    return { ...request, at }
  })
  return editEach(words, io, requests, (fields, { at, value = '' }) => {
    const changed =
      at === COMMAND ? splitFields([...fields.slice(0, COMMAND), value].join(' ')) : fields.with(at, value)
    checkColumns(changed, value, NOWHERE)
    return changed
  })
}

/** -Pe, -PX: parameters of -o. */
export function editServiceParameters(words: PostconfWords, io: CliIo): number {
  const requests = words.names.map((text) => {
    const request = requestOf(text, words.flags, 3, '-Pe or -PX requires service_name/type/parameter')
    if (request.pattern[2] === '*') throw fault('-Pe does not accept wild-card parameter name')
    if (/[ \t\r\n]/.test(request.value ?? '')) throw fault('-Pe does not accept whitespace in parameter value')
    return request
  })
  return editEach(words, io, requests, (fields, { pattern, value }) => withOption(fields, pattern[2] ?? '', value))
}

/** Each -o of the name set anew where it stands, or gone; a new one behind the other options. */
function withOption(fields: readonly string[], name: string, value: string | undefined): string[] {
  const kept = fields.slice(0, HEAD)
  let isThere = false
  let at = HEAD
  for (; fields[at]?.startsWith('-') === true && fields[at] !== '--'; at++) {
    const option = fields[at] ?? ''
    const setting = option === '-o' ? fields[++at] : undefined
    if (setting === undefined) kept.push(option)
    else if (!setting.startsWith(`${name}=`)) kept.push(option, setting)
    else if (value !== undefined) {
      kept.push(option, `${name}=${value}`)
      isThere = true
    }
  }
  if (value !== undefined && !isThere) kept.push('-o', `${name}=${value}`)
  return [...kept, ...fields.slice(at)]
}

/** Applies the requests to every entry that they match; one that matches none is told of. */
function editEach<R extends Request>(
  words: PostconfWords,
  io: CliIo,
  requests: readonly R[],
  apply: (fields: string[], request: R) => string[],
): number {
  const found = new Set<R>()
  const code = change(words, io, (fields) => {
    let changed: string[] | undefined
    for (const request of requests) {
      if (!matchesEntry(request.pattern, fields)) continue
      found.add(request)
      changed = apply(changed ?? [...fields], request)
    }
    return changed && { kind: 'set', text: printMasterEntry(changed, { fold: true }) }
  })
  for (const request of requests)
    if (!found.has(request)) io.err(`postconf: warning: unmatched service_name/type: "${request.text}"\n`)
  return code
}

function change(
  words: PostconfWords,
  io: CliIo,
  editOf: (fields: readonly string[]) => Edit | undefined,
  added: () => readonly string[] = () => [],
): number {
  const file = `${configDirectory(words.config, io)}/master.cf`
  const text = readText(file)
  const edits = readMasterEntries(text, file).map((entry) => editOf(entry.fields))
  replaceFile(file, editMasterCf(text, edits, added()))
  return EX.ok
}
