/** What a .forward file or a list says, carried out: commands, files, lists in lists, mail sent on, the own mailbox. */
import type { RecipientResult } from '../../queue/mod.ts'
import { splitAddress } from '../../../formats/address/mod.ts'
import { splitExtension } from '../../../formats/address/mod.ts'
import type { Rights } from './addressee.ts'
import { BAD_SETTING, homeFile, type LocalDelivery } from './delivery.ts'
import { LIST_LIMIT } from './forward-file.ts'
import type { ExpandedTarget, JobRecipient } from './ports.ts'
import { wouldBe } from '../would-be.ts'
import { Results } from './results.ts'
import type { SystemUser } from './users.ts'

/** Lists in lists. */
const MAX_LEVEL = 100

type Notify = NonNullable<JobRecipient['notify']>
type Place = 'forward' | 'include' | 'alias'

export class Forwarding {
  readonly #one: LocalDelivery
  readonly #rights: Rights
  readonly #user: SystemUser | undefined
  readonly #results = new Results()
  readonly #seen = new Set<string>()
  readonly #addresses: string[] = []
  #own = false

  /**
   * @param rights those of the user whose file it is
   * @param user whose .forward file it is: procmail there files into folders of the user
   */
  constructor(one: LocalDelivery, rights: Rights, user?: SystemUser) {
    this.#one = one
    this.#rights = rights
    this.#user = user
  }

  /** Answers false when the text names nothing: then mail is not sent on. */
  async read(text: string, place: Place, carried: string): Promise<boolean> {
    const targets = this.#targets(text)
    for (const target of targets) await this.#target(target, place, carried, 0)
    return targets.length > 0
  }

  /** @param mailbox delivers to the user's own mailbox, should the file ask for it; last, for it cannot be undone */
  async finish(mailbox: () => Promise<RecipientResult>): Promise<RecipientResult> {
    if (this.#addresses.length > 0 && !this.#results.deferred) this.#results.add(await this.#sendOn())
    if (this.#own && !this.#results.deferred) this.#results.add(await mailbox())
    return this.#results.total
  }

  #targets(text: string): readonly string[] {
    return this.#one.ports.router().targets(text.replace(/^#.*$/gm, ''))
  }

  async #target(target: string, place: Place, carried: string, level: number): Promise<void> {
    if (!this.#isNew(target)) return
    const { cf } = this.#one
    if (target.startsWith('|')) {
      if (cf.allow_mail_to_commands.includes(place)) await this.#add(this.#command(target.slice(1)))
      else this.#refuse('5.7.1', 'mail to command is restricted')
    } else if (target.startsWith('/') || target.startsWith('~')) {
      if (!cf.allow_mail_to_files.includes(place)) this.#refuse('5.7.1', 'mail to file is restricted')
      else if (target.startsWith('~') && !target.startsWith('~/')) {
        this.#one.warn(`bad home directory syntax for: ${target}`)
        this.#results.add(BAD_SETTING)
      } else await this.#add(this.#one.file(homeFile(target, this.#rights), this.#rights))
    } else if (/^:include:/i.test(target)) await this.#include(target.slice(9), level + 1)
    else await this.#address(target, place, carried)
  }

  #command(command: string): Promise<RecipientResult> {
    const files = this.#user !== undefined && command.includes('procmail')
    return files ? this.#one.filing(command, this.#user) : this.#one.command(command, this.#rights)
  }

  async #include(path: string, level: number): Promise<void> {
    const text = level > MAX_LEVEL ? undefined : await this.#listText(path)
    if (level > MAX_LEVEL) this.#refuse('5.4.6', ':include: nesting limit exceeded')
    else if (text === undefined) this.#results.add(BAD_SETTING)
    else for (const target of this.#targets(text)) await this.#target(target, 'include', '', level)
  }

