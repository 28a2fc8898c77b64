/**
 * A message with a file of its own becomes a segment: number and row, header, sync, rename, directory, transaction. In that
 * order, so that at any moment the file is either a spool, which was never acknowledged, or a whole segment.
 */
import { act, type Commit, headerOf, type LogPlace } from './commit.ts'
import { SPOOL_CONTENT_AT } from './draft.ts'
import { LogBrokenError } from './errors.ts'
import { segmentHeader } from './format.ts'
import { deleteSegment, newSegment, segmentPath } from './segments.ts'

/** How far it came, for taking it back. */
interface Progress {
  number: number | undefined
  renamed: boolean
}

/** Answers what the consequence returned. Throws when nothing of it is left; LogBrokenError when that is not sure. */
export async function commitSpooled(place: LogPlace, commit: Commit): Promise<unknown> {
  const progress: Progress = { number: undefined, renamed: false }
  try {
    const [result] = await carryOut(place, commit, progress)
    return result
  } catch (error) {
    await takeBack(place, commit, progress)
    throw error
  }
}

async function carryOut(place: LogPlace, commit: Commit, progress: Progress): Promise<unknown[]> {
  const { fs, dir, db, onPoint } = place
  const { draft, facts } = commit
  draft.flush()
  const fd = draft.spoolFd
  if (fd === undefined) throw new TypeError('The draft has no file')
  const number = await newSegment(db, fs, dir)
  progress.number = number
  const factsAt = SPOOL_CONTENT_AT + draft.size
  fs.write(fd, [facts], factsAt)
  fs.write(fd, [segmentHeader(number), headerOf(commit)], 0)
  onPoint?.('spool-header')
  await fs.dataSync(fd)
  onPoint?.('spool-synced')
  fs.rename(draft.spoolPath, segmentPath(dir, number))
  progress.renamed = true
  onPoint?.('spool-renamed')
  await fs.syncDirectory(dir)
  onPoint?.('spool-dir-synced')
  const at = { segment: number, offset: SPOOL_CONTENT_AT, length: draft.size }
  return act(db, [{ commit, at }], { number, end: factsAt + facts.length, sealed: true })
}

async function takeBack({ fs, dir, db }: LogPlace, { draft }: Commit, { number, renamed }: Progress): Promise<void> {
  if (renamed && number !== undefined) {
    try {
      fs.unlink(segmentPath(dir, number))
      await fs.syncDirectory(dir)
    } catch (cause) {
      throw new LogBrokenError('a large message could not be taken back', { cause })
    }
  } else {
    draft.remove()
  }
  // A row without a file goes at the next start, should it stay now.
  if (number !== undefined) await db.write((tx) => deleteSegment(tx, number)).catch(() => undefined)
}
