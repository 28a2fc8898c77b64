/** `flags=DORX` of a transport in master.cf: lines in front of the message, and whether its delivery is the last. smtp(8). */
import { printAddress } from '../../../formats/address/mod.ts'
import type { DeliveryJob } from '../../queue/mod.ts'
import { isLoop } from '../pipe/copy.ts'
import { deferred, type Failure } from './words.ts'

export type TransportFlags = ReadonlySet<'D' | 'O' | 'R' | 'X'>

/** smtp(8) ends with these words, and the mail waits. */
export class TransportFlagsError extends Error {}

/** @param args the words behind the program in master.cf. Throws TransportFlagsError. */
export function parseFlags(args: readonly string[]): TransportFlags {
  const flags = new Set<'D' | 'O' | 'R' | 'X'>()
  for (const word of args) {
    const [, letters] = /^flags=(.*)$/.exec(word) ?? []
    if (letters === undefined) throw new TransportFlagsError(`unexpected command-line argument: ${word}`)
    for (const letter of letters) {
      if (letter !== 'D' && letter !== 'O' && letter !== 'R' && letter !== 'X')
        throw new TransportFlagsError(`unknown flag: ${letter} in ${word}`)
      flags.add(letter)
    }
  }
  return flags
}

/** The flags of a transport, or why a message is not sent by it; `warning` for the log. */
export function allowedBy(
  args: readonly string[],
  job: DeliveryJob,
): { readonly flags: TransportFlags } | { readonly failure: Failure; readonly warning?: string } {
  const { recipients, transport } = job
  let flags: TransportFlags
  try {
    flags = parseFlags(args)
  } catch (error) {
    if (!(error instanceof TransportFlagsError)) throw error
    return {
      failure: deferred('4.3.0', 'unknown mail transport error'),
      warning: `service ${transport}: ${error.message}`,
    }
  }
  const single = (['D', 'O'] as const).find((flag) => flags.has(flag))
  if (single !== undefined && recipients.length > 1)
    return {
      failure: deferred('4.3.5', 'mail system configuration error'),
      warning: `flag \`${single}' requires ${transport}_destination_recipient_limit = 1`,
    }
  const address = recipients[0]?.address ?? ''
  if (!flags.has('D') || !isLoop(job, address)) return { flags }
  return { failure: { status: 'bounced', dsn: '5.4.6', text: `mail forwarding loop for ${address}` } }
}

/** The lines in front, in mail_copy(3)'s order. @param mapped an address as the next server is to see it */
export async function flagLines(
  flags: TransportFlags,
  { sender, recipients: [first] }: DeliveryJob,
  mapped: (address: string) => Promise<string>,
): Promise<string> {
  const printed = async (address: string): Promise<string> => printAddress(await mapped(address))
  const original = first === undefined ? '' : first.original || first.address
  const lines = [
    ...(flags.has('R') ? [`Return-Path: <${await printed(sender)}>`] : []),
    ...(flags.has('O') ? [`X-Original-To: ${await printed(original)}`] : []),
    ...(flags.has('D') ? [`Delivered-To: ${await printed(first?.address ?? '')}`] : []),
  ]
  return lines.map((line) => line + '\r\n').join('')
}
