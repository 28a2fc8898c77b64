/** ~/.forward: which file counts, and whether it may be believed (local(8), dotforward.c). */
import { publish } from '#src/base/mod.ts'
import { splitList } from '../../../io/config/mod.ts'
import { type Addressee, fillIn, type Rights } from './addressee.ts'
import type { LocalSettings } from './command.ts'
import type { LocalEvent } from './events.ts'
import type { FileTool } from './file-tool.ts'

/** Octets of a .forward or list file that are read. */
export const LIST_LIMIT = 1024 * 1024

export interface ForwardPath {
  readonly path: string
  /** The name holds the extension: it is not carried over to what the file lists. */
  readonly withExtension: boolean
}

/** The files that forward_path names for this recipient, in order. */
export function forwardPaths(
  to: Addressee,
  rights: Rights,
  cf: Pick<LocalSettings, 'forward_path' | 'forward_expansion_filter'>,
): ForwardPath[] {
  const found: ForwardPath[] = []
  for (const template of splitList(cf.forward_path)) {
    const { text, missing, withExtension } = fillIn(template, to, rights, cf.forward_expansion_filter)
    if (!missing && text.startsWith('/')) found.push({ path: text, withExtension })
  }
  return found
}

export interface ForwardFile extends ForwardPath {
  readonly text: string
}

/**
 * The first file that is there; undefined where there is none, or it is not to be believed (with Postfix's warning).
 * `problem`: nobody could look.
 */
export async function readForward(
  tool: FileTool,
  to: Addressee,
  rights: Rights,
  cf: LocalSettings,
): Promise<ForwardFile | { readonly problem: string } | undefined> {
  const candidates = forwardPaths(to, rights, cf)
  if (candidates.length === 0) return undefined
  const paths = candidates.map((c) => c.path)
  const answer = await tool(rights, {
    verb: 'read',
    paths,
    words: { limit: LIST_LIMIT },
    outputLimit: LIST_LIMIT + 1024,
  })
  if (!answer.ok) return { problem: `cannot read ${paths.join(', ')}: ${answer.text}` }
  const facts = /^(\d+) (\w+) (\d+) (\d+) (.*)$/.exec(answer.said)
  if (facts === null) return undefined
  const [, index = '', kind, mode = '', owner = '', problem = ''] = facts
  const chosen = candidates[Number(index)]
  if (chosen === undefined) return undefined
  const bad = problemOf(chosen.path, { kind, mode: Number(mode), owner: Number(owner), problem }, rights.uid)
  if (bad === undefined) return { ...chosen, text: answer.octets.toString() }
  publish<LocalEvent>({ event: 'delivery.warning', text: bad })
  return undefined
}

interface FileFacts {
  readonly kind: string | undefined
  readonly mode: number
  readonly owner: number
  readonly problem: string
}

function problemOf(path: string, { kind, mode, owner, problem }: FileFacts, uid: number): string | undefined {
  if (kind !== 'file') return `file ${path} is not a regular file`
  if (owner !== 0 && owner !== uid) return `file ${path} has bad owner uid ${owner}`
  if ((mode & 0o002) !== 0) return `file ${path} is world writable`
  return problem === '' ? undefined : `cannot open file ${path}: ${problem}`
}
