/** Changing main.cf and master.cf as texts: everything that is not changed stays as it is, comments and order too. */
import { isBlank, readLogicalLines } from './logical-lines.ts'

/** What becomes of one name or entry: a new text, nothing, or a comment. */
export type Edit = { readonly kind: 'set'; readonly text: string } | { readonly kind: 'remove' | 'comment-out' }

/**
 * Changes settings of a main.cf. Every setting of a name is changed, as postconf -e does; a name that is not there is
 * put at the end. Comments between continued lines stay. `doubled` are the names that were there more than once.
 */
export function editMainCf(
  text: string,
  edits: ReadonlyMap<string, Edit>,
): { readonly text: string; readonly doubled: readonly string[] } {
  const times = new Map<string, number>()
  const out = editLines(text, (line) => {
    const name = /^[^=\s]+/.exec(line)?.[0] ?? ''
    const edit = edits.get(name)
    if (edit !== undefined) times.set(name, (times.get(name) ?? 0) + 1)
    return edit
  })
  for (const [name, edit] of edits) if (edit.kind === 'set' && !times.has(name)) out.push(edit.text)
  const doubled = [...times].filter(([, n]) => n > 1).map(([name]) => name)
  return { text: joinLines(out), doubled }
}

/** Takes settings out by the lines that they begin in; comments between their lines stay. */
export function removeSettings(text: string, lines: ReadonlySet<number>): string {
  if (lines.size === 0) return text
  return joinLines(editLines(text, (_, line) => (lines.has(line) ? { kind: 'remove' } : undefined)))
}

/** Changes entries of a master.cf: an edit, or none, for each in its order. What is added comes at the end. */
export function editMasterCf(
  text: string,
  edits: readonly (Edit | undefined)[],
  added: readonly string[] = [],
): string {
  let at = 0
  const out = editLines(text, () => edits[at++])
  return joinLines([...out, ...added])
}

function joinLines(lines: readonly string[]): string {
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

/** Walks a text's lines; those of an edited logical line are replaced where it begins. */
function editLines(text: string, editOf: (logical: string, line: number) => Edit | undefined): string[] {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  const edits = new Map<number, { edit: Edit; isFirst: boolean }>()
  for (const logical of readLogicalLines(text).lines) {
    const edit = editOf(logical.text, logical.line)
    if (edit === undefined) continue
    for (let n = logical.line; n <= logical.lastLine; n++) edits.set(n, { edit, isFirst: n === logical.line })
  }
  return lines.flatMap((line, i) => {
    const found = edits.get(i + 1)
    if (found === undefined || isCommentOrBlank(line)) return [line]
    const { edit, isFirst } = found
    if (edit.kind === 'comment-out') return [`#${line}`]
    return edit.kind === 'set' && isFirst ? edit.text.split('\n') : []
  })
}

function isCommentOrBlank(line: string): boolean {
  for (let i = 0; i < line.length; i++) if (!isBlank(line.charCodeAt(i))) return line[i] === '#'
  return true
}
