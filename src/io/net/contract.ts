/**
 * What services see of the network: a connection that reads and writes octets, and turns to TLS.
 */
import type { X509Certificate } from 'node:crypto'
import type { SecureContext } from 'node:tls'
import type { ClientContextSettings } from './client-context.ts'

export interface Peer {
  /** Without brackets; an IPv4 address mapped into IPv6 is written as IPv4. `''` on a unix socket. */
  readonly address: string
  readonly port: number
}

export interface TlsFacts {
  /** `TLSv1.3` */
  readonly protocol: string
  /** `TLS_AES_256_GCM_SHA384` */
  readonly cipher: string
  readonly bits: number
  readonly serverName: string | undefined
  /** Hash of the peer's certificate, `AA:BB:…`, where it showed one; SHA-256 where nothing else is set. */
  readonly peerFingerprint: string | undefined
  /** The same of its public key (SPKI). */
  readonly peerKeyFingerprint: string | undefined
  /** undefined where no certificate was checked. */
  readonly peerVerified: boolean | undefined
  /** OpenSSL's word for what is wrong with the chain: `CERT_HAS_EXPIRED`. */
  readonly peerFault: string | undefined
  /** The handshake went on with a session of before. */
  readonly resumed: boolean
  /** DNS names of the peer's certificate; without any, its common name. */
  readonly peerNames: readonly string[]
  /** The certificates that the peer showed, its own first. */
  readonly peerChain: readonly X509Certificate[]
}

/**
 * One accepted or made connection. Reading is by push: the handler gets chunks while not paused; a service parses
 * them in place and never waits inside. One timer a connection, re-armed.
 */
export interface Connection {
  readonly remote: Peer
  readonly local: Peer
  readonly tls: TlsFacts | undefined
  /** Octets written but not yet taken by the kernel. */
  readonly pendingOctets: number
  /** Octets taken from and given to the peer so far. */
  readonly octetsIn: number
  readonly octetsOut: number
  /** The one reader; may be replaced (STARTTLS restarts a dialogue, an agent takes over). */
  attach(handler: ConnectionHandler): void
  /** Called once when the connection is gone for good; besides the handler, for all who keep count. */
  whenClosed(then: () => void): void
  pause(): void
  resume(): void
  /** Gives back octets that were read, while paused: the next handler gets them first. */
  unread(octets: Buffer): void
  /** Writes in order, strings as UTF-8; small writes of one tick leave together. False: wait for `drained`. */
  write(data: Uint8Array | string): boolean
  /** Resolves when what was written has left, or the connection is gone. */
  drained(): Promise<void>
  /**
   * Server side of STARTTLS, after the go-ahead was written: plaintext still buffered is dropped, never read as commands
   * (RFC 3207 §5, response injection). Rejects when the handshake fails; the connection is then destroyed.
   */
  startTls(): Promise<TlsFacts>
  /** Client side of STARTTLS. */
  startTlsClient(options: TlsClientOptions): Promise<TlsFacts>
  /** What goes and comes is deflated (RFC 1951, without a header). */
  readonly deflated: boolean
  /** From now on what is written is deflated, and what comes is inflated; `rest` has been read already. */
  deflate(rest: Buffer): void
  /** Ends it: what is written after this is plain, and what comes behind the peer's last block. */
  stopDeflate(): Promise<void>
  /** (Re)arms the one idle limit; 0 turns it off. On expiry the handler's `idle` is called. */
  idleAfter(ms: number): void
  /** Flushes, then closes. */
  end(data?: Uint8Array | string): void
  destroy(): void
  /** Nothing can be written any more. */
  readonly closed: boolean
  /** keying material of the TLS exporter (RFC 9266), for channel binding. */
  exportKeyingMaterial(label: string, length: number): Buffer | undefined
}

export interface ConnectionHandler {
  /** The chunk is the handler's to keep: nothing reuses its memory. */
  data(chunk: Buffer): void
  /**
   * The peer closed its side, or the connection was lost (`error`, or `closed` is true). Called once. After a mere close what
   * is still being answered may be written; the handler then calls `end()` (`printf … | nc` wants its replies).
   */
  end(error: Error | undefined): void
  /** `idleAfter` ran out. */
  idle(): void
}

/** What a server gave to go on with, and what was found of it then: a handshake that goes on shows no certificate. */
export interface TlsSession {
  readonly ticket: Buffer
  readonly facts: TlsFacts
}

export interface TlsClientOptions extends ClientContextSettings {
  readonly serverName: string | undefined
  /** The handshake fails without a trusted chain and the right name; false: the facts say what was found of the chain. */
  readonly verify: boolean
  /** Made before of the settings of a context, which then do not count. */
  readonly context?: SecureContext
  /** Of the peer's fingerprints; default SHA-256. */
  readonly fingerprintDigest?: string
  /** A session of before, that the handshake may go on with. */
  readonly session?: TlsSession
  /** Called with each session that the server gives to go on with. */
  readonly onSession?: (session: TlsSession) => void
  readonly timeoutMs: number
}

/** The certificates of a service. `reload` takes new files for new connections; a bad file keeps the old ones. */
export interface TlsIdentity {
  reload(): void
}

export interface Listener {
  readonly address: string
  readonly port: number
  /** Stops accepting; connections go on. */
  stop(): Promise<void>
}
