/**
 * The hosts file, asked before DNS as nsswitch.conf's `hosts: files dns` has it. hosts(5).
 */
import { readFileSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import type { Clock } from '../../base/mod.ts'
import { expandIpv6 } from './names.ts'

/** How long a look at the file's time holds. */
const RECHECK_MS = 2000
/** Octets that are read of it. */
const MAX_OCTETS = 16 * 1024 * 1024

/** A hosts file that is read again when it has changed; one that is not there is empty. */
export class HostsFile {
  readonly #path: string
  readonly #clock: Clock
  #checkedAt = -Infinity
  #stamp = ''
  #names = new Map<string, string>()
  #addresses = new Map<string, string[]>()

  constructor(path: string, clock: Clock) {
    this.#path = path
    this.#clock = clock
  }

  /** The first name of the first line for this address. */
  nameOf(address: string): string | undefined {
    this.#refresh()
    return this.#names.get(addressKey(address))
  }

  /** All addresses of a name or alias, in the file's order. */
  addressesOf(name: string): readonly string[] {
    this.#refresh()
    return this.#addresses.get(name.toLowerCase()) ?? []
  }

  #refresh(): void {
    const now = this.#clock.monotonic()
    if (now - this.#checkedAt < RECHECK_MS) return
    this.#checkedAt = now
    try {
      const { mtimeMs, size } = statSync(this.#path)
      if (`${mtimeMs} ${size}` === this.#stamp || size > MAX_OCTETS) return
      this.#stamp = `${mtimeMs} ${size}`
      this.#read(readFileSync(this.#path, 'utf8'))
    } catch {
      this.#stamp = ''
      this.#read('')
    }
  }

  #read(text: string): void {
    this.#names = new Map()
    this.#addresses = new Map()
    for (const line of text.split('\n')) {
      const [address = '', ...names] = line.replace(/#.*/, '').split(/\s+/).filter(Boolean)
      if (isIP(address) === 0 || names[0] === undefined) continue
      const key = addressKey(address)
      if (!this.#names.has(key)) this.#names.set(key, names[0])
      for (const name of names) {
        const known = this.#addresses.get(name.toLowerCase()) ?? []
        if (!known.includes(address)) this.#addresses.set(name.toLowerCase(), [...known, address])
      }
    }
  }
}

/** One spelling for each address. */
export function addressKey(address: string): string {
  return isIP(address) === 6 ? expandIpv6(address) : address
}
