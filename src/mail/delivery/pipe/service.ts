/** One pipe(8) entry of master.cf: `flags=… user=… argv=command …`, read as Postfix reads it. */
import type { MasterService } from '../../../io/config/mod.ts'

export interface PipeService {
  readonly name: string
  readonly user: string
  readonly group: string | undefined
  readonly argv: readonly string[]
  readonly flags: ReadonlySet<string>
  readonly directory: string | undefined
  /** Octets; 0 is no limit. */
  readonly sizeLimit: number
  readonly eol: string
  readonly nullSender: string
}

/** An entry that cannot be used; Postfix's pipe(8) ends with these words, and the mail waits. */
export class PipeServiceError extends Error {}

const FLAGS = 'BDFORXhqu.>'

/** Throws PipeServiceError. */
export function parsePipeService({ name, args }: Pick<MasterService, 'name' | 'args'>): PipeService {
  const at = args.findIndex((word) => word.startsWith('argv='))
  const words = at < 0 ? args : args.slice(0, at)
  const attributes = new Map<string, string>()
  for (const word of words) {
    const [, key, value] = /^(flags|user|directory|size|eol|null_sender|chroot)=(.*)$/s.exec(word) ?? []
    if (key === undefined || value === undefined) throw new PipeServiceError(`unknown attribute name: ${word}`)
    attributes.set(key, value)
  }
  const flags = new Set(attributes.get('flags'))
  const odd = [...flags].find((flag) => !FLAGS.includes(flag))
  if (odd !== undefined) throw new PipeServiceError(`unknown flag: ${odd} (ignored)`)
  const [user = '', group] = (attributes.get('user') ?? '').split(':')
  if (user === '') throw new PipeServiceError('missing user= command-line attribute')
  const first = args[at]?.slice('argv='.length) ?? ''
  const argv = [...(first === '' ? [] : [first]), ...args.slice(at + 1)]
  if (at < 0 || argv.length === 0) throw new PipeServiceError('missing argv= command-line attribute')
  if (attributes.has('chroot')) throw new PipeServiceError('chroot= is not supported: run chroot(8) in argv=')
  return {
    name,
    user,
    group,
    argv,
    flags,
    directory: attributes.get('directory'),
    sizeLimit: sizeOf(attributes.get('size')),
    eol: unescape(attributes.get('eol') ?? '\\n'),
    nullSender: attributes.get('null_sender') ?? 'MAILER-DAEMON',
  }
}

function sizeOf(text: string | undefined): number {
  if (text === undefined) return 0
  if (!/^\d{1,15}$/.test(text)) throw new PipeServiceError(`bad size argument: ${text}`)
  return Number(text)
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
}

/** C's escapes, as octets. */
function unescape(text: string): string {
  return text.replace(/\\(?:([0-7]{1,3})|(.))/gs, (all, octal?: string, letter?: string) =>
    octal === undefined
      ? (ESCAPES[letter ?? ''] ?? all.slice(1))
      : String.fromCharCode(Number.parseInt(octal, 8) & 0xff),
  )
}
