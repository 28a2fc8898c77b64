/**
 * Local names: aliases(5) with :include:, |command, /file and owner-, then who has the mailbox (Postfix: local(8)).
 */
import { readFileSync, statSync } from 'node:fs'
import type { Account } from '../accounts/mod.ts'
import type { Expanded, PathStep, Routed } from './contract.ts'
import { findAddress } from './lookup.ts'
import type { Resolved } from './resolve.ts'
import { addressList, split, splitExtension } from './syntax.ts'
import { ExpansionError } from './virtual.ts'
import type { World } from './world.ts'

/** aliases(5): deeper nesting is a loop. */
const MAX_LEVEL = 100
/** Recipients that one recipient may become. */
const MAX_EXPANDED = 50_000
/** Octets of an :include: file. */
const MAX_INCLUDE = 16 * 1024 * 1024

/** A name on its way through aliases. */
interface Local {
  /** Local part with extension. */
  readonly name: string
  readonly domain: string
  readonly level: number
  /** The alias whose expansion this name stands in; it is not expanded by itself again. */
  readonly from: string
  readonly place: 'alias' | 'include'
  readonly sender: string | undefined
}

/** What an expansion gathers; `forward` takes addresses that are not for this host's users. */
interface Gathering {
  readonly original: string
  readonly found: Expanded[]
  readonly seen: Set<string>
  readonly path: PathStep[]
  forward(address: string, level: number): Promise<readonly Resolved[]>
}

export class Aliases {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  /** All that mail for a local recipient goes to. Throws TableError, ExpansionError. */
  async expand(
    original: string,
    resolved: Resolved,
    path: PathStep[],
    forward: Gathering['forward'],
  ): Promise<readonly Expanded[]> {
    const gathering: Gathering = { original, found: [], seen: new Set(), path, forward }
    const { local } = split(resolved.recipient)
    const start = {
      name: local,
      domain: resolved.domain,
      level: 0,
      from: '',
      place: 'alias',
      sender: undefined,
    } as const
    await this.#name(start, gathering)
    return gathering.found
  }

  async #name(local: Local, to: Gathering): Promise<void> {
    if (local.level > MAX_LEVEL) return this.#refuse(local, to, `5.4.6 alias database loop for ${local.name}`)
    // aliases(5): \name is the mailbox, whatever aliases say.
    if (local.name.startsWith('\\')) return this.#mailbox({ ...local, name: local.name.slice(1) }, to)
    const cut = splitExtension(local.name, this.#world.cf)
    if (await this.#alias(local, local.name, '', to)) return
    if (cut && (await this.#alias(local, cut.bare, cut.extension, to))) return
    return this.#mailbox(local, to)
  }

  /** True when `key` is an alias and was followed. */
  async #alias(local: Local, key: string, extension: string, to: Gathering): Promise<boolean> {
    if (local.from !== '' && local.from.toLowerCase() === key.toLowerCase()) return false
    const { maps, parameter } = this.#world.maps.alias_maps
    if (maps.tables.length === 0) return false
    const found = await maps.find(key)
    if (found === undefined) return false
    to.path.push({ rule: parameter, asked: `${found.table} ${key}`, answer: found.result })
    const carried = this.#world.propagates('alias') ? extension : ''
    const sender = (await this.#owner(key, local.domain)) ?? local.sender
    await this.#list(found.result, { ...local, from: key, place: 'alias', sender }, carried, to)
    return true
  }

  /** The sender that owner-name gives to mail for a list. */
  async #owner(alias: string, domain: string): Promise<string | undefined> {
    if (/^owner-/i.test(alias)) return undefined
    const owner = `owner-${alias}`
    const found = await this.#world.maps.alias_maps.maps.find(owner)
    if (found === undefined) return undefined
    const [first] = this.#world.cf.expand_owner_alias ? addressList(found.result, 1) : []
    return first === undefined ? `${owner}@${domain}` : this.#world.standard(first)
  }

  async #list(text: string, local: Local, extension: string, to: Gathering): Promise<void> {
    for (const target of addressList(text, MAX_EXPANDED)) {
      if (target.startsWith(':include:')) await this.#include(target.slice(9), { ...local, level: local.level + 1 }, to)
      else if (target.startsWith('|') || target.startsWith('/')) this.#agent(target, local, to)
      else await this.#address(target, extension, local, to)
    }
  }

  async #include(file: string, local: Local, to: Gathering): Promise<void> {
    if (local.level > MAX_LEVEL) return this.#refuse(local, to, `5.4.6 alias database loop for ${local.name}`)
    const text = readInclude(file)
    to.path.push({ rule: ':include:', asked: file, answer: text === undefined ? 'cannot be read' : 'read' })
    // One list away must not hold up the other recipients: this part waits in the queue.
    if (text === undefined)
      return this.#emit({ transport: 'retry', nexthop: `4.2.4 cannot open include file ${file}` }, local, to)
    await this.#list(text, { ...local, place: 'include' }, '', to)
  }

