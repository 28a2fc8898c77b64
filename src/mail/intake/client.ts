/** Who brought a message, as the queue keeps it for commands, pipes and XFORWARD. */
import type { ClientFacts } from '../queue/mod.ts'
import type { Arrival } from './contract.ts'

/** undefined for mail that arose here. */
export function clientOf(arrival: Arrival): ClientFacts | undefined {
  if (arrival.origin !== 'smtp') return undefined
  const { clientAddress: address, clientPort: port, clientName: name, helo, protocol, forwarded = {} } = arrival
  const { saslMethod = '', saslSender = '' } = arrival
  const { ident, local = arrival.rewriteHeaders, ...from } = forwarded
  const isForwarded = Object.keys(from).length > 0
  return {
    ...(isForwarded
      ? { address: 'unknown', name: 'unknown', protocol: 'unknown', helo: '', ...from }
      : { address, ...(port !== undefined && { port }), name, helo, protocol }),
    saslMethod,
    saslSender,
    ...(ident !== undefined && { ident }),
    local,
  }
}
