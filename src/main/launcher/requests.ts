/** The three things that the server may ask of the launcher, and nothing else: each is read word for word. */

export interface RunWords {
  readonly ask: 'run'
  readonly uid: number
  readonly gid: number
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  readonly timeLimitMs: number
  readonly outputLimit: number
  readonly stdoutOnly: boolean
}

export type LauncherRequest =
  | RunWords
  | { readonly ask: 'read'; readonly path: string }
  | { readonly ask: 'password'; readonly user: string; readonly password: string }

/** Words of a command, and octets of all of them together. */
const MAX_WORDS = 20_000
const MAX_OCTETS = 1024 * 1024
const MAX_OUTPUT = 255 * 1024 * 1024
/** Longest time that a command may have: a day. */
const MAX_TIME_MS = 86_400_000
const MAX_NAME = 256
const MAX_PASSWORD = 1024
/** (uid_t) -1 is nobody's. */
const MAX_ID = 0xffff_fffe

const FIELDS: Readonly<Record<LauncherRequest['ask'], readonly string[]>> = {
  run: ['ask', 'uid', 'gid', 'argv', 'env', 'cwd', 'timeLimitMs', 'outputLimit', 'stdoutOnly'],
  read: ['ask', 'path'],
  password: ['ask', 'user', 'password'],
}

/** A request that is refused before anything is done; the message says why. */
export class RefusedError extends Error {}

/** Throws RefusedError. */
export function parseRequest(payload: Buffer): LauncherRequest {
  const value = parseObject(payload)
  const ask = value['ask']
  if (ask !== 'run' && ask !== 'read' && ask !== 'password') throw new RefusedError('unknown request')
  const extra = Object.keys(value).find((key) => !FIELDS[ask].includes(key))
  if (extra !== undefined) throw new RefusedError(`unknown word in the request: ${extra.slice(0, 40)}`)
  if (ask === 'read') return { ask, path: path(value['path'], 'path') }
  if (ask === 'password')
    return {
      ask,
      user: text(value['user'], 'user', MAX_NAME),
      password: text(value['password'], 'password', MAX_PASSWORD),
    }
  return {
    ask,
    uid: whole(value['uid'], 'uid', MAX_ID),
    gid: whole(value['gid'], 'gid', MAX_ID),
    argv: words(value['argv']),
    env: environment(value['env']),
    cwd: path(value['cwd'], 'cwd'),
    timeLimitMs: whole(value['timeLimitMs'], 'timeLimitMs', MAX_TIME_MS),
    outputLimit: whole(value['outputLimit'], 'outputLimit', MAX_OUTPUT),
    stdoutOnly: value['stdoutOnly'] === true,
  }
}

function parseObject(payload: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(payload.toString())
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  } catch {
    // no JSON: the same answer
  }
  throw new RefusedError('not a request')
}

function text(value: unknown, name: string, limit: number): string {
  if (typeof value !== 'string' || value.includes('\0') || value.length > limit) throw new RefusedError(`bad ${name}`)
  return value
}

/** Absolute, and without a step back. */
function path(value: unknown, name: string): string {
  const word = text(value, name, 4096)
  if (!word.startsWith('/') || word.split('/').includes('..')) throw new RefusedError(`bad ${name}`)
  return word
}

function whole(value: unknown, name: string, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > max)
    throw new RefusedError(`bad ${name}`)
  return value
}

function words(value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_WORDS) throw new RefusedError('bad argv')
  const list = value.map((word: unknown) => text(word, 'argv', MAX_OCTETS))
  if (list.reduce((n, word) => n + word.length, 0) > MAX_OCTETS || list[0] === '') throw new RefusedError('bad argv')
  return list
}

function environment(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null) throw new RefusedError('bad env')
  const entries = Object.entries(value)
  if (entries.length > 1000) throw new RefusedError('bad env')
  return Object.fromEntries(
    entries.map(([name, content]) => {
      if (!/^[A-Za-z_]\w*$/.test(name)) throw new RefusedError('bad env')
      return [name, text(content, 'env', MAX_OCTETS)]
    }),
  )
}
