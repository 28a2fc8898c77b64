/** Defaults that the machine gives, as Postfix computes them: myhostname, mydomain, mynetworks. */
import { hostname, networkInterfaces, type NetworkInterfaceInfo } from 'node:os'

/** What a configuration asks of the machine; a test gives its own. */
export interface Machine {
  readonly hostname: string
  readonly interfaces: readonly NetworkInterfaceInfo[]
}

export function thisMachine(): Machine {
  return { hostname: hostname(), interfaces: Object.values(networkInterfaces()).flatMap((list) => list ?? []) }
}

type Lookup = (name: string) => string

/** `myhostname` where it is not set: the machine's name, made whole with `mydomain` if it has no dot. */
export function defaultHostname(machine: Machine, setDomain: string | undefined): string {
  if (machine.hostname.includes('.')) return machine.hostname
  return `${machine.hostname}.${setDomain ?? 'localdomain'}`
}

/** `mydomain` where it is not set: myhostname without its first label. */
export function defaultDomain(myhostname: string): string {
  const dot = myhostname.indexOf('.')
  return dot < 0 ? 'localdomain' : myhostname.slice(dot + 1)
}

/** `mynetworks` where it is not set: the networks of inet_interfaces as mynetworks_style says. */
export function defaultNetworks(machine: Machine, value: Lookup): string {
  const style = value('mynetworks_style')
  const own = ownInterfaces(machine, value('inet_interfaces'), value('inet_protocols'))
  const networks = own.map((i) => (i.family === 'IPv4' ? network4(i, style) : network6(i, style)))
  return [...new Set(networks)].join(' ')
}

function ownInterfaces(machine: Machine, wanted: string, protocols: string): NetworkInterfaceInfo[] {
  const words = wanted.split(/[\s,]+/).filter((w) => w !== '')
  const families = protocols.split(/[\s,]+/)
  const isWanted = (i: NetworkInterfaceInfo): boolean =>
    words.some((w) => {
      if (w === 'all') return true
      if (w === 'loopback-only') return i.internal
      if (w === 'localhost') return i.internal
      return w.replace(/^\[|\]$/g, '') === i.address
    })
  const speaks = (i: NetworkInterfaceInfo): boolean =>
    families.includes('all') || families.includes(i.family === 'IPv4' ? 'ipv4' : 'ipv6')
  const rank = (i: NetworkInterfaceInfo): number => (i.family === 'IPv4' ? 0 : 1)
  return machine.interfaces.filter((i) => speaks(i) && isWanted(i)).sort((a, b) => rank(a) - rank(b))
}

function prefixLength(i: NetworkInterfaceInfo): number {
  return Number(i.cidr?.split('/')[1] ?? (i.family === 'IPv4' ? 32 : 128))
}

function network4(i: NetworkInterfaceInfo, style: string): string {
  const octets = i.address.split('.').map(Number)
  let bits = style === 'subnet' ? prefixLength(i) : 32
  if (style === 'class') bits = classBits(octets[0] ?? 0)
  const masked = octets.map((o, n) => o & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * n))) & 0xff)
  return `${masked.join('.')}/${bits}`
}

/** Classes A to C of the days before CIDR; Postfix's `class` style. */
function classBits(first: number): number {
  if (first < 128) return 8
  if (first < 192) return 16
  return first < 224 ? 24 : 32
}

/** IPv6 has no classes: `class` is its subnet. */
function network6(i: NetworkInterfaceInfo, style: string): string {
  const bits = style === 'host' ? 128 : prefixLength(i)
  const groups = expand6(i.address)
  const masked = groups.map((g, n) => g & (0xffff0000 >> Math.min(16, Math.max(0, bits - 16 * n))) & 0xffff)
  return `[${compress6(masked)}]/${bits}`
}

function expand6(address: string): number[] {
  const [head = '', tail] = address.replace(/%.*$/, '').split('::')
  const groups = (text: string): number[] => (text === '' ? [] : text.split(':').map((g) => Number.parseInt(g, 16)))
  if (tail === undefined) return groups(head)
  const left = groups(head)
  const right = groups(tail)
  return [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right]
}

function compress6(groups: readonly number[]): string {
  let best = { from: 0, length: 0 }
  for (let from = 0; from < 8; from++) {
    let to = from
    while (to < 8 && groups[to] === 0) to++
    if (to - from > best.length) best = { from, length: to - from }
  }
  const hex = groups.map((g) => g.toString(16))
  if (best.length < 2) return hex.join(':')
  return `${hex.slice(0, best.from).join(':')}::${hex.slice(best.from + best.length).join(':')}`
}
