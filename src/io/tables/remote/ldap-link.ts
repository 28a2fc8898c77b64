/** A session with an LDAP server. The protocol is the ldapts package's, loaded at the first question. */
import { connect as netConnect, isIP, type Socket } from 'node:net'
import { connect as tlsConnect, type ConnectionOptions } from 'node:tls'
import type { Client } from 'ldapts'
import type { Link } from './pool.ts'

/** How a session comes to be. */
export interface LdapSession {
  readonly urls: readonly string[]
  readonly timeoutMs: number
  readonly startTls: boolean
  readonly tls: {
    readonly ca?: readonly string[]
    readonly cert?: string
    readonly key?: string
    readonly ciphers?: string
    readonly rejectUnauthorized: boolean
  }
  readonly bind: 'none' | 'simple' | 'EXTERNAL' | 'PLAIN'
  readonly dn: string
  readonly password: string
  readonly authzId: string
}

export interface LdapSearch {
  readonly base: string
  readonly scope: 'sub' | 'one' | 'base'
  readonly filter: string
  readonly attributes: readonly string[]
  readonly sizeLimit: number
  readonly dereference: number
}

/** An entry: names of attributes as the server wrote them, in its order. */
export type LdapEntry = readonly (readonly [attribute: string, values: readonly string[]])[]

/** A result that is no success; `code` as in RFC 4511 §4.1.9, negative as in OpenLDAP's library. */
export class LdapFault extends Error {
  readonly code: number

  constructor(code: number, cause?: unknown) {
    super(NAMES[code] ?? 'Other (e.g., implementation specific) error', { cause })
    this.code = code
  }
}

/** ldap_err2string(3). */
const NAMES: Readonly<Record<number, string>> = {
  [-11]: 'Connect error',
  [-7]: 'Bad search filter',
  [-5]: 'Timed out',
  [-1]: "Can't contact LDAP server",
  1: 'Operations error',
  2: 'Protocol error',
  3: 'Time limit exceeded',
  4: 'Size limit exceeded',
  7: 'Authentication method not supported',
  8: 'Strong(er) authentication required',
  10: 'Referral',
  11: 'Administrative limit exceeded',
  13: 'Confidentiality required',
  16: 'No such attribute',
  18: 'Inappropriate matching',
  32: 'No such object',
  33: 'Alias problem',
  34: 'Invalid DN syntax',
  36: 'Alias dereferencing problem',
  48: 'Inappropriate authentication',
  49: 'Invalid credentials',
  50: 'Insufficient access',
  51: 'Server is busy',
  52: 'Server is unavailable',
  53: 'Server is unwilling to perform',
}

const DEREFERENCE = ['never', 'search', 'find', 'always'] as const

export class LdapLink implements Link {
  readonly #client: Client
  readonly #socket: Socket

  private constructor(client: Client, socket: Socket) {
    this.#client = client
    this.#socket = socket
  }

  /** Connects to the first server that can be reached, and binds there. Throws LdapFault; `phase` says where. */
  static async open(session: LdapSession, told: (phase: 'connect' | 'tls' | 'bind') => void): Promise<LdapLink> {
    let fault: unknown
    for (const url of session.urls) {
      told('connect')
      let link: LdapLink | undefined
      try {
        link = await LdapLink.#to(url, session)
        await link.#begin(url, session, told)
        return link
      } catch (error) {
        link?.close()
        fault = faultOf(error)
        if (!(fault instanceof LdapFault && fault.code === -1)) throw fault
      }
    }
    throw fault ?? new LdapFault(-1)
  }

