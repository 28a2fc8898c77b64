/** What lies in a user's drop folders, before a command and after it; what came in between. */

/** An mbox file, or a message's own file in a Maildir or MH folder. */
export interface DropEntry {
  readonly kind: 'mbox' | 'file'
  readonly size: number
  /** Device and inode. */
  readonly identity: string
  /** The mailbox that it is shown in. */
  readonly folder: string
  readonly path: string
}

export type Survey = readonly DropEntry[]

/** Reads what survey.pl prints; a line that is none is a defect of it. */
export function parseSurvey(text: string): Survey {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [kind, size = '', identity = '', folder = '', path = ''] = line.split('\t')
      if (path === '' || !/^\d+$/.test(size)) throw new Error(`no entry of a survey: ${line}`)
      return { kind: kind === 'm' ? 'mbox' : 'file', size: Number(size), identity, folder, path }
    })
}

/** Mail that came into a drop folder. */
export interface Arrived {
  readonly kind: DropEntry['kind']
  readonly path: string
  readonly folder: string
  /** Octets `from` to `to` of the file. */
  readonly from: number
  readonly to: number
}

/** What is there now and was not. An mbox that was written anew by somebody else is left alone: nobody knows what is new in it. */
export function arrivedBetween(before: Survey, after: Survey): { arrived: Arrived[]; rewritten: string[] } {
  const known = new Map(before.map((entry) => [entry.path, entry]))
  const files = new Set(before.filter((e) => e.kind === 'file').map((e) => e.identity))
  const arrived: Arrived[] = []
  const rewritten: string[] = []
  for (const { kind, size, identity, folder, path } of after) {
    const old = known.get(path)
    // A reader that moves a message from new to cur, or sets a flag in its name, makes no new message.
    if (kind === 'file' && (old !== undefined || files.has(identity))) continue
    if (old !== undefined && (old.identity !== identity || size < old.size)) rewritten.push(path)
    else if (size > (old?.size ?? 0)) arrived.push({ kind, path, folder, from: old?.size ?? 0, to: size })
  }
  return { arrived, rewritten }
}
