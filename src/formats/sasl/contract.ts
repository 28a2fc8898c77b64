/**
 * What services see of SASL on the server side: a mechanism is an exchange of challenges and responses over octets.
 * Base64 and the protocol around it are the service's.
 */

/** What a mechanism needs to know of a user; implemented by main over mail/accounts. */
export interface SaslBackend {
  /** The realm offered and assumed (`smtpd_sasl_local_domain`, else myhostname). */
  readonly realm: string
  /** PLAIN, LOGIN, USER/PASS. */
  verifyPassword(username: string, password: string): Promise<SaslIdentity | undefined>
  scram(
    username: string,
    hash: 'sha-1' | 'sha-256',
  ): { salt: Buffer; iterations: number; storedKey: Buffer; serverKey: Buffer; identity: SaslIdentity } | undefined
  /** Salt and iterations for a name that is unknown: the same each time for the same name. */
  decoyScram(username: string, hash: 'sha-1' | 'sha-256'): { salt: Buffer; iterations: number }
  digestMd5(username: string, realm: string): { ha1: Buffer; identity: SaslIdentity } | undefined
  cramMd5(username: string, challenge: Buffer): { digest: Buffer; identity: SaslIdentity } | undefined
  /** May `identity` act as `authzid`? Itself by any of its names; others never, for now. */
  mayActAs(identity: SaslIdentity, authzid: string): boolean
}

export interface SaslIdentity {
  readonly accountId: number
  /** As logged: the name the client gave, with realm where it gave one. */
  readonly username: string
}

export type SaslStep =
  | { readonly state: 'continue'; readonly challenge: Buffer }
  /** `finalData`: server's last word (SCRAM's v=, DIGEST-MD5's rspauth); SMTP and IMAP send it as one more challenge. */
  | { readonly state: 'done'; readonly identity: SaslIdentity; readonly finalData?: Buffer }
  /** `reason` is for the log (`authentication failure`, `bad protocol / cancel`), never for the client. */
  | { readonly state: 'failed'; readonly reason: string; readonly temporary: boolean }

/** One exchange, used once. */
export interface SaslExchange {
  readonly mechanism: string
  /** True when the client speaks first (an initial response is expected; without one, an empty challenge is sent). */
  readonly clientFirst: boolean
  /** `response` undefined: the start without an initial response. */
  step(response: Buffer | undefined): Promise<SaslStep>
}
