/**
 * Addresses that are this machine's: inet_interfaces and proxy_interfaces.
 */
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'

/** Own addresses for mail to `user@[address]` and permit_inet_interfaces. */
export class OwnAddresses {
  readonly #own: ReadonlySet<string>
  readonly #proxy: ReadonlySet<string>

  constructor(inetInterfaces: string, proxyInterfaces: string, interfaces = networkInterfaces()) {
    this.#own = new Set(fromSetting(inetInterfaces, interfaces))
    this.#proxy = new Set(words(proxyInterfaces).map(bare))
  }

  /** An interface of this machine that mail is received on. */
  has(address: string): boolean {
    return this.#own.has(plain(address))
  }

  /** Also addresses that a proxy or NAT in front of this machine receives on. */
  hasOrProxy(address: string): boolean {
    return this.has(address) || this.#proxy.has(plain(address))
  }
}

function fromSetting(setting: string, interfaces: ReturnType<typeof networkInterfaces>): string[] {
  const all = Object.values(interfaces).flatMap((i) => (i ?? []).map((a) => plain(a.address)))
  return words(setting).flatMap((word) => {
    if (word.toLowerCase() === 'all') return all
    if (word.toLowerCase() === 'loopback-only') return all.filter((a) => a.startsWith('127.') || a === '::1')
    if (word.toLowerCase() === 'localhost') return ['127.0.0.1', '::1']
    return isIP(bare(word)) === 0 ? [] : [plain(bare(word))]
  })
}

function words(setting: string): string[] {
  return setting.split(/[\s,]+/).filter(Boolean)
}

function bare(word: string): string {
  return plain(word.replace(/^\[(?:ipv6:)?(.*)\]$/i, '$1'))
}

/** One spelling of an address: without a zone, IPv6 as the URL standard compresses it. */
function plain(address: string): string {
  const text = address.replace(/%.*$/, '')
  return isIP(text) === 6 ? (URL.parse(`http://[${text}]`)?.hostname.slice(1, -1) ?? text) : text
}
