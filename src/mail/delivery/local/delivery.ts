/**
 * Local delivery of one message: to users by their .forward files and mailboxes, to commands, files and lists of aliases
 * (Postfix: local(8)).
 */
import { publish } from '#src/base/mod.ts'
import type { DeliveryJob, LocalTask, RecipientResult } from '../../queue/mod.ts'
import { type Addressee, addresseeOf, type Rights } from './addressee.ts'
import { deliverToCommand, type LocalSettings } from './command.ts'
import { DropDelivery } from './drops/take-in.ts'
import type { LocalEvent } from './events.ts'
import { deliverToFile } from './files.ts'
import { copyOf } from './octets.ts'
import type { JobRecipient, LocalPorts } from './ports.ts'
import { wouldBe } from '../would-be.ts'
import { spoolFile, spoolGroup } from './spool.ts'
import type { SystemUser } from './users.ts'

export const BAD_SETTING = { status: 'bounced', dsn: '5.3.5', text: 'mail system configuration error' } as const

/** One recipient of one message, on its way through local delivery. */
export class LocalDelivery {
  readonly job: DeliveryJob
  readonly recipient: JobRecipient
  readonly to: Addressee
  readonly ports: LocalPorts
  readonly cf: LocalSettings

  constructor(job: DeliveryJob, recipient: JobRecipient, ports: LocalPorts) {
    this.job = job
    this.recipient = recipient
    this.ports = ports
    this.cf = ports.cf()
    this.to = addresseeOf(job, recipient, this.cf)
  }

  /** Nothing is delivered; what would become of it is told. */
  get isProbe(): boolean {
    return this.job.trace === 'verify'
  }

  /** A command of a user that may file into folders: what it files is in the store before it counts as delivered. */
  filing(command: string, user: SystemUser): Promise<RecipientResult> {
    if (this.isProbe) return this.command(command, rightsOf(user))
    const { files, journal, takeIn } = this.ports
    const rights = rightsOf(user)
    if (user.uid === 0) return this.command(command, rights) // default_privs runs it, and nobody looks into root's home
    const spool = spoolFile(this.cf.mail_spool_directory, user.name)
    const spoolGid = spoolGroup(this.cf.mail_spool_directory) ?? user.gid
    const key = { queueId: this.job.queueId, recipient: this.recipient.id, command }
    const locks = { ...this.cf, locks: this.cf.mailbox_delivery_lock }
    const ports = { files, journal, locks, takeIn: takeIn.bind(undefined, user.name) }
    return new DropDelivery(ports, { name: user.name, home: user.home, spool, spoolGid, rights }, key).run(() =>
      this.command(command, rights),
    )
  }

  command(command: string, rights: Rights): Promise<RecipientResult> {
    if (this.isProbe) return Promise.resolve(wouldBe(`delivers to command: ${command}`))
    const { run, own, clock } = this.ports
    const deliveredTo = this.cf.prepend_delivered_header.includes('command')
    const options = { fromLine: true, deliveredTo, escapeFrom: false, blankAtEnd: false }
    const copy = copyOf(this.job, this.to, options, clock.now())
    return this.#withRights(rights, (able) =>
      deliverToCommand(run, { command, to: this.to, rights: able, copy, own: own() }, this.cf),
    )
  }

  /** @param mailboxOf the user whose own mailbox it is */
  file(path: string, rights: Rights, mailboxOf?: string): Promise<RecipientResult> {
    if (this.isProbe) {
      const mailbox = path.endsWith('/') ? 'maildir' : mailboxOf === undefined ? `file: ${path}` : 'mailbox'
      return Promise.resolve(wouldBe(`delivers to ${mailbox}`))
    }
    const { files, clock } = this.ports
    const deliveredTo = this.cf.prepend_delivered_header.includes('file')
    const nowMs = clock.now()
    const copy = (style: 'mbox' | 'maildir'): Iterable<Buffer> => {
      const mbox = style === 'mbox'
      return copyOf(this.job, this.to, { fromLine: mbox, deliveredTo, escapeFrom: mbox, blankAtEnd: mbox }, nowMs)
    }
    const strictOwner = this.cf.strict_mailbox_ownership
    const what = mailboxOf === undefined ? ('file' as const) : { mailboxOf, strictOwner }
    const locks = { ...this.cf, locks: this.cf.mailbox_delivery_lock }
    const tells = mailboxOf !== undefined && this.cf.biff
    const onMbox = (offset: number): void => this.ports.biff(`${mailboxOf}@${offset}`)
    const limit = this.cf.mailbox_size_limit
    return this.#withRights(rights, (able) =>
      deliverToFile(files, { path, rights: able, copy, limit, what, nowMs, ...(tells && { onMbox }) }, locks),
    )
  }

  /** Nobody acts as root: default_privs stands in its place, without a home. */
  async #withRights(rights: Rights, act: (able: Rights) => Promise<RecipientResult>): Promise<RecipientResult> {
    if (rights.uid !== 0) return act(rights)
    const nobody = await this.ports.user(this.cf.default_privs)
    if (nobody !== undefined && nobody.uid !== 0) return act({ ...rights, uid: nobody.uid, gid: nobody.gid })
    this.warn(`default_privs: ${this.cf.default_privs} is no user that deliveries can be made as`)
    return { status: 'deferred', dsn: '4.3.5', text: 'mail system configuration error' }
  }

  /** A command, a file or a private list behind an alias. */
  async task(task: LocalTask): Promise<RecipientResult> {
    const rights = await this.#rightsOf(task.owner)
    if (rights === undefined) {
      this.warn(`cannot find alias database owner uid ${task.owner}`)
      return { status: 'deferred', dsn: '4.3.0', text: 'cannot find alias database owner' }
    }
    if (task.target.startsWith('|')) return this.command(task.target.slice(1), rights)
    return this.file(homeFile(task.target, rights), rights)
  }

  async #rightsOf(uid: number): Promise<Rights | undefined> {
    if (uid === 0) return { uid: 0, gid: 0 }
    const user = await this.ports.userById(uid)
    return user && rightsOf(user)
  }

  warn(text: string): void {
    publish<LocalEvent>({ event: 'delivery.warning', text })
  }
}

export function rightsOf({ uid, gid, home, shell }: SystemUser): Rights {
  return { uid, gid, home, shell }
}

export function homeFile(target: string, rights: Rights): string {
  if (!target.startsWith('~/')) return target
  return rights.home === '/' ? target.slice(1) : `${rights.home ?? ''}${target.slice(1)}`
}