  /** Over a connection that stands already: the package would make another one by itself when it is lost. */
  static async #to(url: string, session: LdapSession): Promise<LdapLink> {
    const { Client } = await import('ldapts')
    const socket = await dial(url, session)
    let isTaken = false
    const once = (): Socket => {
      if (isTaken) throw new LdapFault(-1) // a second one would be neither bound nor encrypted
      isTaken = true
      return socket
    }
    const isSecure = /^ldaps:/i.test(url)
    const client = new Client({
      url: isSecure ? 'ldaps://localhost' : 'ldap://localhost',
      timeout: session.timeoutMs,
      // Both are called in one form only, and what they give is what `dial` made.
      ...(isSecure
        ? { createSecureConnection: once as unknown as typeof tlsConnect }
        : { createConnection: once as typeof netConnect }),
    })
    return new LdapLink(client, socket)
  }

  get isOpen(): boolean {
    return this.#socket.readyState === 'open'
  }

  setIdle(idle: boolean): void {
    if (idle) this.#socket.unref()
    else this.#socket.ref()
  }

  close(): void {
    this.#client.unbind().catch(() => {})
    this.#socket.destroy()
  }

  /** Whether the server takes the password for the name; the connection is the name's then. Throws LdapFault. */
  async authenticate(dn: string, password: string): Promise<boolean> {
    // RFC 4513 §5.1.2, §6.3.1: a bind without a name or a password succeeds and proves nothing.
    if (dn === '' || password === '') return false
    try {
      await this.#client.bind(dn, password)
      return true
    } catch (error) {
      const fault = faultOf(error)
      if (REFUSALS.has(fault.code)) return false
      throw fault
    }
  }

  async search(
    search: LdapSearch,
  ): Promise<{ entries: LdapEntry[]; references: readonly string[]; dns: readonly string[] }> {
    try {
      if (!isBalanced(search.filter)) throw new LdapFault(-7)
      const { searchEntries, searchReferences } = await this.#client.search(search.base, {
        scope: search.scope,
        filter: search.filter.startsWith('(') ? search.filter : `(${search.filter})`,
        attributes: [...search.attributes],
        // One more: the package keeps quiet about what a limit of its own cut off.
        sizeLimit: search.sizeLimit === 0 ? 0 : search.sizeLimit + 1,
        derefAliases: DEREFERENCE[search.dereference] ?? 'never',
      })
      if (search.sizeLimit > 0 && searchEntries.length > search.sizeLimit) throw new LdapFault(4)
      const entries = searchEntries.map((entry) =>
        Object.entries(entry)
          .filter(([name]) => name !== 'dn')
          .map(([name, value]) => [name, textsOf(value)] as const),
      )
      return { entries, references: searchReferences, dns: searchEntries.map(({ dn }) => dn) }
    } catch (error) {
      throw faultOf(error)
    }
  }

  async #begin(url: string, session: LdapSession, told: (phase: 'tls' | 'bind') => void): Promise<void> {
    if (session.startTls && !/^ldaps:/i.test(url)) {
      told('tls')
      await this.#client.startTLS(tlsOptions(url, session)).catch((error: unknown) => {
        throw error instanceof Error && typeof Reflect.get(error, 'code') === 'number'
          ? error
          : new LdapFault(-11, error)
      })
    }
    const { bind, dn, password, authzId } = session
    if (bind === 'none') return
    told('bind')
    if (bind === 'simple') await this.#client.bind(dn, password)
    else if (bind === 'EXTERNAL') await this.#client.bindSASL(bind, authzId)
    else await this.#client.bindSASL(bind, `${authzId}\0${dn}\0${password}`)
  }
}

/** No such entry, no name, an entry without a password, a wrong one. */
const REFUSALS: ReadonlySet<number> = new Set([32, 34, 48, 49])

const LDAPI_SOCKET = '/run/slapd/ldapi'

/** The name that the certificate must have; an address is compared, not sent. */
function tlsOptions(url: string, { tls }: LdapSession): ConnectionOptions {
  const { ca, ...rest } = tls
  const host = hostOf(url).host
  return { ...rest, ...(ca !== undefined && { ca: [...ca] }), host, ...(isIP(host) === 0 && { servername: host }) }
}

function hostOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url)
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const usual = /^ldaps:/i.test(url) ? 636 : 389
  return { host: host === '' ? 'localhost' : host, port: port === '' ? usual : Number(port) }
}

function dial(url: string, session: LdapSession): Promise<Socket> {
  const path = /^ldapi:\/\/([^/]*)/i.exec(url)?.[1]
  const isSecure = /^ldaps:/i.test(url)
  return new Promise((done, failed) => {
    const socket =
      path !== undefined
        ? netConnect(decodeURIComponent(path) || LDAPI_SOCKET)
        : isSecure
          ? tlsConnect({ ...tlsOptions(url, session), ...hostOf(url) })
          : netConnect(hostOf(url))
    const timer = setTimeout(() => socket.destroy(new Error('timed out')), session.timeoutMs)
    socket.once(isSecure ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer)
      done(socket)
    })
    socket.on('error', (error) => {
      clearTimeout(timer)
      failed(new LdapFault(-1, error))
    })
  })
}

function textsOf(value: unknown): readonly string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  return values.map((one) => (Buffer.isBuffer(one) ? one.toString('utf8') : String(one)))
}

/** Parentheses that are no part of a value are not escaped (RFC 4515 §3). */
function isBalanced(filter: string): boolean {
  let depth = 0
  for (const c of filter) {
    if (c === '(') depth++
    else if (c === ')' && --depth < 0) return false
  }
  return depth === 0
}

function faultOf(error: unknown): LdapFault {
  if (error instanceof LdapFault) return error
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (typeof code === 'number') return new LdapFault(code, error)
  const text = error instanceof Error ? error.message : String(error)
  if (code === undefined && /filter|paren|unbalanced|invalid (?:attribute|expression)/i.test(text))
    return new LdapFault(-7, error)
  return new LdapFault(/timed? ?out/i.test(text) ? -5 : -1, error)
}
