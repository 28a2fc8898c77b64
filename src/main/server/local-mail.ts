/** Mail of this machine's users: the maildrop is watched, and the public socket answers. */
import type { Server } from 'node:net'
import type { DueJob, Ended, Notify } from '../../mail/queue/mod.ts'
import type { Reply } from '../../formats/smtp/mod.ts'
import { type DroppedFile, makePublicDirectory, type PublicPaths, publicPaths } from './maildrop.ts'
import { Pickup } from './pickup.ts'
import { servePublic } from './public-socket.ts'
import type { Rooms } from './rooms.ts'

export class LocalMail {
  readonly #rooms: Rooms
  readonly #paths: PublicPaths
  readonly #pickup: Pickup
  #socket: Server | undefined

  /** @param notify sends reports (mail/notices) */
  constructor(rooms: Rooms, notify: Notify) {
    this.#rooms = rooms
    this.#paths = publicPaths(rooms.current.config)
    this.#pickup = new Pickup(rooms, this.#paths, (file, sender, reply) =>
      notify('ended', refused(file, sender, reply, rooms)),
    )
  }

  async start(): Promise<void> {
    makePublicDirectory(this.#paths)
    this.#socket = await servePublic(
      this.#paths,
      () => this.#rooms,
      () => this.#pickup.look(),
    )
    this.#pickup.look()
  }

  async stop(): Promise<void> {
    this.#socket?.close()
    await this.#pickup.stop()
  }
}

/** A message of the maildrop that could not be taken in, as if the queue had given it up. */
function refused(file: DroppedFile, sender: string, reply: Reply, { current, clock }: Rooms): Ended[] {
  const { envelope } = file
  const { ret, envid, recipients, smtpUtf8 = false } = envelope
  const dsn = reply.enhanced ?? '5.0.0'
  const text = reply.lines.join(' ')
  const named = recipients.length > 0 ? recipients : [{ address: '' }]
  const job: DueJob = {
    messageId: 0,
    messageSender: sender,
    queueId: current.intake.queueId(),
    transport: 'error',
    nexthop: '',
    sender,
    arrivalMs: clock.now(),
    sizeOctets: file.sizeOctets,
    ret,
    envid,
    smtpUtf8,
    saslUsername: '',
    hold: false,
    expire: false,
    warned: false,
    at: { segment: 0, offset: 0, length: 0 },
    read: (from, to) => file.read(from, to),
    recipients: named.map((one, n) => ({
      ...one,
      id: 0,
      n,
      original: one.address,
      transport: 'error',
      nexthop: '',
      status: dsn,
      reason: text,
      forced: false,
    })),
  }
  return job.recipients.map((recipient) => ({
    job,
    recipient,
    expired: false,
    result: { status: 'bounced', dsn, text },
  }))
}
