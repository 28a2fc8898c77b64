/** Logging in to a relay. RFC 4954; Postfix: smtp_sasl_glue.c, SASL_README. */
import { type ClientCredentials, SaslError, startClientExchange } from '../../../formats/sasl/mod.ts'
import type { Reply } from '../../../formats/smtp/mod.ts'
import { saslChannel } from '../../accounts/mod.ts'
import type { Maps, Tables } from '../../../io/tables/mod.ts'
import type { Dialogue } from './dialogue.ts'
import type { ClientSettings } from './params.ts'

export interface LoginPlace {
  readonly host: string
  /** The next hop as the transport has it. */
  readonly nexthop: string
  readonly sender: string
}

/** `user:password` by the sender where that is wished, then by the server's name, then by the next hop. */
export async function findCredentials(
  cf: ClientSettings,
  maps: Maps,
  { host, nexthop, sender }: LoginPlace,
): Promise<ClientCredentials | undefined> {
  const bySender =
    cf.smtp_sender_dependent_authentication && sender !== '' ? [sender, sender.slice(sender.lastIndexOf('@'))] : []
  for (const key of [...bySender, host, nexthop]) {
    const found = await maps.find(key)
    if (found === undefined) continue
    const colon = found.result.indexOf(':')
    const username = colon < 0 ? found.result : found.result.slice(0, colon)
    return username === '' ? undefined : { username, password: colon < 0 ? '' : found.result.slice(colon + 1) }
  }
  return undefined
}

export type LoginResult = 'done' | 'loop' | { readonly reply: Reply } | { readonly text: string }

/** Mechanisms that a server offers, without those of smtp_sasl_mechanism_filter. */
export async function usableMechanisms(
  offered: readonly string[],
  cf: ClientSettings,
  tables: Tables,
): Promise<string[]> {
  const filter = cf.smtp_sasl_mechanism_filter
  if (filter.length === 0) return offered.filter((name) => name !== '')
  const match = tables.matchDomain(filter.join(' '), { parentDomains: false, parameter: 'smtp_sasl_mechanism_filter' })
  const usable: string[] = []
  for (const name of offered) if ((await match(name)) !== undefined) usable.push(name)
  return usable
}

export interface LogInFacts {
  readonly cf: ClientSettings
  readonly host: string
  /** The certificate of the server was checked and fits. */
  readonly verified: boolean
  /** The server itself, not a filter of ours, left the mechanisms out that bind to the channel. */
  readonly couldBind: boolean
}

export async function logIn(
  dialogue: Dialogue,
  mechanisms: readonly string[],
  credentials: ClientCredentials,
  { cf, host, verified, couldBind }: LogInFacts,
): Promise<LoginResult> {
  const plain = dialogue.connection.tls === undefined
  const securityOptions = plain
    ? cf.smtp_sasl_security_options
    : verified
      ? cf.smtp_sasl_tls_verified_security_options
      : cf.smtp_sasl_tls_security_options
  try {
    const channel = saslChannel(dialogue.connection)
    const options = { service: 'smtp', host, securityOptions, channel, couldBind }
    const exchange = startClientExchange(mechanisms, credentials, options)
    if (exchange === undefined) return { text: 'no mechanism available' }
    const { initial } = exchange
    const first = initial === undefined ? '' : ` ${initial.length === 0 ? '=' : initial.toString('base64')}`
    let reply = await dialogue.ask(`AUTH ${exchange.mechanism}${first}`, cf.smtp_helo_timeout)
    for (let steps = 0; Math.floor(reply.code / 100) === 3; steps++) {
      if (steps === STEPS) return 'loop'
      const challenge = reply.lines[0]?.trim() ?? ''
      if (!BASE64.test(challenge)) return { text: 'another step is needed in authentication' } // Cyrus SASL’s words
      const answer = await exchange.step(Buffer.from(challenge, 'base64'))
      reply = await dialogue.askSecretly(answer.toString('base64'), cf.smtp_helo_timeout)
    }
    if (Math.floor(reply.code / 100) !== 2) return { reply }
    return exchange.complete ? 'done' : { text: 'the server did not prove that it knows the password' }
  } catch (error) {
    if (error instanceof SaslError) return { text: error.message }
    throw error
  }
}

/** Challenges of one exchange at the most. */
const STEPS = 100
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
