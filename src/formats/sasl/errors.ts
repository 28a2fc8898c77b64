/** Why an exchange ended; none carries a secret. */

/** The exchange failed; `message` is the reason in Cyrus's words. On the client side: what the server did wrong. */
export class SaslError extends Error {
  /** SCRAM's server-error-value, where there is one (RFC 5802 §7). */
  readonly scramError: string | undefined
  /** For the log. */
  readonly detail: string | undefined

  constructor(
    reason: string,
    options: { readonly scramError?: string; readonly detail?: string; readonly cause?: unknown } = {},
  ) {
    super(reason, { cause: options.cause })
    this.scramError = options.scramError
    this.detail = options.detail
  }
}

/** Whoever knows the passwords could not be asked: a temporary failure, never a refusal. */
export class SaslUnavailable extends Error {}

export const AUTHENTICATION_FAILURE = 'authentication failure'
export const AUTHORIZATION_FAILURE = 'authorization failure'
export const BAD_PROTOCOL = 'bad protocol / cancel'
export const GENERIC_FAILURE = 'generic failure'

/** The client's message is not what the mechanism's grammar allows. */
export function badProtocol(scramError?: string): SaslError {
  return new SaslError(BAD_PROTOCOL, scramError === undefined ? {} : { scramError })
}

export function authenticationFailure(scramError?: string): SaslError {
  return new SaslError(AUTHENTICATION_FAILURE, scramError === undefined ? {} : { scramError })
}
