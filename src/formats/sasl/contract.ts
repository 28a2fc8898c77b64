/**
 * What services see of SASL: a mechanism is an exchange of challenges and responses over octets, on the server side
 * or on the client's. Base64 and the protocol around it are the service's.
 */

/**
 * What a mechanism asks about a user; made by mail/accounts. A name that is unknown or disabled is answered like a
 * known one, with secrets that nobody has and `identity` undefined, so that an exchange takes the same path and the
 * same time, and fails at its end.
 */
export interface SaslBackend {
  /** The realm offered and assumed (`smtpd_sasl_local_domain`, else myhostname). */
  readonly realm: string
  /**
   * PLAIN, LOGIN, USER/PASS: the name and password as the client sent them.
   * Throws SaslUnavailable when the question could not be asked (454 4.7.0, NO [UNAVAILABLE]).
   */
  verifyPassword(username: string, password: string): Promise<SaslIdentity | undefined>
  scram(username: string, hash: ScramHash): ScramSecret
  /** `username` and `realm` exactly as sent, for their octets are part of the hash. */
  digestMd5(username: string, realm: string): DigestMd5Secret
  /** Keyed digests of the challenge, one for each way clients write the password in octets. */
  cramMd5(username: string, challenge: Buffer): CramMd5Secret
  /** APOP of POP3, which is no SASL mechanism: the digest expected, 16 octets. */
  apop?(username: string, timestamp: string): { readonly digest: Buffer; readonly identity: SaslIdentity | undefined }
  /** EXTERNAL: whom a client's certificate means. Throws SaslUnavailable. Absent where certificates mean nobody. */
  external?(certificate: ClientCertificate): Promise<SaslIdentity | undefined>
  /** OAUTHBEARER, XOAUTH2: whom a token means. Throws SaslUnavailable. Absent where tokens are not taken. */
  bearer?(token: string): Promise<BearerVerdict>
  /** May `identity` act as `authzid`? Itself by any of its names; others never, for now. */
  mayActAs(identity: SaslIdentity, authzid: string): boolean
}

/** What TLS brought to a connection, for mechanisms that rest on it. */
export interface SaslChannel {
  /** TLS stands. */
  readonly secured: boolean
  /** Keying material `tls-exporter` (RFC 9266), where that binds: TLS 1.3. */
  readonly exporter?: Buffer | undefined
  /** The client showed it, and has its key. */
  readonly certificate?: ClientCertificate | undefined
}

export interface ClientCertificate {
  /** Hashes of the certificate and of its key, `AA:BB:…`. */
  readonly fingerprints: readonly string[]
  /** Addresses that it names (rfc822Name of subjectAltName). Worth nothing unless `isVerified`. */
  readonly addresses: readonly string[]
  /** An authority that is trusted here vouches for it. */
  readonly isVerified: boolean
}

export type BearerVerdict =
  | { readonly identity: SaslIdentity }
  /** RFC 7628 §3.2.2: what the client may read; `why` is for the log. */
  | {
      readonly status: 'invalid_token' | 'insufficient_scope'
      readonly scope: string
      /** Where the client learns how to get a token. */
      readonly configuration: string
      readonly why: string
    }

export type ScramHash = 'sha-1' | 'sha-256'

/** RFC 5802 §3: what the server keeps of a password. */
export interface ScramKeys {
  readonly salt: Buffer
  readonly iterations: number
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

export interface ScramSecret extends ScramKeys {
  readonly identity: SaslIdentity | undefined
}

export interface DigestMd5Secret {
  /** H(username:realm:password), 16 octets each: RFC 2831 §2.1.2.1 leaves room for two encodings. Never empty. */
  readonly ha1s: readonly Buffer[]
  readonly identity: SaslIdentity | undefined
}

export interface CramMd5Secret {
  /** 16 octets each. Never empty. */
  readonly digests: readonly Buffer[]
  readonly identity: SaslIdentity | undefined
}

export interface SaslIdentity {
  /** Undefined for a name that saslauthd vouched for and that has no account here: it may send, it has no mailbox. */
  readonly accountId: number | undefined
  /** As logged: the name the client gave. */
  readonly username: string
  /** The application password that proved it; absent where it was the account's own, or something else. */
  readonly appPassword?: { readonly id: number; readonly name: string }
}

export type SaslStep =
  | { readonly state: 'continue'; readonly challenge: Buffer }
  /** `finalData`: server's last word (SCRAM's v=, DIGEST-MD5's rspauth); SMTP and IMAP send it as one more challenge. */
  | { readonly state: 'done'; readonly identity: SaslIdentity; readonly finalData?: Buffer }
  /**
   * `reason` in Cyrus's words, as Postfix logs and says them (`authentication failure`, `bad protocol / cancel`):
   * the same for an unknown name and a wrong password. `finalData`: SCRAM's e=, which a protocol may send as one more
   * challenge before it refuses; no client needs it. `detail`: what the log should add, and no client hears.
   */
  | {
      readonly state: 'failed'
      readonly reason: string
      readonly temporary: boolean
      readonly finalData?: Buffer
      readonly detail?: string
    }

/** One exchange, used once; after `done` or `failed` it only fails. */
export interface SaslExchange {
  readonly mechanism: string
  /** True when the client speaks first (an initial response is expected; without one, an empty challenge is sent). */
  readonly clientFirst: boolean
  /** `response` undefined: the start without an initial response. */
  step(response: Buffer | undefined): Promise<SaslStep>
  /** It is given up: what it holds of the world is let go. */
  close?(): void
}

/** What an exchange knows of the service around it. */
export interface ExchangeOptions {
  /** GSSAPI service name (RFC 4422 §4): `smtp`, `imap`, `pop`, `sieve`. */
  readonly service: string
  /** Who logs in, for an authority elsewhere that wants to know. */
  readonly client?: { readonly address: string; readonly localAddress: string; readonly secured: boolean }
  /** The server's own name, for CRAM-MD5's challenge. */
  readonly hostname: string
  /** What the connection itself proves; without it, nothing. */
  readonly channel?: SaslChannel
  /** True when a -PLUS mechanism was offered on this connection: gs2 flag `y` is then a downgrade (RFC 5802 §6). */
  readonly plusOffered?: boolean
  /** Makes a nonce: at least 128 random bits in printable ASCII without comma and quotes. A test gives its own. */
  readonly nonce?: () => string
}

/** What a client logs in with. */
export interface ClientCredentials {
  readonly username: string
  readonly password: string
  /** Whom to act as, where that is another name. */
  readonly authzid?: string
}

/** One exchange seen from the client, used once. */
export interface SaslClientExchange {
  readonly mechanism: string
  /** Goes out with the command; undefined when the server speaks first. */
  readonly initial: Buffer | undefined
  /** The answer to one challenge. Throws SaslError when the server's words are wrong or it cannot prove itself. */
  step(challenge: Buffer): Promise<Buffer>
  /**
   * Whether success may be believed: false while the server still owes its proof (SCRAM, DIGEST-MD5). A client that
   * is told of success before that must not go on (RFC 5802 §5).
   */
  readonly complete: boolean
}
