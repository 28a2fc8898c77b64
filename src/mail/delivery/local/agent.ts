/**
 * Mail from the queue to local recipients: accounts of ours whose mail had to wait, system users, and what aliases say.
 * Postfix: local(8).
 */
import type { Agent, DeliveryJob, RecipientResult } from '../../queue/mod.ts'
import { LocalDelivery, rightsOf } from './delivery.ts'
import { readForward } from './forward-file.ts'
import { Forwarding } from './forwarding.ts'
import { deliverToMailbox } from './mailbox.ts'
import { wouldBe } from '../would-be.ts'
import { traceLines } from './octets.ts'
import type { JobRecipient, LocalPorts } from './ports.ts'
import { StoreEntries, type StoreEntryDeps } from './store-entry.ts'
import type { Turns } from './turns.ts'
import type { SystemUser } from './users.ts'

export interface LocalAgentDeps extends LocalPorts, StoreEntryDeps {
  readonly turns: Turns
  /** The account that takes mail for the address as it is; undefined where .forward, a command or a file may. */
  readonly accountOf: (address: string) => Promise<number | undefined>
  /** The account of a system user. */
  readonly accountOfUser: (name: string) => Promise<number | undefined>
}

export function createLocalAgent(deps: LocalAgentDeps): Agent {
  return {
    async deliver(job, report, signal) {
      const entries = new StoreEntries(job, deps)
      for (const recipient of job.recipients) {
        if (signal.aborted) return
        report(recipient.id, await new OneRecipient(job, recipient, entries, deps).deliver(), 'local')
      }
    },
  }
}

class OneRecipient {
  readonly #one: LocalDelivery
  readonly #entries: StoreEntries
  readonly #deps: LocalAgentDeps
  readonly #recipient: JobRecipient

  constructor(job: DeliveryJob, recipient: JobRecipient, entries: StoreEntries, deps: LocalAgentDeps) {
    this.#one = new LocalDelivery(job, recipient, deps)
    this.#entries = entries
    this.#deps = deps
    this.#recipient = recipient
  }

  async deliver(): Promise<RecipientResult> {
    const { address, task } = this.#recipient
    const { user: name } = this.#one.to
    if (task?.target.startsWith(':include:') === true) return this.#privateList(task.target, task.owner)
    if (task !== undefined) return this.#one.task(task)
    const account = await this.#deps.accountOf(address)
    if (account !== undefined) return this.#store(account)
    const user = await this.#deps.user(name)
    // One delivery at a time: what a user's command files must be told from what another filed.
    if (user !== undefined) return this.#deps.turns.take(user.name, () => this.#toUser(user))
    return { status: 'bounced', dsn: '5.1.1', text: `unknown user: "${name}"` }
  }

  async #toUser(user: SystemUser): Promise<RecipientResult> {
    const { cf, to } = this.#one
    const rights = rightsOf(user)
    if (cf.require_home_directory) {
      const home = await this.#deps.files(rights, { verb: 'home', paths: [user.home] })
      if (!home.ok)
        return { status: 'deferred', dsn: '4.3.0', text: `cannot access home directory ${user.home}: ${home.text}` }
    }
    // Root's own files are not read with root's rights.
    const file = user.uid === 0 ? undefined : await readForward(this.#deps.files, to, rights, cf)
    if (file !== undefined && 'problem' in file) return { status: 'deferred', dsn: '4.3.5', text: file.problem }
    if (file === undefined) return this.#mailbox(user)
    const carries = this.#deps.propagates('forward') && !file.withExtension
    const forwarding = new Forwarding(this.#one, rights, user)
    if (!(await forwarding.read(file.text, 'forward', carries ? to.delimiter + to.extension : '')))
      return this.#mailbox(user)
    const result = await forwarding.finish(() => this.#mailbox(user))
    return result.status === 'sent' && !this.#one.isProbe ? { ...result, expanded: true } : result
  }

  #mailbox(user: SystemUser): Promise<RecipientResult> {
    const store = async (): Promise<RecipientResult> => {
      const account = await this.#deps.accountOfUser(user.name)
      return account === undefined
        ? { status: 'deferred', dsn: '4.3.0', text: `no mailbox could be made for ${user.name}` }
        : this.#store(account)
    }
    return deliverToMailbox(this.#one, user, store)
  }

  #store(account: number): Promise<RecipientResult> {
    if (this.#one.isProbe) return Promise.resolve(wouldBe('delivers to mailbox'))
    const head = traceLines(this.#one.to, { fromLine: false, deliveredTo: true }, 0, '\r\n')
    return this.#entries.deliver({ recipient: this.#recipient.id, account, head })
  }

  /** A list that only its owner may read. */
  async #privateList(target: string, owner: number): Promise<RecipientResult> {
    const user = owner === 0 ? undefined : await this.#deps.userById(owner)
    if (user === undefined) {
      this.#one.warn(`cannot open include file ${target.slice(9)}: Permission denied`)
      return { status: 'deferred', dsn: '4.3.5', text: 'mail system configuration error' }
    }
    const list = new Forwarding(this.#one, rightsOf(user))
    await list.read(target, 'alias', '')
    return list.finish(() => this.#mailbox(user))
  }
}
