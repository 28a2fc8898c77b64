/**
 * Local names: aliases(5) with :include:, |command, /file and owner-, then who has the mailbox (Postfix: local(8)).
 */
import { publish } from '#src/base/mod.ts'
import { readList, tableOwner } from './alias-rights.ts'
import type { AliasExpansion, Expanded, LocalTask, PathStep, Routed } from './contract.ts'
import type { RoutingEvent } from './events.ts'
import { mailboxOf, routedElsewhere } from './mailboxes.ts'
import type { Resolved } from './resolve.ts'
import { addressList, split, splitExtension } from './syntax.ts'
import { ExpansionError } from './virtual.ts'
import type { World } from './world.ts'
import { fillIn } from './luser-relay.ts'

/** aliases(5): deeper nesting is a loop. */
const MAX_LEVEL = 100
/** Recipients that one recipient may become. */
const MAX_EXPANDED = 50_000
const BAD_SETTING = '5.3.5 mail system configuration error'

/** A name on its way through aliases. */
interface Local {
  /** Local part with extension. */
  readonly name: string
  readonly domain: string
  readonly level: number
  /** The alias whose expansion this name stands in; it is not expanded by itself again. */
  readonly from: string
  readonly place: LocalTask['place']
  /** Numeric user id of who owns the alias or list; 0 is root. */
  readonly owner: number
  /** The list's owner as its sender. */
  readonly sender: string | undefined
  /** What Delivered-To names. */
  readonly delivered: string
  /** Members of a list, or of an alias with an owner, get new mail: so the list's own address. */
  readonly forwarded: string | undefined
  /** The alias that all began with. */
  readonly alias: AliasExpansion | undefined
}

/** What an expansion gathers; `forward` takes addresses that are not for this host's users; `sender` is an owner's. */
interface Gathering {
  readonly original: string
  readonly found: Expanded[]
  readonly seen: Set<string>
  /** Aliases that were followed to their ends, by the least level at which they were. */
  readonly followed: Map<string, number>
  readonly path: PathStep[]
  forward(address: string, level: number, sender: string | undefined): Promise<readonly Resolved[]>
}

export class Aliases {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  /** All that mail for a local recipient goes to. Throws TableError, ExpansionError. */
  async expand(
    { original, alias }: Pick<Gathering, 'original'> & Pick<Local, 'alias'>,
    resolved: Resolved,
    path: PathStep[],
    forward: Gathering['forward'],
  ): Promise<readonly Expanded[]> {
    const gathering: Gathering = { original, found: [], seen: new Set(), followed: new Map(), path, forward }
    const start = {
      level: 0,
      from: '',
      place: 'alias',
      owner: 0,
      sender: undefined,
      forwarded: undefined,
      alias,
    } as const
    const { local } = split(resolved.recipient)
    const delivered = resolved.recipient
    await this.#name({ ...start, name: local, domain: resolved.domain, delivered }, gathering)
    return gathering.found
  }

  async #name(local: Local, to: Gathering): Promise<void> {
    if (local.level > MAX_LEVEL) return this.#refuse(local, to, `5.4.6 alias database loop for ${local.name}`)
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
    // Nothing else comes of it again; aliases that lead to one another in several ways would take for ever.
    const { reset_owner_alias, frozen_delivered_to: frozen } = this.#world.cf
    const way = [
      key.toLowerCase(),
      extension,
      local.domain,
      local.sender,
      local.forwarded,
      frozen ? local.delivered : '',
    ].join(' ')
    if ((to.followed.get(way) ?? Infinity) <= local.level) return true
    to.path.push({ rule: parameter, asked: `${found.table} ${key}`, answer: found.result })
    const address = `${local.name}@${local.domain}`
    const list = await this.#owner(key)
    const inherited = list === undefined && !reset_owner_alias
    const inside: Local = {
      ...local,
      from: key,
      place: 'alias',
      owner: tableOwner(found.table),
      sender: list ?? (inherited ? local.sender : undefined),
      forwarded: list === undefined ? (inherited ? local.forwarded : undefined) : address,
      delivered: frozen ? local.delivered : address,
      alias: local.alias ?? { address, action: list === undefined ? 'expanded' : 'delivered', by: 'alias_maps' },
    }
    const carried = this.#world.propagates('alias') ? extension : ''
    if ((await this.#list(found.result, inside, carried, to)) === 0) {
      this.#warn(`no recipient in alias lookup result for ${key}`)
      this.#emit({ transport: 'retry', nexthop: '4.3.0 alias database unavailable' }, local, to)
    }
    to.followed.set(way, local.level)
    return true
  }

