/** What local delivery needs of others; main plugs it. */
import type { Clock } from '#src/base/mod.ts'
import type { LocalTask, RecipientResult, DeliveryJob } from '../../queue/mod.ts'
import type { DropJournal } from './drops/journal.ts'
import type { DropPorts } from './drops/take-in.ts'
import type { LocalSettings, OwnEnvironment } from './command.ts'
import type { FileTool } from './file-tool.ts'
import type { RunAs } from './run-as.ts'
import type { SystemUser } from './users.ts'

/** Routing, as far as a .forward file needs it. */
export interface LocalRouter {
  /** The targets that an alias's text names. */
  targets(text: string): readonly string[]
  standard(address: string): string
  expand(address: string): Promise<readonly ExpandedTarget[]>
}

export interface ExpandedTarget {
  readonly routed: { readonly recipient: string; readonly addressClass: string }
  readonly task?: LocalTask
}

export interface ForwardedMail {
  readonly job: DeliveryJob
  readonly recipients: readonly string[]
  /** Goes in front as Delivered-To. */
  readonly deliveredTo: string | undefined
  /** On its way for whom it is sent on. */
  readonly recipient: JobRecipient
  readonly notify: JobRecipient['notify']
}

export type JobRecipient = DeliveryJob['recipients'][number]

export interface LocalPorts {
  readonly cf: () => LocalSettings
  /** main.cf sets mail_spool_directory: then it takes the mail of system users. */
  readonly spoolIsSet: () => boolean
  readonly propagates: (kind: 'forward' | 'include') => boolean
  readonly own: () => OwnEnvironment
  readonly clock: Clock
  readonly run: RunAs
  readonly files: FileTool
  readonly router: () => LocalRouter
  readonly find: (tables: string, key: string) => Promise<string | undefined>
  readonly user: (name: string) => Promise<SystemUser | undefined>
  readonly userById: (uid: number) => Promise<SystemUser | undefined>
  /** Takes the mail on as a new message; answers its queue id, or why that is to be tried again. */
  readonly forward: (mail: ForwardedMail) => Promise<{ readonly queueId: string } | { readonly problem: string }>
  readonly journal: DropJournal
  /** Tells comsat(8). */
  readonly biff: (text: string) => void
  /** Puts a message into a mailbox of a system user's account, which is made if it is not there. */
  readonly takeIn: (user: string, ...item: Parameters<DropPorts['takeIn']>) => ReturnType<DropPorts['takeIn']>
  /** Hands the recipient to another transport's agent. */
  readonly pass: (
    job: DeliveryJob,
    recipient: JobRecipient,
    transport: string,
    nexthop: string,
  ) => Promise<RecipientResult>
}
