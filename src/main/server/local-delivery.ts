/** local(8) of this server: what the delivery room needs of accounts, routing, intake and the system. */
import {
  createFileTool,
  createLocalAgent,
  createVirtualAgent,
  DropJournal,
  type ForwardedMail,
  type LocalAgentDeps,
  localParams,
  notifyBiff,
  type RunAs,
  Turns,
  userById,
} from '../../mail/delivery/mod.ts'
import type { Agent, DeliveryJob, RecipientResult } from '../../mail/queue/mod.ts'
import { routingParams } from '../../mail/routing/mod.ts'
import type { Config } from '../../io/config/mod.ts'
import type { Tx } from '../../io/db/mod.ts'
import type { Rooms } from './rooms.ts'
import { systemUsers } from './system-users.ts'

/** Octets of a message that are handed on at a time. */
const PIECE = 256 * 1024

/** local(8) or virtual(8), if that is what the transport runs by master.cf. */
export function localProgram(config: Config, transport: string): 'local' | 'virtual' | undefined {
  const entry = config.master.find((s) => s.type === 'unix' && s.name === transport)
  const program = entry?.command.replace(/^.*\//, '') ?? transport
  return program === 'local' || program === 'virtual' ? program : undefined
}

/**
 * @param passTo the agent of all transports, for mailbox_transport
 * @param run with the rights of users
 */
export function makeLocalAgent(rooms: Rooms, passTo: () => Agent, run: RunAs): Agent {
  const deps = localDeps(rooms, passTo, run)
  const local = createLocalAgent(deps)
  const virtual = createVirtualAgent(deps)
  return {
    deliver(job, report, signal) {
      const program = localProgram(rooms.current.config, job.transport)
      return (program === 'virtual' ? virtual : local).deliver(job, report, signal)
    },
  }
}

function localDeps(rooms: Rooms, passTo: () => Agent, run: RunAs): LocalAgentDeps {
  const config = (): Config => rooms.current.config
  return {
    queue: rooms.queue,
    clock: rooms.clock,
    run,
    files: createFileTool(run),
    store: () => rooms.current.store,
    cf: () => config().bind(localParams),
    spoolIsSet: () => (config().raw('mail_spool_directory') ?? '') !== '',
    propagates: (kind) => config().bind(routingParams).propagate_unmatched_extensions.includes(kind),
    own: () => ({ TZ: process.env['TZ'], MAIL_CONFIG: config().directory }),
    router: () => rooms.current.router,
    find: async (tables, key) => (await rooms.current.tables.trustedMaps(tables).find(key))?.result,
    user: async (name) => systemUsers(rooms.current.tables)(name),
    userById,
    journal: new DropJournal(rooms.db),
    biff: notifyBiff,
    turns: new Turns(),
    takeIn: (user, folder, message, also) => takeIn(rooms, user, folder, message, also),
    accountOf: async (address) => (await rooms.current.router.resolve(address)).account?.id,
    accountOfUser: async (name) => (await rooms.current.accounts.ofSystemUser(name)).id,
    forward: (mail) => forwardMail(rooms, mail),
    pass: (job, recipient, transport, nexthop) =>
      passOn(passTo(), { ...job, transport, nexthop, recipients: [recipient] }),
  }
}

async function passOn(agent: Agent, job: DeliveryJob): Promise<RecipientResult> {
  let result: RecipientResult | undefined
  await agent.deliver(job, (_, told) => (result ??= told), new AbortController().signal)
  return result ?? { status: 'deferred', dsn: '4.3.0', text: 'the delivery agent gave no answer' }
}

/** Postfix's forward(3): the message goes through intake again, for the recipients that the .forward file names. */
async function forwardMail(
  { current }: Rooms,
  { job, recipient, recipients, deliveredTo, notify }: ForwardedMail,
): Promise<{ readonly queueId: string } | { readonly problem: string }> {
  const queueId = current.intake.queueId()
  const { n } = recipient
  const completes =
    n === undefined ? {} : { completes: { sentOn: { queueId: job.queueId, recipient: n, as: queueId } } }
  const submission = current.intake.open(
    {
      origin: 'internal',
      mailClass: 'forward',
      clientAddress: '',
      clientName: '',
      helo: '',
      protocol: '',
      rewriteHeaders: false,
    },
    {
      queueId,
      effects: [],
      recipients: recipients.length,
      firstRecipient: '',
      sizeHint: job.sizeOctets,
      ...completes,
    },
  )
  if ('code' in submission) return { problem: submission.lines.join(' ') }
  try {
    if (deliveredTo !== undefined) await submission.write(Buffer.from(`Delivered-To: ${deliveredTo}\r\n`))
    for (let at = 0; at < job.sizeOctets;) {
      const piece = job.read(at, Math.min(job.sizeOctets, at + PIECE))
      if (piece.length === 0) break
      await submission.write(Buffer.from(piece)) // it is kept
      at += piece.length
    }
  } catch (error) {
    submission.abort()
    throw error
  }
  const dsn = notify === undefined ? {} : { notify }
  const original = recipient.original || recipient.address
  const to = recipients.map((address) => ({ address, original, ...dsn }))
  const envelope = { sender: job.sender, recipients: to, smtpUtf8: job.smtpUtf8 }
  const reply = await submission.finish({ ...envelope, ...(job.body !== undefined && { body: job.body }) })
  return reply.code < 400 ? { queueId: submission.queueId } : { problem: reply.lines.join(' ') }
}

/** A message out of a drop folder; a folder that is new is made, and subscribed to. */
async function takeIn(
  { current }: Rooms,
  user: string,
  folder: string,
  message: Buffer,
  also: (tx: Tx) => void,
): Promise<{ readonly problem?: string }> {
  const { accounts, store } = current
  const { id } = await accounts.ofSystemUser(user)
  await store.provision(id)
  // A name that IMAP cannot have: the mail is in INBOX rather than nowhere.
  for (const mailbox of [folder, 'INBOX']) {
    if (store.status(id, mailbox) === undefined && !('refused' in (await store.createMailbox(id, mailbox))))
      await store.setSubscribed(id, mailbox, true)
    const made = await store.append(id, mailbox, [message], { sizeOctets: message.length, flags: [], also })
    if (!('refused' in made)) return {}
    if (made.refused === 'OVERQUOTA') return { problem: 'mailbox is full: the quota is used up' }
  }
  return { problem: `no mailbox for ${folder}` }
}