  /** A command or a file; delivery's local agent carries it out. */
  #agent(target: string, local: Local, to: Gathering): void {
    const { allow_mail_to_commands: commands, allow_mail_to_files: files } = this.#world.cf
    const [allowed, what] = target.startsWith('|') ? [commands, 'command'] : [files, 'file']
    if (allowed.includes(local.place)) {
      const hop = { transport: 'local', nexthop: local.domain }
      this.#push({ ...hop, addressClass: 'local', recipient: target, account: undefined, extension: '' }, local, to)
    } else this.#refuse(local, to, `5.7.1 mail to ${what} is restricted: ${target}`)
  }

  async #address(target: string, extension: string, local: Local, to: Gathering): Promise<void> {
    if (target.startsWith('\\')) return this.#name({ ...local, name: target, level: local.level + 1 }, to)
    const { local: user, domain } = split(this.#world.standard(target))
    const address = domain === undefined ? user + extension : `${user}${extension}@${domain}`
    for (const resolved of await to.forward(address, local.level + 1))
      if (resolved.addressClass === 'local' && this.#world.localTransports.has(resolved.transport))
        await this.#name(
          { ...local, name: split(resolved.recipient).local, domain: resolved.domain, level: local.level + 1 },
          to,
        )
      else this.#push(await routedElsewhere(this.#world, resolved), local, to)
  }

  async #mailbox(local: Local, to: Gathering): Promise<void> {
    const cut = splitExtension(local.name, this.#world.cf)
    const user = cut?.bare ?? local.name
    const extension = cut?.extension.slice(1) ?? ''
    const base = { addressClass: 'local', recipient: `${local.name}@${local.domain}`, extension } as const
    const transport = await this.#byName('mailbox_transport_maps', 'mailbox_transport', user)
    if (transport !== undefined) return this.#pass(transport, local, to)
    const holder = await mailboxOf(this.#world, local.name, local.domain)
    if (holder !== undefined) {
      const hop = { transport: 'local', nexthop: local.domain }
      return this.#push({ ...base, ...hop, account: holder.account, extension: holder.extension }, local, to)
    }
    return this.#unknown(user, extension, local, to)
  }

  /** Nobody has this name: fallback_transport, luser_relay, or it bounces. */
  async #unknown(user: string, extension: string, local: Local, to: Gathering): Promise<void> {
    const transport = await this.#byName('fallback_transport_maps', 'fallback_transport', user)
    if (transport !== undefined) return this.#pass(transport, local, to)
    const relay = this.#world.cf.luser_relay
    if (relay !== '' && local.from !== LUSER) {
      const target = fillIn(relay, user, extension, local)
      to.path.push({ rule: 'luser_relay', asked: local.name, answer: target })
      return this.#list(target, { ...local, from: LUSER, level: local.level + 1 }, '', to)
    }
    // local(8): a postmaster that nobody reads must not make notices about notices.
    if (/^(mailer-daemon|postmaster)$/i.test(user))
      return this.#emit({ transport: 'discard', nexthop: `required alias not found: ${user}` }, local, to)
    this.#refuse(local, to, `5.1.1 unknown user: "${user}"`)
  }

  async #byName(
    maps: 'mailbox_transport_maps' | 'fallback_transport_maps',
    one: 'mailbox_transport' | 'fallback_transport',
    user: string,
  ): Promise<string | undefined> {
    const found = await this.#world.maps[maps].maps.find(user)
    return found?.result ?? (this.#world.cf[one] || undefined)
  }

  #pass(setting: string, local: Local, to: Gathering): void {
    const colon = setting.indexOf(':')
    const transport = colon < 0 ? setting : setting.slice(0, colon)
    this.#emit({ transport, nexthop: (colon < 0 ? '' : setting.slice(colon + 1)) || local.domain }, local, to)
  }

  #refuse(local: Local, to: Gathering, text: string): void {
    this.#emit({ transport: 'error', nexthop: text }, local, to)
  }

  #emit(hop: { transport: string; nexthop: string }, local: Local, to: Gathering): void {
    const recipient = `${local.name}@${local.domain}`
    this.#push({ ...hop, addressClass: 'local', recipient, account: undefined, extension: '' }, local, to)
  }

  #push(routed: Omit<Routed, 'path'>, local: Local, to: Gathering): void {
    const key = `${routed.transport} ${routed.nexthop} ${routed.account?.id ?? routed.recipient.toLowerCase()}`
    if (to.seen.has(key)) return
    to.seen.add(key)
    if (to.found.length >= MAX_EXPANDED) throw new ExpansionError(`alias_maps: ${to.original} makes too many addresses`)
    const alias = local.from === '' || local.from === LUSER ? {} : { alias: local.from }
    const sender = local.sender === undefined ? {} : { sender: local.sender }
    to.found.push({ original: to.original, routed: { ...routed, path: to.path }, ...alias, ...sender })
  }
}

