/** Finds stories in the record of paths: by queue id, address or client. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { recordFiles } from './recorder.ts'

/** One event as it was recorded. */
export interface Recorded {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly event: string
  readonly queueId?: string
  readonly [name: string]: unknown
}

/** What belongs together: all of one queue id, or a refusal that never had one. */
export interface Story {
  readonly queueId: string | undefined
  readonly events: readonly Recorded[]
}

/** The fields by which an event is found. */
const NAMES = ['queueId', 'sender', 'recipient', 'original', 'clientName', 'clientAddress', 'sasl', 'relay', 'as']

/**
 * The last `limit` stories with this word in them, the oldest first. The word is a queue id, an address, `@domain`, or
 * a client's name or address; case does not matter.
 */
export async function findStories(dir: string, word: string, limit: number): Promise<Story[]> {
  const wanted = word.toLowerCase()
  const ids = new Set<string>()
  const alone: Recorded[] = []
  for await (const event of eventsWith(dir, [wanted])) {
    if (!isAbout(event, wanted)) continue
    if (event.queueId === undefined) alone.push(event)
    else ids.add(event.queueId)
  }
  const byId = new Map<string, Recorded[]>([...ids].slice(-limit * 2).map((id) => [id, []]))
  if (byId.size > 0)
    for await (const event of eventsWith(dir, [...byId.keys()]))
      if (event.queueId !== undefined) byId.get(event.queueId)?.push(event)
  const stories = [
    ...alone.slice(-limit).map((event): Story => ({ queueId: undefined, events: [event] })),
    ...[...byId].map(([queueId, events]): Story => ({ queueId, events: events.toSorted((a, b) => a.at - b.at) })),
  ]
  return stories.toSorted((a, b) => lastOf(a) - lastOf(b)).slice(-limit)
}

const lastOf = ({ events }: Story): number => events.at(-1)?.at ?? 0

/** Events whose line holds one of the words, from the oldest file on. Lines that are cut short (a kill) are passed over. */
async function* eventsWith(dir: string, words: readonly string[]): AsyncGenerator<Recorded> {
  for (const { path } of recordFiles(dir).toReversed()) {
    for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
      const folded = line.toLowerCase()
      if (!words.some((word) => folded.includes(word.toLowerCase()))) continue
      try {
        yield JSON.parse(line) as Recorded // written by the recorder
      } catch {
        // the line that was being written
      }
    }
  }
}

function isAbout(event: Recorded, wanted: string): boolean {
  const values = NAMES.map((name) => event[name])
  const planned = event['recipients']
  if (Array.isArray(planned))
    for (const one of planned as Record<string, unknown>[]) values.push(one['recipient'], one['original'])
  return values.some((value) => {
    if (typeof value !== 'string') return false
    const folded = value.toLowerCase()
    return folded === wanted || (wanted.startsWith('@') && folded.endsWith(wanted))
  })
}
