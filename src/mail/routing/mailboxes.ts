/** Who has the mailbox of a local name, and whose delivery needs the local agent (Postfix: local(8), mailbox.c). */
import type { Account } from '../accounts/mod.ts'
import type { Routed } from './contract.ts'
import { findAddress } from './lookup.ts'
import type { Resolved } from './resolve.ts'
import { split, splitExtension } from './syntax.ts'
import type { SystemUser, World } from './world.ts'

export interface Holder {
  /** undefined: a system user whose mail needs the local agent (.forward, a command, a file). */
  readonly account: Account | undefined
  readonly extension: string
}

/**
 * Where a name's mail is kept: an account (store), or a system user whose delivery needs the local agent.
 * @param make a system user that never had mail gets an account; without it such a holder has none
 */
export async function mailboxOf(world: World, name: string, domain: string, make = false): Promise<Holder | undefined> {
  const { accounts } = world.deps
  const hosted = accounts.hostsDomain(domain.toLowerCase()) ? domain.toLowerCase() : ''
  for (const [user, extension] of namesOf(world, name)) {
    const system = hosted === '' ? await world.deps.systemUser(user.toLowerCase()) : undefined
    if (system !== undefined && (await needsAgent(world, system, name, domain)))
      return { account: undefined, extension }
    const own = accounts.recipient(user, hosted) ?? accounts.recipient(user, '')
    if (own !== undefined) return { account: own, extension }
    if (system !== undefined)
      return { account: make ? await world.deps.accountForSystemUser(system.name) : undefined, extension }
  }
  return undefined
}

/** Who has this name here, without asking how mail for it is delivered. */
export async function ownMailbox(
  world: World,
  name: string,
  domain: string,
  isLocal: boolean,
): Promise<Holder | undefined> {
  const { accounts } = world.deps
  const folded = domain.toLowerCase()
  for (const [user, extension] of namesOf(world, name)) {
    const own = accounts.recipient(user, folded) ?? (isLocal ? accounts.recipient(user, '') : undefined)
    if (own !== undefined) return { account: own, extension }
    const system =
      isLocal && !accounts.hostsDomain(folded) ? await world.deps.systemUser(user.toLowerCase()) : undefined
    if (system !== undefined) return { account: await world.deps.accountForSystemUser(system.name), extension }
  }
  return undefined
}

/** The whole name, then the name without extension. */
export function namesOf(world: World, name: string): [user: string, extension: string][] {
  const cut = splitExtension(name, world.cf)
  return cut
    ? [
        [name, ''],
        [cut.bare, cut.extension.slice(1)],
      ]
    : [[name, '']]
}

/** mailbox_command, home_mailbox and .forward are the user's: they hold for system users, never for other accounts. */
export async function needsAgent(world: World, user: SystemUser, name: string, domain: string): Promise<boolean> {
  const { cf, maps, deps } = world
  if (cf.mailbox_command !== '' || cf.home_mailbox !== '' || cf.mail_spool_copy || world.spoolIsSet) return true
  if (deps.hasForward(user, name, domain)) return true
  return (await maps.mailbox_command_maps.maps.find(user.name)) !== undefined
}

/** A resolved recipient that is not delivered by local(8). */
export async function routedElsewhere(world: World, resolved: Resolved): Promise<Omit<Routed, 'path'>> {
  const { recipient, addressClass, transport, nexthop } = resolved
  const { local, domain = '' } = split(recipient)
  const base = { recipient, addressClass, transport, nexthop }
  const isVirtual = addressClass === 'virtual-mailbox' && world.virtualTransports.has(transport)
  for (const [user, extension] of isVirtual ? namesOf(world, local) : []) {
    const account = world.deps.accounts.recipient(user, domain.toLowerCase())
    if (account !== undefined) return { ...base, account, extension }
  }
  const plain = { account: undefined, extension: splitExtension(local, world.cf)?.extension.slice(1) ?? '' }
  // virtual(8): who is in no table bounces.
  if (isVirtual && (await findAddress(world.maps.virtual_mailbox_maps, recipient, world)) === undefined)
    return { ...base, ...plain, transport: 'error', nexthop: `5.1.1 unknown user: "${recipient.toLowerCase()}"` }
  return { ...base, ...plain }
}