  async #listText(path: string): Promise<string | undefined> {
    const { ports } = this.#one
    const problem = (text: string): undefined => {
      this.#one.warn(text)
      return undefined
    }
    if (!path.startsWith('/')) return problem(`:include:${path} uses a relative path`)
    const words = { limit: LIST_LIMIT, follow: 1 }
    const answer = await ports.files(this.#rights, {
      verb: 'read',
      paths: [path],
      words,
      outputLimit: LIST_LIMIT + 1024,
    })
    if (!answer.ok) return problem(`cannot open include file ${path}: ${answer.text}`)
    const [, kind, mode, , why] = /^\d+ (\w+) (\d+) (\d+) (.*)$/.exec(answer.said) ?? []
    if (kind === undefined) return problem(`unable to lookup :include: file ${path}: No such file or directory`)
    if (kind !== 'file') return problem(`:include: file ${path} is not a regular file`)
    if ((Number(mode) & 0o002) !== 0) return problem(`:include: file ${path} is world writable`)
    return why === '' ? answer.octets.toString() : problem(`cannot open include file ${path}: ${why}`)
  }

  /** Aliases are followed here only to see whether they lead back to the user; all others get new mail. */
  async #address(target: string, place: Place, carried: string): Promise<void> {
    const router = this.#one.ports.router()
    const { local, domain } = splitAddress(router.standard(target))
    const address = domain === undefined ? local + carried : `${local}${carried}@${domain}`
    const found = place === 'include' ? [] : await router.expand(address)
    if (!found.some((one) => this.#isSelf(one))) {
      this.#addresses.push(address)
      return
    }
    this.#own = true
    for (const one of found) {
      if (one.task !== undefined) await this.#add(this.#one.task(one.task))
      else if (!this.#isSelf(one)) this.#addresses.push(one.routed.recipient)
    }
  }

  #isSelf({ routed, task }: ExpandedTarget): boolean {
    if (task !== undefined || routed.addressClass !== 'local') return false
    const local = splitAddress(routed.recipient).local.toLowerCase()
    const { cf, to } = this.#one
    const cut = splitExtension(local, {
      delimiters: cf.recipient_delimiter,
      ownerRequestSpecial: cf.owner_request_special,
      doubleBounceSender: cf.double_bounce_sender,
    })
    return (cut?.bare ?? local) === to.user
  }

  async #sendOn(): Promise<RecipientResult> {
    const { ports, job, recipient, to, cf } = this.#one
    // A stop came between this and the rest of the delivery.
    if (recipient.sentOn !== undefined) return forwardedAs(recipient.sentOn)
    const deliveredTo = cf.prepend_delivered_header.includes('forward') ? to.delivered : undefined
    const recipients = [...new Set(this.#addresses)]
    if (this.#one.isProbe) return wouldBe(`forwards to ${recipients.join(', ')}`)
    const sent = await ports.forward({
      job,
      recipient,
      recipients,
      deliveredTo,
      notify: withoutSuccess(recipient.notify),
    })
    if ('queueId' in sent) return forwardedAs(sent.queueId)
    this.#one.warn(`${job.queueId}: unable to forward message: ${sent.problem}`)
    return { status: 'deferred', dsn: '4.3.0', text: 'unable to forward message' }
  }

  async #add(result: Promise<RecipientResult>): Promise<void> {
    this.#results.add(await result)
  }

  #refuse(dsn: string, text: string): void {
    this.#results.add({ status: 'bounced', dsn, text })
  }

  #isNew(target: string): boolean {
    if (this.#seen.has(target)) return false
    this.#seen.add(target)
    return true
  }
}

const forwardedAs = (queueId: string): RecipientResult => ({
  status: 'sent',
  dsn: '2.0.0',
  text: `forwarded as ${queueId}`,
})

/** RFC 3461 §6.2.7.2: what is forwarded has arrived here; only failures are still to be told. */
function withoutSuccess(notify: Notify | undefined): Notify | undefined {
  const left = notify?.filter((word) => word !== 'SUCCESS')
  return left?.length === 0 ? ['NEVER'] : left
}
