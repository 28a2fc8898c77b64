/**
 * Findings about domains, networks and limits.
 */
import { readFileSync } from 'node:fs'
import { BlockList, isIP } from 'node:net'
import type { Config, Finding } from '../../io/config/mod.ts'
import { at, type FindingsInput } from './findings.ts'

export async function domainFindings(input: FindingsInput): Promise<Finding[]> {
  const { config } = input
  return [
    ...repeated(config),
    ...(await unservedDomain(input)),
    ...publicNetworks(config),
    ...relayDomains(config),
    ...limits(config),
    ...headerClients(config),
  ]
}

/** Postfix takes the last one without a word. */
function repeated(config: Config): Finding[] {
  const last = new Map(config.settings.map((s) => [s.name, s]))
  return config.settings.flatMap((s) => {
    const other = last.get(s.name)
    if (other === undefined || other === s) return []
    const text = `${s.name} is set again in line ${other.line}: this one has no effect`
    return [{ severity: 'note' as const, file: s.file, line: s.line, name: s.name, text }]
  })
}

/** The domain that this host is named after, whose mail nobody takes. */
async function unservedDomain({ config, tables }: FindingsInput): Promise<Finding[]> {
  const domain = config.value('mydomain') ?? ''
  const places = ['mydestination', 'virtual_alias_domains', 'virtual_mailbox_domains', 'relay_domains']
  // Machines often have a domain that is no mail domain: only one that somebody wrote down is meant.
  if (domain === '' || config.raw('mydomain') === undefined) return []
  for (const parameter of places) {
    const options = { parentDomains: false, parameter }
    try {
      if ((await tables.matchDomain(config.value(parameter) ?? '', options)(domain)) !== undefined) return []
    } catch {
      return [] // a list that cannot be asked is told of elsewhere
    }
  }
  const text = `${domain} is served nowhere: mail from outside to postmaster@${domain} and everyone else there is refused`
  const proposal = `mydestination = ${config.raw('mydestination') ?? config.value('mydestination') ?? ''}, $mydomain`
  return [at(config, 'mydestination', 'note', text, proposal)]
}

const PRIVATE = new BlockList()
for (const [network, bits] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['100.64.0.0', 10],
] as const)
  PRIVATE.addSubnet(network, bits, 'ipv4')
for (const [network, bits] of [
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const)
  PRIVATE.addSubnet(network, bits, 'ipv6')

/** A network that mynetworks names, and where. */
interface Entry {
  readonly text: string
  readonly file: string
  readonly line: number
}

/** Whoever is in mynetworks may relay. */
function publicNetworks(config: Config): Finding[] {
  if (config.raw('mynetworks') === undefined) return []
  return networkEntries(config).flatMap(({ text, file, line }) => {
    const width = publicWidth(text)
    if (width === undefined) return []
    const who = width === 0 ? 'the whole world' : `a public network of ${describe(text, width)}`
    const finding: Finding = {
      severity: 'warning',
      file,
      line,
      name: 'mynetworks',
      text: `mynetworks has ${text}: ${who} may relay through this host without logging in`,
    }
    return [finding]
  })
}

function networkEntries(config: Config): Entry[] {
  const { file, line } = config.origin('mynetworks') ?? { file: config.file, line: 0 }
  const words = (config.value('mynetworks') ?? '').split(/[\s,]+/).filter(Boolean)
  return words.flatMap((word) => {
    if (!word.startsWith('/')) return [{ text: word, file, line }]
    try {
      const lines = readFileSync(word, 'utf8').split('\n')
      return lines
        .map((l, i) => ({ text: l.replace(/#.*/, '').trim(), file: word, line: i + 1 }))
        .filter((e) => e.text !== '')
    } catch {
      return [] // a file that is not there is told of when the list is opened
    }
  })
}

/** The prefix length of a public network wider than one host (IPv4) or one link (IPv6); undefined for all else. */
function publicWidth(text: string): number | undefined {
  if (text.startsWith('!')) return undefined
  const [, address = '', bits] = /^\[?([0-9a-f:.]+)\]?(?:\/(\d+))?$/i.exec(text) ?? []
  const family = isIP(address)
  if (family === 0) return undefined
  const width = Number(bits ?? (family === 4 ? 32 : 128))
  if (width === 0) return 0
  if (PRIVATE.check(address, family === 4 ? 'ipv4' : 'ipv6')) return undefined
  return width < (family === 4 ? 32 : 64) ? width : undefined
}

function describe(text: string, width: number): string {
  return text.includes(':') ? `2^${128 - width} addresses` : `${2 ** (32 - width)} addresses`
}

function relayDomains(config: Config): Finding[] {
  if (!/^\$[{(]?mydestination\b[)}]?$/.test(config.raw('relay_domains')?.trim() ?? '')) return []
  const parents = /\brelay_domains\b/.test(config.value('parent_domain_matches_subdomains') ?? '')
  if (!parents) return []
  const text =
    'relay_domains = $mydestination takes mail for every subdomain of those domains, from anyone, whether or not it exists'
  return [at(config, 'relay_domains', 'warning', text, 'relay_domains =')]
}

function limits(config: Config): Finding[] {
  const mailbox = Number(config.value('mailbox_size_limit') ?? 0)
  const message = Number(config.value('message_size_limit') ?? 0)
  if (config.raw('mailbox_size_limit') === undefined || mailbox === 0 || (message > 0 && mailbox >= message)) return []
  const text = `mailbox_size_limit (${mailbox}) is below message_size_limit (${message || 'none'}): no mailbox could take the largest message`
  return [
    at(config, 'mailbox_size_limit', 'error', text, `mailbox_size_limit = ${Math.max(message * 2, mailbox) || 0}`),
  ]
}

/** Since Postfix 2.2 headers of mail from elsewhere are left alone. */
function headerClients(config: Config): Finding[] {
  const maps = ['canonical_maps', 'sender_canonical_maps', 'recipient_canonical_maps', 'masquerade_domains']
  const used = maps.find((m) => (config.raw(m) ?? '') !== '')
  if (used === undefined || config.raw('local_header_rewrite_clients') !== undefined) return []
  const text =
    `${used} rewrites the headers of mail from this host alone; in mail from the network or from those who log in only the ` +
    'envelope'
  const proposal = 'local_header_rewrite_clients = permit_inet_interfaces, permit_mynetworks, permit_sasl_authenticated'
  return [at(config, used, 'note', text, proposal)]
}
