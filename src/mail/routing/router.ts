/**
 * The router: rewriting, classes, aliases and next hops of one configuration.
 */
import type { Config } from '../../io/config/mod.ts'
import type { Maps } from '../../io/tables/mod.ts'
import { Aliases } from './aliases.ts'
import { Canonical } from './canonical.ts'
import type { AliasExpansion, Expanded, PathStep, Routed, Router, Unserved } from './contract.ts'
import { unlisted } from './listed.ts'
import { findAddress, mapAddress } from './lookup.ts'
import { mailboxOf, ownMailbox, routedElsewhere } from './mailboxes.ts'
import { probeConfig } from './probe-params.ts'
import { isRouted, resolveAddress, type Resolved } from './resolve.ts'
import { standardForm } from './rewrite.ts'
import { addressList, isValidHostname, literalAddress, split } from './syntax.ts'
import { expandVirtual, ExpansionError } from './virtual.ts'
import { World, type RouterDeps } from './world.ts'

/** Aliases that lead to virtual aliases that lead to aliases … */
const MAX_FORWARDS = 100

/** What smtpd(8) itself reads to tell whether there is such a recipient. */
const SMTPD_OWN = [
  'local_recipient_maps',
  'relay_recipient_maps',
  'virtual_alias_maps',
  'virtual_mailbox_maps',
  'canonical_maps',
  'recipient_canonical_maps',
  'sender_canonical_maps',
  'show_user_unknown_table_name',
  'unknown_local_recipient_reject_code',
  'unknown_relay_recipient_reject_code',
  'unknown_virtual_alias_reject_code',
  'unknown_virtual_mailbox_reject_code',
] as const
/** One of them is taken, of the others is warned. */
const MAX_GENERIC_RESULTS = 100
/** Targets of one .forward file or list. */
const MAX_TARGETS = 50_000

export function createRouter(deps: RouterDeps): Router {
  return new ConfiguredRouter(new World(deps))
}

class ConfiguredRouter implements Router {
  readonly #world: World
  readonly #canonical: Canonical
  readonly #aliases: Aliases

  constructor(world: World) {
    this.#world = world
    this.#canonical = new Canonical(world)
    this.#aliases = new Aliases(world)
  }

  seenBy(listener: Config): Router {
    const { deps } = this.#world
    const own = SMTPD_OWN.filter((name) => listener.value(name) !== deps.config.value(name))
    if (own.length === 0) return this
    const overrides = new Map(own.map((name) => [name, listener.value(name) ?? '']))
    return new ConfiguredRouter(new World({ ...deps, config: deps.config.with(overrides) }))
  }

  forProbes(): Router {
    const { deps } = this.#world
    const config = probeConfig(deps.config)
    return config === deps.config ? this : new ConfiguredRouter(new World({ ...deps, config }))
  }

  standard(address: string): string {
    return this.#world.standard(address)
  }

