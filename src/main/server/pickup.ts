/**
 * Takes messages out of the maildrop and hands them to intake. Postfix: pickup(8).
 * The message's record completes the file (`Completion`), so that a stop before the file is gone does not double it.
 */
import { lstatSync, readdirSync, statSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { publish } from '#src/base/mod.ts'
import { DataReader, type Reply } from '../../formats/smtp/mod.ts'
import { type SystemUser, userById } from '../../mail/delivery/mod.ts'
import type { ControlAnswer } from './control.ts'
import { deliverLeft } from './deliver-request.ts'
import { maySendAs } from './login-senders.ts'
import { DROP_NAME, DroppedFile, type PublicPaths } from './maildrop.ts'
import { mainParams } from './params.ts'
import type { Rooms } from './rooms.ts'
import { submissionParams } from './submission-params.ts'
import { isAuthorized } from './users.ts'

export type PickupEvent =
  | { readonly event: 'pickup.message'; readonly queueId: string; readonly uid: number; readonly sender: string }
  | { readonly event: 'pickup.warning'; readonly text: string }

/** Looked at anew at least so often. Postfix: master.cf's wakeup of pickup. */
const LOOK_AGAIN_MS = 60_000
/** What nobody finished in a day is removed. */
const UNFINISHED_MS = 86_400_000
/** And it must have been seen so for as long. */
const UNFINISHED_SEEN_MS = 3_600_000
const UNFINISHED_LIMIT = 10_000
const PIECE = 256 * 1024
const MINUTE_MS = 60_000

/** What became of a file: it goes, it is tried again later, or its user waits for the next minute. */
type Outcome = 'taken' | 'later'

export class Pickup {
  readonly #rooms: Rooms
  readonly #paths: PublicPaths
  /** Messages a user brought in this minute. */
  #counts = new Map<number, number>()
  #minute = 0
  /** Files that look left behind, and since when. */
  readonly #unfinished = new Map<string, number>()
  #running: Promise<void> | undefined
  #again = false
  #stopped = false
  #timer: NodeJS.Timeout | undefined
  /** Tells the sender of a message that cannot be taken in. */
  readonly #returnToSender: (file: DroppedFile, sender: string, reply: Reply) => Promise<void>

  constructor(rooms: Rooms, paths: PublicPaths, returnToSender: Pickup['returnToSender']) {
    this.#rooms = rooms
    this.#paths = paths
    this.#returnToSender = returnToSender
  }

  get returnToSender(): (file: DroppedFile, sender: string, reply: Reply) => Promise<void> {
    return this.#returnToSender
  }

  /** Looks at once, and again when something was dropped meanwhile. */
  look(): void {
    if (this.#stopped) return
    if (this.#running !== undefined) {
      this.#again = true
      return
    }
    this.#again = false
    clearTimeout(this.#timer)
    this.#running = this.#run()
      .catch((error: unknown) => warn(error instanceof Error ? error.message : String(error)))
      .finally(() => {
        this.#running = undefined
        if (this.#again) this.look()
        else if (!this.#stopped) this.#timer = setTimeout(() => this.look(), LOOK_AGAIN_MS).unref()
      })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#running
  }

  async #run(): Promise<void> {
    const { db } = this.#rooms
    await this.#forgetGone()
    for (const name of readdirSync(this.#paths.maildrop)) {
      if (this.#stopped) return
      if (!DROP_NAME.test(name)) this.#sweep(name)
      else if (db.read.sql('SELECT 1 FROM queue_dropped WHERE name = ?').get(name) !== undefined) await this.#done(name)
      else await this.#pick(name)
    }
  }

  async #pick(name: string): Promise<void> {
    let file: DroppedFile | undefined
    try {
      file = DroppedFile.open(this.#paths.maildrop, name)
    } catch (error) {
      const text = `maildrop/${name}: ${error instanceof Error ? error.message : String(error)}`
      // A disk that cannot be read just now says nothing of the message: it was accepted, and waits.
      if (error instanceof Error && 'syscall' in error) return warn(`${text}; it is tried again`)
      warn(`${text}; it is removed`)
      return this.#remove(name)
    }
    if (file === undefined) return this.#sweep(name)
    try {
      if (this.#overRate(file.uid)) return
      if ((await this.#take(file)) === 'taken') await this.#done(name)
    } finally {
      file.close()
    }
  }

  /** Beyond the rate a user's messages wait; nothing is refused. */
  #overRate(uid: number): boolean {
    const limit = this.#rooms.current.config.bind(mainParams).local_submission_rate_limit
    const minute = Math.floor(this.#rooms.clock.now() / MINUTE_MS)
    if (minute !== this.#minute) [this.#minute, this.#counts] = [minute, new Map()]
    const count = (this.#counts.get(uid) ?? 0) + 1
    if (limit > 0 && count > limit && uid !== 0) return true
    this.#counts.set(uid, count)
    return false
  }

  async #take(file: DroppedFile): Promise<Outcome> {
    const { current } = this.#rooms
    const { envelope, uid } = file
    const user = await userById(uid)
    if (uid !== 0 && !(await isAuthorized(current, 'authorized_submit_users', uid))) {
      warn(`maildrop/${file.name}: user ${user?.name ?? uid} is not allowed to submit mail; it is removed`)
      return 'taken'
    }
    if (envelope.deliver !== undefined) return this.#deliver(file, user)
    const given = envelope.sender ?? user?.name ?? 'unknown'
    const asked = await this.#maySend(file, { uid, name: user?.name }, given)
    if (asked !== 'yes') return asked
    const sender = given === '' ? '' : current.router.standard(given)
    const problem =
      envelope.recipients.length === 0
        ? 'no recipients specified'
        : file.sizeOctets > limitOf(current.config.value('message_size_limit'))
          ? 'message file too big'
          : undefined
    if (problem !== undefined) {
      await this.#returnToSender(file, sender, { code: 552, enhanced: '5.3.4', lines: [problem] })
      return 'taken'
    }
    const reply = await this.#submit(file, sender, given, user)
    if (reply.code < 400) return 'taken'
    if (reply.code < 500) return 'later'
    await this.#returnToSender(file, sender, reply)
    return 'taken'
  }

  /** sendmail(1) asked too, but anybody can write a file; a table that cannot be asked lets it wait. */
  async #maySend(
    file: DroppedFile,
    user: { readonly uid: number; readonly name: string | undefined },
    sender: string,
  ): Promise<'yes' | Outcome> {
    const { current } = this.#rooms
    try {
      if (await maySendAs(user, sender, current, current.config.bind(submissionParams))) return 'yes'
    } catch (error) {
      warn(`local_login_sender_maps: ${error instanceof Error ? error.message : String(error)}`)
      return 'later'
    }
    const who = user.name ?? user.uid
    warn(`maildrop/${file.name}: user ${who} is not authorized to use sender='${sender}'; it is removed`)
    return 'taken'
  }

  /** `postigo deliver`, left while no server ran. What cannot be put there is returned. */
  async #deliver(file: DroppedFile, user: SystemUser | undefined): Promise<Outcome> {
    const { current } = this.#rooms
    const { envelope, uid, sizeOctets, name } = file
    const { account, folder } = envelope.deliver ?? {}
    const isTooBig = sizeOctets > limitOf(current.config.value('message_size_limit'))
    const answer: ControlAnswer = isTooBig
      ? { ok: false, error: 'dataErr: message file too big' }
      : await deliverLeft(
          { uid, message: file.read(0, sizeOctets) },
          { account, folder, sender: envelope.sender },
          current,
          (tx) => this.#rooms.queue.complete(tx, { dropped: name }),
        )
    if (answer.ok) return 'taken'
    const [, kind, text = answer.error] = /^(\w+): (.*)$/s.exec(answer.error) ?? []
    if (kind === 'tempFail') return 'later'
    const to = current.router.standard(user?.name ?? 'postmaster')
    await this.#returnToSender(file, to, { code: 550, enhanced: '5.2.0', lines: [text] })
    return 'taken'
  }

  async #submit(file: DroppedFile, sender: string, given: string, user: SystemUser | undefined): Promise<Reply> {
    const { pickupIntake: intake, router } = this.#rooms.current
    const { envelope, uid } = file
    const fullName = envelope.fullName ?? user?.fullName
    const recipients = envelope.recipients.map((one) => ({ ...one, address: router.standard(one.address) }))
    const submission = intake.open(
      {
        origin: 'pickup',
        clientAddress: '',
        clientName: 'localhost',
        helo: String(uid),
        protocol: '',
        rewriteHeaders: envelope.relayed !== true,
      },
      {
        effects: [],
        sizeHint: file.sizeOctets,
        // An hour that somebody made up is not taken over.
        arrivalMs: Math.min(file.arrivalMs, this.#rooms.clock.now()),
        recipients: 0, // Postfix: pickup's Received names no recipient
        firstRecipient: '',
        sender,
        ...(fullName !== undefined && { fullName }),
        ...(envelope.trace !== undefined && { trace: envelope.trace }),
        completes: { dropped: file.name },
      },
    )
    if ('code' in submission) return submission
    publish<PickupEvent>({ event: 'pickup.message', queueId: submission.queueId, uid, sender: given })
    for (const piece of this.#wireForm(file)) await submission.write(piece)
    const { ret, envid, body, verp, smtpUtf8 = false } = envelope
    return submission.finish({ sender, recipients, ret, envid, body, verp, smtpUtf8 })
  }

  /** Anybody may write such a file: a line end that is none, or a stray CR, is not for other servers to interpret. */
  *#wireForm(file: DroppedFile): Generator<Buffer> {
    const replaceStrayCr = this.#rooms.current.config.value('cleanup_replace_stray_cr_lf') !== 'no'
    const reader = new DataReader({ dots: false, replaceStrayCr })
    for (let at = 0; at < file.sizeOctets;) {
      const piece = file.read(at, at + PIECE)
      if (piece.length === 0) break
      yield* reader.push(piece).content
      at += piece.length
    }
    yield* reader.finish()
  }

  async #done(name: string): Promise<void> {
    this.#remove(name)
    await this.#rooms.db.write((tx) => void tx.sql('DELETE FROM queue_dropped WHERE name = ?').run(name))
  }

  /** A stop came between the end of a file and that of its row, or a power cut brought the row back. */
  async #forgetGone(): Promise<void> {
    const { db } = this.#rooms
    const gone = db.read
      .sql('SELECT name FROM queue_dropped')
      .all()
      .map(([name]) => String(name))
      .filter((name) => lstatSync(join(this.#paths.maildrop, name), { throwIfNoEntry: false }) === undefined)
    if (gone.length === 0) return
    await db.write((tx) => {
      for (const name of gone) tx.sql('DELETE FROM queue_dropped WHERE name = ?').run(name)
    })
  }

  #remove(name: string): void {
    try {
      unlinkSync(join(this.#paths.maildrop, name))
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    }
  }

  /** What is not whole after a day will never be. A directory that somebody made stays: nothing in it is read. */
  #sweep(name: string): void {
    try {
      const { mtimeMs } = statSync(join(this.#paths.maildrop, name))
      const { clock } = this.#rooms
      if (clock.now() - mtimeMs <= UNFINISHED_MS) return void this.#unfinished.delete(name)
      // The clock may have been set, and whoever writes it be at it still: so it must have looked old for a while.
      const since = this.#unfinished.get(name)
      if (since === undefined) {
        // Names of files that went meanwhile are forgotten with all others: those are seen again.
        if (this.#unfinished.size >= UNFINISHED_LIMIT) this.#unfinished.clear()
        this.#unfinished.set(name, clock.monotonic())
      } else if (clock.monotonic() - since > UNFINISHED_SEEN_MS) {
        this.#remove(name)
        this.#unfinished.delete(name)
      }
    } catch {
      // gone, or not ours to remove
    }
  }
}

function limitOf(text: string | undefined): number {
  const limit = Number(text ?? 0)
  return limit > 0 ? limit : Number.MAX_SAFE_INTEGER
}

function warn(text: string): void {
  publish<PickupEvent>({ event: 'pickup.warning', text })
}
