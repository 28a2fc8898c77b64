/** The queue's rows as owners of content in the log: compaction asks what is referred to, and moves it. */
import { ownerOf } from '../../io/blobs/mod.ts'

export const queueContent = ownerOf('queue_message')