/** Stands for luser_relay where an alias name would: it is not followed twice. */
const LUSER = '\0luser_relay'

/** Where a name's mail is kept: an account (store), or a system user whose delivery needs the local agent. */
export async function mailboxOf(
  world: World,
  name: string,
  domain: string,
): Promise<{ account: Account | undefined; extension: string } | undefined> {
  const { accounts } = world.deps
  const hosted = accounts.hostsDomain(domain.toLowerCase()) ? domain.toLowerCase() : ''
  for (const [user, extension] of namesOf(world, name)) {
    const system = world.deps.systemUser(user)
    if (system && (await needsAgent(world, user))) return { account: undefined, extension }
    const own = accounts.recipient(user, hosted) ?? accounts.recipient(user, '')
    if (own !== undefined) return { account: own, extension }
    if (system) return { account: world.deps.accountForSystemUser(user), extension }
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

/** mailbox_command and .forward are run as the user: they hold for system users, never for accounts without one. */
async function needsAgent(world: World, user: string): Promise<boolean> {
  if (world.cf.mailbox_command !== '') return true
  if (world.deps.hasForward?.(user) === true) return true
  return (await world.maps.mailbox_command_maps.maps.find(user)) !== undefined
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
    return { ...base, ...plain, transport: 'error', nexthop: `5.1.1 unknown user: "${recipient}"` }
  return { ...base, ...plain }
}

function readInclude(file: string): string | undefined {
  try {
    if (!file.startsWith('/') || statSync(file).size > MAX_INCLUDE) return undefined
    return readFileSync(file, 'utf8').replace(/^\s*#.*$/gm, '')
  } catch {
    return undefined
  }
}

/** postconf(5) luser_relay: $user, $extension, $local, $domain, $recipient, $recipient_delimiter. */
function fillIn(text: string, user: string, extension: string, local: Local): string {
  const values: Readonly<Record<string, string>> = {
    user,
    extension,
    local: local.name,
    domain: local.domain,
    recipient: `${local.name}@${local.domain}`,
    recipient_delimiter: extension === '' ? '' : local.name.charAt(user.length),
  }
  return text.replace(/\$(?:\{(\w+)\}|(\w+))/g, (whole, braced: string | undefined, plain: string | undefined) =>
    braced === undefined && plain === undefined ? whole : (values[braced ?? plain ?? ''] ?? ''),
  )
}
