/**
 * The milters of one session, in main.cf's order: each is told each step until one refuses it. Postfix: milter.c.
 */
import type { FilteredMessage, FilterVerdict, Inspected, MessageFilters } from '../../intake/mod.ts'
import { MilterClient, type Told } from './client.ts'
import { Edits } from './edits.ts'
import { type MacroLists, macroDefaults, macroLists, type MacroSource, macroValues, type Stage } from './macros.ts'
import { SMFIP } from './protocol.ts'
import { milterServices, type MilterSettings } from './service.ts'

/** Octets of the body in one packet, as every milter can take them. */
const CHUNK = 65_535

/** Who connected, as milters are told. */
export interface MilterPeer {
  /** Verified, or `unknown`. */
  readonly name: string
  readonly address: string
  readonly port: number
}

export interface MiltersOptions {
  readonly cf: MilterSettings
  readonly queueDirectory: string
  readonly macros: MacroSource
}

type Event = Omit<Told, 'macros'>

export class Milters implements MessageFilters {
  readonly #clients: readonly MilterClient[]
  readonly #lists: MacroLists
  readonly #defaults: ReadonlyMap<string, string>
  readonly #macros: MacroSource

  constructor(list: string, { cf, queueDirectory, macros }: MiltersOptions) {
    this.#clients = milterServices(list, cf).map((service) => new MilterClient(service, queueDirectory))
    this.#lists = macroLists(cf)
    this.#defaults = macroDefaults(cf.milter_macro_defaults)
    this.#macros = macros
  }

  /** Connects to each milter, and tells it who is there. */
  async connect(peer: MilterPeer): Promise<FilterVerdict | undefined> {
    const told = {
      letter: 'C',
      parts: connectParts(peer),
      unwanted: SMFIP.NOCONNECT,
      unanswered: SMFIP.NR_CONN,
    } as const
    for (const client of this.#clients) {
      await client.open()
      const isReady = client.state === 'ready'
      if (isReady) client.state = 'session'
      const verdict = isReady ? await this.#tell(client, 'connect', told) : client.verdict
      if (verdict !== undefined) return verdict
    }
    return undefined
  }

  helo(name: string): Promise<FilterVerdict | undefined> {
    return this.#each('helo', { letter: 'H', parts: [name], unwanted: SMFIP.NOHELO, unanswered: SMFIP.NR_HELO })
  }