  validAddress(address: string, declaredUtf8 = true): boolean {
    if (address === '') return true
    if (address.startsWith('-') && !this.#world.cf.allow_min_user) return false
    const { domain } = split(this.#world.standard(address))
    if (domain === undefined) return true
    if (domain === '') return this.#world.cf.resolve_null_domain
    if (!declaredUtf8 && /[^\0-\x7f]/.test(domain)) return false
    return domain.startsWith('[') ? literalAddress(domain) !== undefined : isValidHostname(domain)
  }

  async resolve(address: string, sender?: string): Promise<Routed> {
    const resolved = await resolveAddress(this.#world, this.standard(address), sender)
    if (!this.#isLocal(resolved)) return { ...(await routedElsewhere(this.#world, resolved)), path: resolved.path }
    const { recipient, addressClass, transport, nexthop, path } = resolved
    const holder = await mailboxOf(this.#world, split(recipient).local, resolved.domain)
    const { account, extension = '' } = holder ?? {}
    return { recipient, addressClass, transport, nexthop, account, extension, path }
  }

  async mailbox(address: string): Promise<Routed> {
    const { domain, path, ...resolved } = await resolveAddress(this.#world, this.standard(address))
    const { local } = split(resolved.recipient)
    const holder = await ownMailbox(this.#world, local, domain, resolved.addressClass === 'local')
    return { ...resolved, account: holder?.account, extension: holder?.extension ?? '', path }
  }

  unlisted(
    address: string,
    role: 'sender' | 'recipient' = 'recipient',
    sender?: string,
  ): Promise<Unserved | undefined> {
    return unlisted(this.#world, address, role, sender)
  }

  async canonicalSender(address: string): Promise<string> {
    const sender = this.standard(address)
    if (sender === '') return ''
    // cleanup(8): mail from mailer-daemon of this host is mail from nobody.
    if (sender.toLowerCase() === `mailer-daemon@${this.#world.cf.myorigin.toLowerCase()}`) return ''
    return this.#canonical.map(sender, 'envelope_sender')
  }

  async expand(address: string, sender?: string): Promise<readonly Expanded[]> {
    const path: PathStep[] = []
    const found: Expanded[] = []
    const { virtual, all } = await this.#cleanup(address, sender, path, 0)
    for (const resolved of all) {
      path.push(...resolved.path)
      if (this.#isLocal(resolved)) {
        const expanded = await this.#aliases.expand(
          { original: address, alias: virtual },
          resolved,
          path,
          (target, level, owner) => this.#forward(target, owner ?? sender, path, level),
        )
        found.push(...expanded)
      } else
        found.push({
          original: address,
          routed: { ...(await routedElsewhere(this.#world, resolved)), path },
          delivered: resolved.recipient,
          ...(virtual !== undefined && { alias: virtual }),
        })
    }
    return found
  }

  async cleaned(address: string, sender?: string): Promise<readonly Expanded[]> {
    const path: PathStep[] = []
    const { virtual: alias, all } = await this.#cleanup(address, sender, path, 0)
    return all.map(({ recipient, addressClass, transport, nexthop, path: own }) => {
      path.push(...own)
      const routed = { recipient, addressClass, transport, nexthop, account: undefined, extension: '', path }
      return { original: address, routed, delivered: recipient, ...(alias !== undefined && { alias }) }
    })
  }

  targets(text: string): readonly string[] {
    return addressList(text, MAX_TARGETS)
  }

  async rewriteHeaderAddress(
    address: string,
    kind: 'sender' | 'recipient',
    context: 'local' | 'remote' = 'local',
  ): Promise<string> {
    const { cf } = this.#world
    const remote = cf.remote_header_rewrite_domain
    if (context === 'remote' && remote === '') return address
    const standard =
      context === 'remote' ? standardForm(address, cf, { origin: remote, domain: remote }) : this.standard(address)
    return standard === '' ? '' : this.#canonical.map(standard, `header_${kind}`)
  }

  async generic(
    address: string,
    maps: Maps,
    { parameter, propagate }: { readonly parameter: string; readonly propagate: boolean },
  ): Promise<readonly string[]> {
    const options = { propagate, standard: (a: string) => this.standard(a), limit: MAX_GENERIC_RESULTS }
    return (await mapAddress({ parameter, maps }, address, this.#world, options)) ?? [address]
  }

  async isOurs(address: string): Promise<boolean> {
    const { addressClass, recipient } = await resolveAddress(this.#world, this.standard(address))
    return addressClass !== 'default' && !isRouted(recipient)
  }

  async bcc(address: string, kind: 'sender' | 'recipient'): Promise<string | undefined> {
    if (address === '') return undefined
    const found = await findAddress(this.#world.maps[`${kind}_bcc_maps`], address, this.#world)
    return found && this.standard(found.result)
  }

  isOwnAddress(address: string): boolean {
    return this.#world.own.has(address)
  }

  isLocalDomain(domain: string): Promise<boolean> {
    return this.#world.isLocalDomain(domain)
  }

  #isLocal(resolved: Resolved): boolean {
    return resolved.addressClass === 'local' && this.#world.localTransports.has(resolved.transport)
  }

  /** cleanup(8)'s part for one envelope recipient: standard form, canonical, virtual aliases; each result resolved. */
  async #cleanup(
    address: string,
    sender: string | undefined,
    path: PathStep[],
    level: number,
  ): Promise<{ readonly virtual: AliasExpansion | undefined; readonly all: readonly Resolved[] }> {
    if (level > MAX_FORWARDS) throw new ExpansionError(`${address}: aliases that never end`)
    const standard = this.standard(address === '' ? this.#world.cf.empty_address_recipient : address)
    const canonical = await this.#canonical.map(standard, 'envelope_recipient', path)
    const all = await expandVirtual(this.#world, canonical, path)
    const isAlias = all.length > 1 || all[0] !== canonical
    return {
      virtual: isAlias ? { address: canonical, action: 'expanded', by: 'virtual_alias_maps' } : undefined,
      all: await Promise.all(all.map((a) => resolveAddress(this.#world, a, sender))),
    }
  }

  /** An address out of an alias: this host's names go on in aliases(5), others start anew as forwarded mail. */
  async #forward(
    address: string,
    sender: string | undefined,
    path: PathStep[],
    level: number,
  ): Promise<readonly Resolved[]> {
    const resolved = await resolveAddress(this.#world, address, sender)
    return this.#isLocal(resolved) ? [resolved] : (await this.#cleanup(address, sender, path, level)).all
  }
}
