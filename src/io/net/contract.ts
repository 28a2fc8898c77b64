/**
 * What services see of the network: a connection that reads and writes octets, and turns to TLS.
 */

export interface Peer {
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
  readonly clientFingerprint?: string
}

/**
 * One accepted (or made) connection. Reading is by push: `onData` gets chunks while not paused; a service parses
 * them in place and never waits inside. One timer a connection, re-armed.
 */
export interface Connection {
  readonly remote: Peer
  readonly local: Peer
  readonly tls: TlsFacts | undefined
  /** Octets written but not yet taken by the kernel. */
  readonly pendingOctets: number
  /** The one reader. `data`: a chunk, valid only during the call unless copied. `end`: the peer closed or was lost. */
  attach(handler: ConnectionHandler): void
  pause(): void
  resume(): void
  /** Writes in order; small writes of one tick leave together. False: wait for `drained`. */
  write(data: Buffer | string): boolean
  drained(): Promise<void>
  /** STARTTLS, server side: plaintext still buffered is dropped and reported, never read as commands. */
  startTls(): Promise<TlsFacts>
  /** (Re)arms the one idle limit; 0 turns it off. On expiry `handler.idle` is called. */
  idleAfter(ms: number): void
  /** Flushes, then closes. */
  end(data?: Buffer | string): void
  destroy(): void
}

export interface ConnectionHandler {
  data(chunk: Buffer): void
  end(error: Error | undefined): void
  idle(): void
}

/** Certificates by server name; `reload` takes new files for new connections. */
export interface TlsIdentity {
  reload(): Promise<void>
}

export interface Listener {
  readonly address: string
  readonly port: number
  /** Stops accepting; connections go on. */
  stop(): Promise<void>
}