  /** @param words the path as it came, and parameters */
  mail(words: readonly string[]): Promise<FilterVerdict | undefined> {
    for (const client of this.#clients) client.beginMessage()
    return this.#each('mail', { letter: 'M', parts: words, unwanted: SMFIP.NOMAIL, unanswered: SMFIP.NR_MAIL })
  }

  /** @param refused it will be refused in any case: only those who want to know are told */
  rcpt(words: readonly string[], refused: boolean): Promise<FilterVerdict | undefined> {
    const told = { letter: 'R', parts: words, unwanted: SMFIP.NORCPT, unanswered: SMFIP.NR_RCPT } as const
    return this.#each('rcpt', told, (client) => !refused || client.wantsRefused)
  }

  data(): Promise<FilterVerdict | undefined> {
    return this.#each('data', { letter: 'T', parts: [], unwanted: SMFIP.NODATA, unanswered: SMFIP.NR_DATA })
  }

  /** A command that is none. */
  unknown(command: string): Promise<FilterVerdict | undefined> {
    const told = { letter: 'U', parts: [command], unwanted: SMFIP.NOUNKNOWN, unanswered: SMFIP.NR_UNKN } as const
    return this.#each('unknown', told)
  }

  /** What was said for the whole session, for commands that milters are not told. */
  get standing(): FilterVerdict | undefined {
    return this.#clients.find((client) => client.verdict !== undefined)?.verdict
  }

  abort(): void {
    for (const client of this.#clients) client.abort()
  }

  disconnect(): void {
    for (const client of this.#clients) client.quit()
  }

  async inspect(message: FilteredMessage): Promise<Inspected | undefined> {
    for (const client of this.#clients) {
      if (!client.active) continue
      client.enterMessage()
      const verdict = await this.#show(client, message).finally(() => client.leaveMessage())
      if (verdict !== undefined) return { where: 'END-OF-MESSAGE', verdict }
    }
    return undefined
  }

  /** All of a message: fields, the end of the header section, the body, its end. */
  async #show(client: MilterClient, message: FilteredMessage): Promise<FilterVerdict | undefined> {
    const edits = new Edits(message, client)
    let said: FilterVerdict | undefined
    const goesOn = (): boolean => said === undefined && client.state === 'message'
    const macros = new Map<Stage, readonly string[]>()
    for (const stage of ['endOfHeader', 'endOfData'] as const) macros.set(stage, await this.#valuesFor(client, stage))
    for (const { stage, edit, ...event } of messageEvents(message, client)) {
      said = await client.event(
        { ...event, macros: macros.get(stage) ?? [] },
        edit ? (answer, leadingSpace) => edits.take(answer, leadingSpace) : undefined,
      )
      if (!goesOn()) break
    }
    // What became of an edit counts, unless the filter itself wants the message gone, or sent again.
    const isFinal = said?.action === 'discard' || (said?.action === 'reject' && said.reply.code < 500)
    return isFinal ? said : (edits.verdict ?? said)
  }

  async #each(
    stage: Stage,
    told: Event,
    isMeant: (client: MilterClient) => boolean = () => true,
  ): Promise<FilterVerdict | undefined> {
    for (const client of this.#clients) {
      if (!isMeant(client)) continue
      const verdict = client.state === 'session' ? await this.#tell(client, stage, told) : client.verdict
      if (verdict !== undefined) return verdict
    }
    return undefined
  }

  async #tell(client: MilterClient, stage: Stage, told: Event): Promise<FilterVerdict | undefined> {
    return client.event({ ...told, macros: await this.#valuesFor(client, stage) })
  }

  #valuesFor(client: MilterClient, stage: Stage): Promise<string[]> {
    return macroValues(client.macrosFor(stage) ?? this.#lists[stage], this.#macros, this.#defaults)
  }
}

/** `[address]` in place of a name that is not known, as Sendmail has it. */
function connectParts({ name, address, port }: MilterPeer): (string | Buffer)[] {
  const host = name === 'unknown' && address !== 'unknown' ? `[${address}]` : name
  if (address === 'unknown' || address === '') return [host, Buffer.from('U')]
  const ends = Buffer.alloc(3)
  ends.write(address.includes(':') ? '6' : '4', 'latin1')
  ends.writeUInt16BE(port, 1)
  return [host, ends, address]
}

interface MessageEvent extends Event {
  readonly stage: Stage
  /** Modifications may be asked for in the answers. */
  readonly edit?: true
}

function* messageEvents(message: FilteredMessage, client: MilterClient): Generator<MessageEvent> {
  if (client.wants(SMFIP.NOHDRS)) {
    for (const { name, value } of message.fields) {
      // Sendmail leaves out one blank.
      const text = !client.leadingSpace && value[0] === 0x20 ? value.subarray(1) : value
      const parts = [name, textPart(text)]
      yield { letter: 'L', parts, unwanted: SMFIP.NOHDRS, unanswered: SMFIP.NR_HDR, stage: 'endOfHeader' }
    }
  }
  if (client.wants(SMFIP.NOEOH))
    yield { letter: 'N', parts: [], unwanted: SMFIP.NOEOH, unanswered: SMFIP.NR_EOH, stage: 'endOfHeader' }
  if (client.wants(SMFIP.NOBODY)) {
    for (let at = 0; at < message.bodyOctets && !client.skips('B'); at += CHUNK) {
      const parts = [message.readBody(at, Math.min(at + CHUNK, message.bodyOctets))]
      yield { letter: 'B', parts, unwanted: SMFIP.NOBODY, unanswered: SMFIP.NR_BODY, stage: 'endOfData' }
    }
  }
  yield { letter: 'E', parts: [], unwanted: 0, unanswered: 0, stage: 'endOfData', edit: true }
}

/** Octets as they are, with a NUL behind them. */
const textPart = (octets: Buffer): Buffer => Buffer.concat([octets.filter((octet) => octet !== 0), Buffer.alloc(1)])