  /** The sender that owner-name gives to mail for a list. */
  async #owner(alias: string): Promise<string | undefined> {
    if (!this.#world.cf.owner_request_special) return undefined
    const owner = `owner-${alias}`
    const found = await this.#world.maps.alias_maps.maps.find(owner)
    if (found === undefined) return undefined
    const [first] = this.#world.cf.expand_owner_alias ? addressList(found.result, 1) : []
    return this.#world.standard(first ?? owner)
  }

  /** Answers how many targets the text names. */
  async #list(text: string, local: Local, extension: string, to: Gathering): Promise<number> {
    const targets = addressList(text, MAX_EXPANDED)
    for (const target of targets) {
      if (/^:include:/i.test(target)) await this.#include(target.slice(9), { ...local, level: local.level + 1 }, to)
      else if (target.startsWith('|')) this.#task(target, 'command', local, to)
      else if (target.startsWith('/')) this.#task(target, 'file', local, to)
      else if (target.startsWith('~')) this.#home(target, local, to)
      else await this.#address(target, extension, local, to)
    }
    return targets.length
  }

  async #include(file: string, local: Local, to: Gathering): Promise<void> {
    if (local.level > MAX_LEVEL) return this.#fault(local, to, '5.4.6 :include: nesting limit exceeded')
    // Once as each user: a list that includes itself ends here.
    if (!this.#isNew(`:include: ${local.owner} ${file}`, to)) return
    const list = readList(file)
    to.path.push({ rule: ':include:', asked: file, answer: list.status === 'bad' ? list.warning : list.status })
    if (list.status === 'private') return this.#give(`:include:${file}`, local, to)
    if (list.status === 'bad') {
      this.#warn(list.warning)
      return this.#fault(local, to, BAD_SETTING)
    }
    const owner = local.owner === 0 ? list.owner : local.owner
    const address = `${local.from}@${local.domain}`
    await this.#list(list.text, { ...local, place: 'include', owner, forwarded: local.forwarded ?? address }, '', to)
  }

  /** A command or a file; delivery's local agent carries it out. */
  #task(target: string, what: 'command' | 'file', local: Local, to: Gathering): void {
    const { allow_mail_to_commands: commands, allow_mail_to_files: files } = this.#world.cf
    const allowed = what === 'command' ? commands : files
    if (allowed.includes(local.place)) this.#give(target, local, to)
    else this.#fault(local, to, `5.7.1 mail to ${what} is restricted`)
  }

  #give(target: string, local: Local, to: Gathering): void {
    const recipient = `${local.name}@${local.domain}`
    const hop = { transport: 'local', nexthop: local.domain }
    const task = { target, place: local.place, owner: local.owner }
    const here = { ...local, forwarded: undefined }
    this.#push({ ...hop, addressClass: 'local', recipient, account: undefined, extension: '' }, here, to, task)
  }

  /** `~/file` has a meaning where there is a user whose home that is. */
  #home(target: string, local: Local, to: Gathering): void {
    if (local.owner !== 0 && target.startsWith('~/')) return this.#task(target, 'file', local, to)
    const problem = target.startsWith('~/') ? 'unknown home directory for' : 'bad home directory syntax for'
    this.#warn(`${problem}: ${target}`)
    this.#fault(local, to, BAD_SETTING)
  }

  async #address(target: string, extension: string, local: Local, to: Gathering): Promise<void> {
    const { local: user, domain } = split(this.#world.standard(target))
    const address = domain === undefined ? user + extension : `${user}${extension}@${domain}`
    for (const resolved of await to.forward(address, local.level + 1, local.sender))
      if (resolved.addressClass === 'local' && this.#world.localTransports.has(resolved.transport))
        await this.#name(
          { ...local, name: split(resolved.recipient).local, domain: resolved.domain, level: local.level + 1 },
          to,
        )
      else {
        const forwarded = local.forwarded ?? local.delivered
        this.#push(await routedElsewhere(this.#world, resolved), { ...local, forwarded }, to, 'elsewhere')
      }
  }

  async #mailbox(local: Local, to: Gathering): Promise<void> {
    const { deps } = this.#world
    const cut = splitExtension(local.name, this.#world.cf)
    const user = cut?.bare ?? local.name
    const extension = cut?.extension.slice(1) ?? ''
    const base = { addressClass: 'local', recipient: `${local.name}@${local.domain}`, extension } as const
    const agent = { transport: 'local', nexthop: local.domain, account: undefined }
    const system = await deps.systemUser(user.toLowerCase())
    // A user's .forward comes before all ways to a mailbox.
    if (system !== undefined && deps.hasForward(system, local.name, local.domain))
      return this.#push({ ...base, ...agent }, local, to)
    const transport = await this.#byName('mailbox_transport_maps', 'mailbox_transport', user)
    if (transport !== undefined) return this.#pass(transport, local, to)
    const holder = await mailboxOf(this.#world, local.name, local.domain, true)
    if (holder !== undefined)
      return this.#push({ ...base, ...agent, account: holder.account, extension: holder.extension }, local, to)
    return this.#unknown(user, extension, local, to)
  }

  /** Nobody has this name: fallback_transport, luser_relay, or it bounces. */
  async #unknown(user: string, extension: string, local: Local, to: Gathering): Promise<void> {
    const transport = await this.#byName('fallback_transport_maps', 'fallback_transport', user)
    if (transport !== undefined) return this.#pass(transport, local, to)
    const relay = this.#world.cf.luser_relay
    if (relay !== '' && local.from !== LUSER) {
      const target = fillIn(relay, { user, extension, local: local.name, domain: local.domain })
      to.path.push({ rule: 'luser_relay', asked: local.name, answer: target })
      return this.#address(target, '', { ...local, from: LUSER }, to)
    }
    // local(8): a postmaster that nobody reads must not make notices about notices.
    if (/^(mailer-daemon|postmaster)$/i.test(user)) {
      this.#warn(`required alias not found: ${user.toLowerCase()}`)
      return this.#emit({ transport: 'discard', nexthop: 'discarded' }, local, to)
    }
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

  /** What is wrong with the list itself is told of the list: it is not sent on. */
  #fault(local: Local, to: Gathering, text: string): void {
    this.#refuse({ ...local, forwarded: undefined }, to, text)
  }

  #warn(text: string): void {
    publish<RoutingEvent>({ event: 'routing.warning', text })
  }

  #emit(hop: { transport: string; nexthop: string }, local: Local, to: Gathering): void {
    const recipient = `${local.name}@${local.domain}`
    this.#push({ ...hop, addressClass: 'local', recipient, account: undefined, extension: '' }, local, to)
  }

  #push(routed: Omit<Routed, 'path'>, local: Local, to: Gathering, how?: LocalTask | 'elsewhere'): void {
    const task = how === 'elsewhere' ? undefined : how
    const who = task === undefined ? (routed.account?.id ?? routed.recipient.toLowerCase()) : taskKey(task)
    if (!this.#isNew(`${routed.transport} ${routed.nexthop} ${who}`, to)) return
    if (to.found.length >= MAX_EXPANDED) throw new ExpansionError(`alias_maps: ${to.original} makes too many addresses`)
    const { sender, forwarded, delivered, alias } = local
    to.found.push({
      // New mail for an owner's list begins with the member: nothing of the old envelope is carried over.
      original: sender !== undefined && forwarded !== undefined ? routed.recipient : to.original,
      routed: { ...routed, path: to.path },
      delivered: forwarded === undefined ? delivered : routed.recipient,
      ...(sender !== undefined && { sender }),
      ...(forwarded !== undefined && { forwarded }),
      ...(alias !== undefined && { alias }),
      ...(task !== undefined && { task }),
      ...(how !== 'elsewhere' && { routedBy: 'local' as const }),
    })
  }

  /** Whether `key` did not come out before; only so many are remembered (postconf(5): 0 is no limit). */
  #isNew(key: string, { seen }: Gathering): boolean {
    if (seen.has(key)) return false
    const limit = this.#world.cf.duplicate_filter_limit
    if (limit === 0 || seen.size < limit) seen.add(key)
    return true
  }
}

/** Stands for luser_relay where an alias name would: it is not followed twice. */
const LUSER = '\0luser_relay'

const taskKey = ({ target, owner }: LocalTask): string => `${owner} ${target}`
