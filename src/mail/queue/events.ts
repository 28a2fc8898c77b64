/** What the queue publishes; main prints it as Postfix's delivery agents and qmgr do. */
import type { RecipientResult } from './contract.ts'

export type QueueEvent =
  | (RecipientResult & {
      readonly event: 'queue.result'
      readonly queueId: string
      readonly transport: string
      /** The transport's program in master.cf: `pipe`, `smtp` …; where there is none, its name. */
      readonly program: string
      readonly recipient: string
      readonly original: string
      /** `mx.example[192.0.2.1]:25`, `local`, `none`. */
      readonly relay: string
      readonly connectionUses?: number | undefined
      readonly delayMs: number
      /** Before the attempt, in the queue manager, setting the connection up, transfer. */
      readonly delaysMs: readonly [number, number, number, number]
      /** Nothing was delivered: it was only asked whether it would be. */
      readonly probe?: boolean
    })
  /** Given up for its age, or by postsuper -e. */
  | { readonly event: 'queue.expired'; readonly queueId: string; readonly sender: string; readonly forced: boolean }
  | { readonly event: 'queue.removed'; readonly queueId: string }
  | { readonly event: 'queue.defect'; readonly queueId: string; readonly error: unknown }
  /** A report could not be made; it is tried again. */
  | { readonly event: 'queue.report-failed'; readonly text: string }
  | { readonly event: 'queue.warning'; readonly text: string }
