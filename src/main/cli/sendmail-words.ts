/** What sendmail(1) is told. Postfix: sendmail.c; options that it ignores are ignored here. */
import { getopt } from './getopt.ts'

export type Mode = 'enqueue' | 'mailq' | 'newaliases' | 'daemon' | 'smtp' | 'flush' | 'no-host-status'

export interface SendmailWords {
  readonly mode: Mode
  readonly config: string | undefined
  readonly recipients: readonly string[]
  /** -t */
  readonly extract: boolean
  /** A line with one dot ends the message, unless -i. */
  readonly dotEnds: boolean
  readonly sender: string | undefined
  readonly fullName: string | undefined
  readonly relayed: boolean
  readonly notify: readonly ('NEVER' | 'SUCCESS' | 'FAILURE' | 'DELAY')[] | undefined
  readonly ret: 'FULL' | 'HDRS' | undefined
  readonly envid: string | undefined
  readonly body: '7BIT' | '8BITMIME' | undefined
  /** VERP delimiters; `''`: the default ones. */
  readonly verp: string | undefined
  readonly trace: 'verify' | 'deliver' | undefined
  /** -qR, -qI */
  readonly flush: { readonly site: string } | { readonly queueId: string } | undefined
  /** -oA */
  readonly aliasDatabase: string | undefined
  readonly warnings: readonly string[]
}

type Draft = { -readonly [N in keyof SendmailWords]: SendmailWords[N] } & { warnings: string[] }

/** The command line is wrong; the text is Postfix's. */
export class SendmailUsage extends Error {}

const LETTERS = 'A:B:C:F:GIL:N:O:R:UV:X:ab:ce:f:h:imno:p:r:q:tvx'
/** RFC 3461 §4.4. */
const ENVID_LIMIT = 100

/** @throws SendmailUsage */
export function sendmailWords(argv: readonly string[], calledAs: string): SendmailWords {
  const draft: Draft = {
    mode: calledAs === 'mailq' ? 'mailq' : calledAs === 'newaliases' ? 'newaliases' : 'enqueue',
    config: undefined,
    recipients: [],
    extract: false,
    dotEnds: true,
    sender: undefined,
    fullName: undefined,
    relayed: false,
    notify: undefined,
    ret: undefined,
    envid: undefined,
    body: undefined,
    verp: undefined,
    trace: undefined,
    flush: undefined,
    aliasDatabase: undefined,
    warnings: [],
  }
  const words = getopt(bareWords(argv, draft), LETTERS)
  let verbose = 0
  for (const { letter, value } of words.options) {
    if (letter === 'v') verbose++
    else take(letter, value, draft)
  }
  if (words.problem !== undefined) throw new SendmailUsage(`${words.problem}\nusage: [options]`)
  if (verbose > 0 && draft.trace === undefined) draft.trace = 'deliver'
  return { ...draft, recipients: words.operands }
}

/** `-q`, `-V` and `-XV` stand alone too, which getopt(3) does not know; old spellings of VERP are brought to the new one. */
function bareWords(argv: readonly string[], draft: Draft): string[] {
  const words: string[] = []
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? ''
    const next = argv[at + 1]
    if (word === '--' || !word.startsWith('-') || word === '-') return [...words, ...argv.slice(at)]
    if (word === '-q') draft.mode = 'flush'
    else if (word === '-XV') draft.verp = ''
    else words.push(word)
    // An option's value is no option of its own.
    if (/^-[^-]*[ABCFLNORVXbefhopqr]$/.test(word) && word !== '-q' && word !== '-XV' && next !== undefined) {
      words.push(next)
      at++
    }
  }
  return words
}

function take(letter: string, value: string, draft: Draft): void {
  switch (letter) {
    case 'b':
      return takeMode(value, draft)
    case 'q':
      return takeQueue(value, draft)
    case 'o':
      if (value.startsWith('A')) draft.aliasDatabase = value.slice(1)
      else if (value === 'i') draft.dotEnds = false
      return
    case 'B':
      return takeBody(value, draft)
    case 'N':
      return takeNotify(value, draft)
    case 'R':
      if (/^(full|hdrs)$/i.test(value)) draft.ret = /^full$/i.test(value) ? 'FULL' : 'HDRS'
      else draft.warnings.push('bad -R option value -- ignored')
      return
    case 'V':
      if (value.length > ENVID_LIMIT) draft.warnings.push(`too long -V option value -- ignored`)
      else draft.envid = value
      return
    case 'X':
      if (value.startsWith('V')) draft.verp = value.slice(1)
      return
    case 'n':
      throw new SendmailUsage('-n option not supported')
    default:
      return takeSimple(letter, value, draft)
  }
}

function takeSimple(letter: string, value: string, draft: Draft): void {
  if (letter === 'C') draft.config = value.replace(/\/main\.cf$/, '')
  else if (letter === 'F') draft.fullName = value
  else if (letter === 'f' || letter === 'r') draft.sender = value
  else if (letter === 'G') draft.relayed = true
  else if (letter === 'I') draft.mode = 'newaliases'
  else if (letter === 'i') draft.dotEnds = false
  else if (letter === 't') draft.extract = true
}

function takeMode(value: string, draft: Draft): void {
  const modes: Readonly<Record<string, Mode>> = {
    d: 'daemon',
    l: 'daemon',
    h: 'no-host-status',
    H: 'no-host-status',
    i: 'newaliases',
    m: 'enqueue',
    p: 'mailq',
    s: 'smtp',
    v: 'enqueue',
  }
  const mode = modes[value.charAt(0)]
  if (mode === undefined) throw new SendmailUsage(`unsupported: -b${value}`)
  draft.mode = mode
  if (value.startsWith('v')) draft.trace = 'verify'
}

function takeQueue(value: string, draft: Draft): void {
  if (/^\d/.test(value)) return // the interval of queue runs is queue_run_delay's
  draft.mode = 'flush'
  if (value.startsWith('R')) draft.flush = { site: value.slice(1) }
  else if (value.startsWith('I')) draft.flush = { queueId: value.slice(1) }
  else throw new SendmailUsage(`-q${value.charAt(0)} is not implemented`)
}

function takeBody(value: string, draft: Draft): void {
  if (/^8bitmime$/i.test(value)) draft.body = '8BITMIME'
  else if (/^7bit$/i.test(value)) draft.body = '7BIT'
  else throw new SendmailUsage('-B option needs 8BITMIME or 7BIT')
}

/** dsn_notify_mask() stops at the first word that it does not know. */
function unknownNotify(asked: readonly string[], value: string): string[] {
  const at = asked.findIndex((word) => !NOTIFY.some((one) => one === word))
  if (at < 0) return []
  const word = value.split(/[,\s]+/)[at] ?? ''
  return [`unknown DSN NOTIFY command value "${word}" in "${value}"`]
}

const NOTIFY = ['NEVER', 'SUCCESS', 'FAILURE', 'DELAY'] as const

function takeNotify(value: string, draft: Draft): void {
  const asked = value.toUpperCase().split(/[,\s]+/)
  const known = NOTIFY.filter((word) => asked.includes(word))
  if (known.length !== asked.length || (known.includes('NEVER') && known.length > 1))
    draft.warnings.push(...unknownNotify(asked, value), 'bad -N option value -- ignored')
  else draft.notify = known
}
