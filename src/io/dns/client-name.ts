/**
 * The name of a client by its address, believed only if the name has that address (Postfix: smtpd_peer).
 */
import type { Resolver } from './contract.ts'
import { addressKey, type HostsFile } from './hosts.ts'
import { isHostName, isLoopback, reverseName } from './names.ts'

type ClientName = Awaited<ReturnType<Resolver['clientName']>>

const UNKNOWN = 'unknown'

export async function clientName(address: string, hosts: HostsFile, dns: Resolver): Promise<ClientName> {
  const reverse = hosts.nameOf(address) ?? (await byPointer(address, dns))
  if (typeof reverse !== 'string')
    return {
      name: UNKNOWN,
      reverseName: UNKNOWN,
      nameStatus: reverse.status,
      reverseStatus: reverse.status,
    }
  const forward = await dns.addresses(reverse)
  const known = { reverseName: reverse, reverseStatus: 'ok' } as const
  if (forward.status === 'failed') return { ...known, name: UNKNOWN, nameStatus: 'temporary' }
  const own = addressKey(address)
  // Without this check a client could take any name that an access table lets in.
  if (forward.status === 'none' || !forward.addresses.some((a) => addressKey(a) === own))
    return { ...known, name: UNKNOWN, nameStatus: 'permanent' }
  return { ...known, name: reverse, nameStatus: 'ok' }
}

async function byPointer(address: string, dns: Resolver): Promise<string | { status: 'permanent' | 'temporary' }> {
  const question = reverseName(address)
  if (question === undefined || isLoopback(address)) return { status: 'permanent' }
  const answer = await dns.query(question, 'PTR')
  if (answer.status === 'failed') return { status: 'temporary' }
  const name = answer.status === 'ok' ? answer.records[0]?.value : undefined
  // A name that looks like an address would pass for one in access tables and logs.
  return name !== undefined && isHostName(name) ? name : { status: 'permanent' }
}
