/**
 * non_smtpd_milters: mail that no SMTP client brought is shown to milters as if one on this host had. Postfix: cleanup's
 * cleanup_milter_emul_….
 */
import { publish } from '#src/base/mod.ts'
import type { FilteredMessage, FilterVerdict, Inspected, MessageFilters } from '../../intake/mod.ts'
import { quote } from '../../routing/mod.ts'
import type { MilterWarning } from './events.ts'
import { type MacroFacts, macroSource } from './macro-facts.ts'
import { Milters } from './milters.ts'
import type { MilterSettings } from './service.ts'

const HERE = { name: 'localhost', reverseName: 'localhost', address: '127.0.0.1', port: 0, nameStatus: 'ok' } as const

export interface EmulationOptions {
  readonly cf: MilterSettings
  readonly hostname: string
  readonly queueDirectory: string
}

/** One session for each message. */
export class EmulatedSessions implements MessageFilters {
  readonly #options: EmulationOptions

  constructor(options: EmulationOptions) {
    this.#options = options
  }

  async inspect(message: FilteredMessage): Promise<Inspected | undefined> {
    const { cf } = this.#options
    let facts: MacroFacts = { client: HERE, local: { address: HERE.address, port: 0 }, queueId: message.queueId }
    const macros = macroSource({ ...this.#options, facts: () => facts })
    const milters = new Milters(cf.non_smtpd_milters, { ...this.#options, macros })
    const steps: [string, () => Promise<FilterVerdict | undefined>][] = [
      ['CONNECT', () => milters.connect(HERE)],
      ['EHLO', () => milters.helo(HERE.name)],
      [
        'MAIL',
        () => {
          facts = { ...facts, sender: message.sender }
          return milters.mail([quoted(message.sender)])
        },
      ],
      ...message.recipients.map((recipient): [string, () => Promise<FilterVerdict | undefined>] => [
        'RCPT',
        () => {
          facts = { ...facts, recipient }
          return milters.rcpt([quoted(recipient)], false)
        },
      ]),
      ['DATA', () => milters.data()],
    ]
    try {
      return await play(steps, milters, message)
    } finally {
      milters.disconnect()
    }
  }
}

async function play(
  steps: readonly [string, () => Promise<FilterVerdict | undefined>][],
  milters: Milters,
  message: FilteredMessage,
): Promise<Inspected | undefined> {
  let held: Inspected | undefined
  for (const [where, step] of steps) {
    const verdict = await step()
    if (verdict?.action === 'hold') held ??= { where, verdict }
    else if (verdict?.action === 'reject' && where === 'RCPT') return recipientRefused(message)
    else if (verdict !== undefined) return { where, verdict }
  }
  return (await milters.inspect(message)) ?? held
}

/** Nobody is there who could be told that one recipient is not wanted. */
function recipientRefused({ queueId }: FilteredMessage): Inspected {
  const warn = (text: string): void =>
    publish<MilterWarning>({ event: 'milter.warning', service: 'cleanup', text: `${queueId}: ${text}` })
  warn("milter configuration error: can't reject recipient in non-smtpd(8) submission")
  warn('message not accepted, try again later')
  const reply = { code: 451, enhanced: '4.3.5', lines: ['Server configuration error'] } as const
  return { where: 'RCPT', verdict: { action: 'reject', reply } }
}

/** Sendmail does not put the null address in brackets. */
const quoted = (address: string): string => (address === '' ? '' : quote(address))
