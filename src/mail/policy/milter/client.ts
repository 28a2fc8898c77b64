/**
 * One milter in one session: it is connected to, told what happens, and says what it thinks of it. What goes wrong with it
 * becomes milter_default_action here, so that nobody above sees an error. Postfix: milter8.c.
 */
import { publish } from '#src/base/mod.ts'
import type { FilterVerdict } from '../../intake/mod.ts'
import { decisionOf } from './decision.ts'
import { defaultAction, misconfigured, MISCONFIGURED } from './default-action.ts'
import type { MilterWarning } from './events.ts'
import { LinkError, MilterLink } from './link.ts'
import type { Stage } from './macros.ts'
import { type Agreement, agreementOf, NOTHING_AGREED } from './negotiation.ts'
import { packet, type Packet, PacketError, type Part } from './packets.ts'
import { ALL_ACTIONS, type EventLetter, EVENTS, type Offer, offerOf, SMFIP } from './protocol.ts'
import { type MilterService, placeOf } from './service.ts'

/** `ready`: connected. `accepts …`: it wants to hear no more. `off`: it failed, or refused all that may come. */
export type MilterState = 'closed' | 'ready' | 'session' | 'message' | 'accepts session' | 'accepts message' | 'off'

/** An event as it is told. */
export interface Told {
  readonly letter: EventLetter
  /** Names and values in turn; undefined: no macros are sent. */
  readonly macros?: readonly string[]
  readonly parts: readonly Part[]
  /** The bit by which a filter does not want the event, and that by which it does not answer it. */
  readonly unwanted: number
  readonly unanswered: number
}

/** Does what a packet of a modification asks; false: it is none. */
export type Editing = (answer: Packet, leadingSpace: boolean) => Promise<boolean>

export class MilterClient {
  readonly service: MilterService
  readonly #queueDirectory: string
  state: MilterState = 'closed'
  /** What every further event hears. */
  #verdict: FilterVerdict | undefined
  #link: MilterLink | undefined
  #agreement = NOTHING_AGREED
  /** It wants no more of these (SMFIR_SKIP). */
  #skipped: EventLetter | undefined
  #role: MilterWarning['service'] = 'smtpd'
  /** What the session had heard when a message was shown: it is not the message's. */
  #kept: FilterVerdict | undefined

  constructor(service: MilterService, queueDirectory: string) {
    this.service = service
    this.#queueDirectory = queueDirectory
  }

