/** What a command's end means for the recipient: sysexits(3), RFC 3463 codes in its output (Postfix: pipe_command(3)). */
import type { RecipientResult } from '../../queue/mod.ts'

/** How a command ended. `output`: the first octets of both its outputs. */
export type CommandEnd =
  | { readonly ended: 'exited'; readonly status: number; readonly output: Buffer }
  | { readonly ended: 'killed'; readonly signal: number; readonly output: Buffer }
  | { readonly ended: 'timeout'; readonly output: Buffer }
  /** It was never started; the text says why. */
  | { readonly ended: 'refused'; readonly text: string; readonly errno?: string }

/** Octets of output that are kept. */
export const OUTPUT_LIMIT = 4095

const SYSEXITS: Readonly<Record<number, readonly [dsn: string, text: string]>> = {
  64: ['5.3.0', 'command line usage error'],
  65: ['5.6.0', 'data format error'],
  66: ['5.3.0', 'cannot open input'],
  67: ['5.1.1', 'user unknown'],
  68: ['5.1.2', 'host name unknown'],
  69: ['5.3.0', 'service unavailable'],
  70: ['5.3.0', 'internal software error'],
  71: ['4.3.0', 'system resource problem'],
  72: ['5.3.0', 'critical OS file missing'],
  73: ['5.2.0', "can't create user output file"],
  74: ['5.3.0', 'input/output error'],
  75: ['4.3.0', 'temporary failure'],
  76: ['5.5.0', 'remote error in protocol'],
  77: ['5.7.0', 'permission denied'],
  78: ['5.3.5', 'local configuration error'],
}

/** undefined: the command did its work. */
export function failureOf(end: CommandEnd, command: string): RecipientResult | undefined {
  if (end.ended === 'refused') return failed('4.3.0', end.text)
  const output = printable(end.output)
  const shown = output === '' ? '' : `. Command output: ${output}`
  if (end.ended === 'timeout') return failed('5.3.0', `Command time limit exceeded: "${command}"${shown}`)
  if (end.ended === 'killed') return failed('4.3.0', `Command died with signal ${end.signal}: "${command}"${shown}`)
  if (end.status === 0) return undefined
  const own = /^([245]\.\d{1,3}\.\d{1,3})(?:\s+(.*))?$/s.exec(output)
  // A code of success is none for a failure.
  if (own !== null) return failed(own[1]?.startsWith('2') === false ? own[1] : '5.0.0', own[2] ?? '')
  const known = SYSEXITS[end.status]
  if (known !== undefined) return failed(known[0], known[1] + shown)
  return failed('5.3.0', `Command died with status ${end.status}: "${command}"${shown}`)
}

function failed(dsn: string, text: string): RecipientResult {
  return { status: dsn.startsWith('4') ? 'deferred' : 'bounced', dsn, text }
}

/** One line of text: line ends become blanks, what cannot be printed `_`. */
export function printable(output: Buffer): string {
  return output
    .toString('utf8')
    .replaceAll('�', '_')
    .replace(/\s+$/, ' ')
    .replace(/^\s+$/, '')
    .replace(/[\n\t]/g, ' ')
    .replace(/\p{Cc}/gu, '_')
}
