/** The same command line by Postfix's program and by ours: what it prints, and how it ends. */
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { Readable } from 'node:stream'
import { postalias } from '#src/main/cli/postalias.ts'
import { postconf } from '#src/main/cli/postconf.ts'
import { postmap } from '#src/main/cli/postmap.ts'
import type { Comparison } from './compare.ts'

const OURS = { postmap, postalias, postconf } as const
/** Commands at a time. */
const PARALLEL = 4

export interface Asked {
  readonly command: 'postmap' | 'postalias' | 'postconf'
  readonly words: readonly string[]
  readonly input?: string
}

/** Where each program finds the same files. */
export interface Directories {
  readonly postfix: string
  readonly postigo: string
}

export async function compareCommands(
  list: readonly Asked[],
  dirs: Directories,
  comparison: Comparison,
): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    for (let one = list[next++]; one !== undefined; one = list[next++]) {
      const { command, words, input = '' } = one
      const [postfix, postigo] = await Promise.all([
        theirs(`/usr/sbin/${command}`, words, dirs.postfix, input),
        ours(command, words, dirs.postigo, input),
      ])
      comparison.add({ where: `${command} ${words.join(' ')} < ${JSON.stringify(input)}`, postfix, postigo })
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, worker))
}

async function theirs(program: string, words: readonly string[], dir: string, input: string): Promise<string> {
  const child = spawn(program, ['-c', dir, ...words.map((word) => word.replaceAll('@DIR@', dir))])
  child.stdin.on('error', () => {}) // a command that does not read
  child.stdin.end(input)
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  const [out] = await Promise.all([text(child.stdout), text(child.stderr)])
  return shown(out, await ended, words, dir)
}

/** `postconf -d`, name by name: what both know has one default. */
export async function compareDefaults({ postfix, postigo }: Directories, comparison: Comparison): Promise<void> {
  const printed = [await theirs('/usr/sbin/postconf', ['-d'], postfix, ''), await ours('postconf', ['-d'], postigo, '')]
  const [their = new Map<string, string>(), our = new Map<string, string>()] = printed.map(
    (out) => new Map([...out.matchAll(/^(\w+) =(.*)$/gm)].map(([, name = '', value = '']) => [name, value])),
  )
  for (const [name, value] of their) {
    if (name === 'process_id') continue
    comparison.add({ where: `postconf -d: ${name}`, postfix: value, postigo: our.get(name) ?? '(not known)' })
  }
}

/** In this process: starting a program for each would take longer than all else. */
async function ours(command: keyof typeof OURS, words: readonly string[], dir: string, input: string): Promise<string> {
  let out = ''
  const io = {
    stdin: Readable.from([Buffer.from(input)]),
    out: (printed: string) => void (out += printed),
    err: () => {},
    env: {},
    cwd: dir,
    tty: false,
  }
  const code = await OURS[command](['-c', dir, ...words.map((word) => word.replaceAll('@DIR@', dir))], io)
  return shown(out, code, words, dir)
}

/** Standard output and how it ended, without what differs between any two runs. */
function shown(out: string, code: number | null, words: readonly string[], dir: string): string {
  const lines = out
    .replaceAll(dir, '@DIR@')
    .replace(/^(YP_LAST_MODIFIED:\s+)\d+/m, '$1TIME')
    .split('\n')
  // An index has an order of its own.
  return `${(words[0] === '-s' ? lines.toSorted() : lines).join('\n')}(ends with ${code})`
}