  get verdict(): FilterVerdict | undefined {
    return this.#verdict
  }
  get wantsRefused(): boolean {
    return (this.#agreement.events & SMFIP.RCPT_REJ) !== 0
  }
  get leadingSpace(): boolean {
    return (this.#agreement.events & SMFIP.HDR_LEADSPC) !== 0
  }
  /** Whether it is to see messages. */
  get active(): boolean {
    return this.#link !== undefined && this.state === 'session'
  }

  /** Its own list for a stage, where it asked for any. */
  macrosFor(stage: Stage): readonly string[] | undefined {
    return this.#agreement.lists[stage]
  }
  wants(bit: number): boolean {
    return (this.#agreement.events & bit) === 0
  }

  /** It wants no more events of this kind. */
  skips(letter: EventLetter): boolean {
    return this.#skipped === letter
  }

  /** Connects and negotiates options. */
  async open(): Promise<void> {
    const { name, fault, protocol, connectTimeoutMs } = this.service
    const offer = offerOf(protocol)
    if (typeof offer === 'string') return this.#misconfigured(`milter ${name}: ${offer}`)
    const to = fault ?? placeOf(this.service, this.#queueDirectory)
    if (typeof to === 'string') return this.#misconfigured(to)
    try {
      this.#link = await MilterLink.open(to, connectTimeoutMs)
    } catch (error) {
      return this.#broken(`connect to Milter service ${name}: ${textOf(error)}`)
    }
    await this.#negotiate(offer)
  }

  async #negotiate(offer: Offer): Promise<void> {
    const { name, commandTimeoutMs } = this.service
    try {
      await this.#link?.send(packet('O', offer.version, ALL_ACTIONS, offer.events), commandTimeoutMs)
      const answer = await this.#receive('O', commandTimeoutMs)
      if (answer.letter !== 'O')
        return this.#broken(`milter ${name}: unexpected reply "${answer.letter}" in initial handshake`)
      this.#agree(agreementOf(offer, answer.data))
    } catch (error) {
      this.#broken(this.#named(error))
      this.#warn(`milter ${name}: read error in initial handshake`)
    }
  }

  #agree(agreement: Agreement | string): void {
    const { name } = this.service
    if (typeof agreement === 'string') return this.#broken(`milter ${name}: ${agreement}`)
    for (const text of agreement.warnings) this.#warn(`milter ${name}: ${text}`)
    this.#agreement = agreement
    this.state = 'ready'
  }

  /**
   * Tells an event and hears what the filter says to it; undefined: go on.
   * @param edit at the end of a message: modifications
   */
  async event(told: Told, edit?: Editing): Promise<FilterVerdict | undefined> {
    const { letter, macros, parts } = told
    const { name } = this.service
    if (this.#link === undefined && this.#verdict === undefined) {
      this.#broken(`milter ${name}: can't read ${EVENTS[letter]} reply packet header: Broken pipe`)
      return this.#verdict
    }
    if (this.#link === undefined || this.#verdict !== undefined) {
      this.#warn(`milter8_event: attempt to send event ${EVENTS[letter]} to milter ${name} after error`)
      return this.#verdict
    }
    if ((told.unwanted & this.#agreement.unknownEvents) !== 0) return this.#verdict
    if (this.#skipped === letter) return this.#verdict
    this.#skipped = undefined
    const unwanted = (told.unwanted & this.#agreement.events) !== 0
    const octets = [
      ...(macros === undefined ? [] : [packet('D', Buffer.from(letter, 'latin1'), ...macros)]),
      ...(unwanted ? [] : [packet(letter, ...parts)]),
    ]
    try {
      await this.#link.send(octets.length === 1 ? octets[0]! : Buffer.concat(octets), this.#timeoutMs)
      if (unwanted || (told.unanswered & this.#agreement.events) !== 0) return this.#verdict
      return await this.#answers(letter, edit)
    } catch (error) {
      const isOurs = !(error instanceof LinkError || error instanceof PacketError)
      this.#broken(isOurs ? `milter ${name}: modification not carried out: ${textOf(error)}` : this.#named(error))
      // What the filter has still said to this event must not be taken for its answer to another: it has no link any more.
      if (isOurs) throw error
      return this.#verdict
    }
  }

  #named(error: unknown): string {
    const text = textOf(error)
    return text.startsWith('milter ') ? text : `milter ${this.service.name}: ${text}`
  }

  get #timeoutMs(): number {
    const { commandTimeoutMs, contentTimeoutMs } = this.service
    return this.state === 'message' ? contentTimeoutMs : commandTimeoutMs
  }

  /** Reads answers up to a decision. */
  async #answers(letter: EventLetter, edit: Editing | undefined): Promise<FilterVerdict | undefined> {
    const inConnect = letter === 'C' || letter === 'H'
    for (;;) {
      const answer = await this.#receive(letter, this.#timeoutMs)
      if (edit !== undefined && (await edit(answer, this.leadingSpace))) {
        if (this.#link === undefined) return this.#verdict // it asked for what cannot be
        continue
      }
      const decision = decisionOf(answer, letter)
      switch (decision.kind) {
        case 'wait':
          continue
        case 'hold':
          this.#verdict = { action: 'hold' }
          continue
        case 'continue':
          return this.#verdict
        case 'skip':
          this.#skipped = letter
          return this.#verdict
        case 'accept':
          this.#accept(inConnect)
          return this.#verdict
        case 'discard':
          return this.#discard(inConnect)
        case 'refuse':
          return this.#refuse(decision.verdict, inConnect || decision.ends)
        case 'malformed':
          this.misuse(`malformed reply: ${decision.text}`)
          return this.#verdict
        default:
          return decision satisfies never
      }
    }
  }

  #accept(inConnect: boolean): void {
    if (inConnect) this.#leave('accepts session')
    else this.state = 'accepts message'
  }

  #discard(inConnect: boolean): FilterVerdict | undefined {
    if (inConnect) {
      this.#warn(`milter ${this.service.name}: DISCARD action is not allowed for connect or helo`)
      return this.#verdict
    }
    this.state = 'accepts message'
    return { action: 'discard' }
  }

  #refuse(verdict: FilterVerdict, forAll: boolean): FilterVerdict {
    if (!forAll) return verdict
    this.#leave('off')
    return (this.#verdict = verdict)
  }

  /** The message is over, or given up. */
  abort(): void {
    if (this.state !== 'session' && this.state !== 'message' && this.state !== 'accepts message') return
    this.#link?.tell(packet('A'))
    this.state = 'session'
  }

  /** MAIL begins a message: what was said of another is forgotten. */
  beginMessage(): void {
    if (this.state === 'accepts message') this.state = 'session'
  }

  /** cleanup shows it the message, and is done with it. */
  enterMessage(): void {
    this.state = 'message'
    this.#role = 'cleanup'
    this.#kept = this.#verdict
    this.#verdict = undefined
  }

  leaveMessage(): void {
    this.#role = 'smtpd'
    // Where it failed, the session learns of that at its next step, as in Postfix.
    this.state = 'session'
    this.#verdict = this.#kept
  }

  /** The client is gone. */
  quit(): void {
    const says = this.state === 'session' || this.state === 'message' || this.state === 'accepts message'
    this.#link?.close(says ? packet('Q') : undefined)
    this.#link = undefined
    this.state = 'closed'
    this.#verdict = undefined
  }

  async #receive(letter: EventLetter, timeoutMs: number): Promise<Packet> {
    if (this.#link === undefined) throw new LinkError('closed')
    const { name } = this.service
    try {
      return await this.#link.receive(timeoutMs)
    } catch (error) {
      if (error instanceof PacketError) throw new PacketError(`milter ${name}: ${error.message}`)
      throw new LinkError(`milter ${name}: can't read ${EVENTS[letter]} reply packet header: ${textOf(error)}`)
    }
  }

  /** A modification asked for what cannot be. */
  misuse(text: string): void {
    this.#misconfigured(`milter ${this.service.name}: ${text}`)
  }

  #misconfigured(text: string): void {
    this.#warn(text)
    this.#leave('off')
    this.#verdict = misconfigured(this.service.defaultAction)
  }

  #broken(text: string): void {
    this.#warn(text)
    this.#leave('off')
    const { name, defaultAction: word } = this.service
    const action = defaultAction(word)
    if (action === 'unknown') this.#warn(`milter ${name}: unrecognized default action: ${word}`)
    this.#verdict = action === 'unknown' ? MISCONFIGURED : action
  }

  #leave(state: MilterState): void {
    this.#link?.close()
    this.#link = undefined
    this.state = state
  }

  #warn(text: string): void {
    publish<MilterWarning>({ event: 'milter.warning', service: this.#role, text })
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
