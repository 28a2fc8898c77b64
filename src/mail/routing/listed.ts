/**
 * Is there such a recipient? What reject_unlisted_recipient, reject_unlisted_sender and VRFY ask. ADDRESS_CLASS_README.
 */
import type { PathStep, Unserved } from './contract.ts'
import { findAddress, type NamedMaps } from './lookup.ts'
import { mailboxOf, namesOf } from './mailboxes.ts'
import { resolveAddress, type Resolved } from './resolve.ts'
import { split } from './syntax.ts'
import type { World } from './world.ts'

export type Role = 'sender' | 'recipient'

/** undefined: it is served, or at least nothing here says that it is not. Throws TableError. */
export async function unlisted(
  world: World,
  address: string,
  role: Role,
  sender: string | undefined,
  path: PathStep[] = [],
): Promise<Unserved | undefined> {
  const resolved = await resolveAddress(world, world.standard(address), sender)
  path.push(...resolved.path)
  const has = async (named: NamedMaps): Promise<boolean> =>
    (await findAddress(named, resolved.recipient, world, (s) => path.push(s))) !== undefined
  const { maps } = world
  // An address that is rewritten is taken to be good; what it becomes is looked at when it is used.
  const rewritten = [maps.recipient_canonical_maps, maps.canonical_maps, maps.virtual_alias_maps]
  if (role === 'sender') rewritten.splice(1, 0, maps.sender_canonical_maps)
  for (const named of rewritten) if (await has(named)) return undefined
  if (resolved.transport === 'error' || resolved.transport === 'retry') return undeliverable(world, resolved, role)
  switch (resolved.addressClass) {
    case 'local':
      return (await isLocalUser(world, resolved, has)) ? undefined : unknown(world, 'local', role)
    case 'virtual-mailbox':
      return (await isVirtualUser(world, resolved, has)) ? undefined : unknown(world, 'virtual_mailbox', role)
    case 'relay':
      if (maps.relay_recipient_maps.maps.tables.length === 0) return undefined
      return (await has(maps.relay_recipient_maps)) ? undefined : unknown(world, 'relay', role)
    case 'virtual-alias':
    case 'default':
      return undefined
    default:
      return resolved.addressClass satisfies never
  }
}

const TABLES = {
  local: ['unknown_local_recipient_reject_code', 'local recipient table'],
  virtual_mailbox: ['unknown_virtual_mailbox_reject_code', 'virtual mailbox table'],
  relay: ['unknown_relay_recipient_reject_code', 'relay recipient table'],
} as const

function unknown({ cf }: World, which: keyof typeof TABLES, role: Role): Unserved {
  const [code, table] = TABLES[which]
  const where = cf.show_user_unknown_table_name ? ` in ${table}` : ''
  return { code: cf[code], enhanced: role === 'sender' ? '5.1.0' : '5.1.1', text: `User unknown${where}` }
}

/** error: and retry: carry an enhanced status of their own in front of the text; its first digit is the reply code's. */
function undeliverable(world: World, { addressClass, transport, nexthop }: Resolved, role: Role): Unserved {
  const { unknown_virtual_alias_reject_code: unknownAlias } = world.cf
  const code = transport === 'retry' ? 450 : addressClass === 'virtual-alias' ? unknownAlias : 550
  const [, status, text] = /^([245]\.\d{1,3}\.\d{1,3})\s+(.*)$/s.exec(nexthop) ?? [undefined, undefined, nexthop]
  const fallback = role === 'sender' ? '5.1.0' : '5.1.1'
  // The pattern is that of an enhanced status; 2 is no reason to refuse and is said as 5 by the caller.
  const enhanced = (status?.replace(/^2/, '5') ?? fallback) as Unserved['enhanced']
  return { code, enhanced, text: text ?? nexthop }
}

type Has = (named: NamedMaps) => Promise<boolean>

async function isLocalUser(world: World, resolved: Resolved, has: Has): Promise<boolean> {
  if (world.cf.local_recipient_maps.trim() === '') return true
  const name = split(resolved.recipient).local
  // Names that the mail system makes and takes itself.
  const needed = ['postmaster', 'mailer-daemon', world.cf.double_bounce_sender.toLowerCase()]
  if (needed.includes(name.toLowerCase())) return true
  const holder = await mailboxOf(world, name, resolved.domain)
  // A system user, with an account or without, is listed where passwd is.
  if (holder !== undefined && (world.systemUsersListed || !(await isSystemUser(world, name, resolved.domain))))
    return true
  return has(world.maps.local_recipient_maps)
}

async function isSystemUser(world: World, name: string, domain: string): Promise<boolean> {
  if (world.deps.accounts.hostsDomain(domain.toLowerCase())) return false
  for (const [user] of namesOf(world, name)) {
    if ((await world.deps.systemUser(user.toLowerCase())) !== undefined) return true
    if (world.deps.accounts.recipient(user, '') !== undefined) return false
  }
  return false
}

async function isVirtualUser(world: World, resolved: Resolved, has: Has): Promise<boolean> {
  const { local } = split(resolved.recipient)
  const domain = resolved.domain.toLowerCase()
  const { accounts } = world.deps
  if (namesOf(world, local).some(([user]) => accounts.recipient(user, domain) !== undefined)) return true
  if (world.maps.virtual_mailbox_maps.maps.tables.length > 0) return has(world.maps.virtual_mailbox_maps)
  return !accounts.hostsDomain(domain)
}
