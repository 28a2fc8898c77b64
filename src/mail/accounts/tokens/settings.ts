/** What main.cf says of an issuer, read and judged. */
import { readFileSync } from 'node:fs'
import { systemText } from '#src/base/mod.ts'
import type { Settings } from '../../../io/config/mod.ts'
import { certificates, IdentityError, readPem } from '../../../io/net/mod.ts'
import type { loginParams } from '../login-params.ts'

type OauthSettings = Pick<Settings<typeof loginParams>, Extract<keyof typeof loginParams, `oauth_${string}`>>

export interface TokenSettings {
  readonly issuer: string
  readonly audience: readonly string[]
  readonly scope: readonly string[]
  readonly claim: string
  /** Undefined: tokens that are no JWT are refused. */
  readonly introspection: { readonly id: string; readonly secret: string } | undefined
  readonly ca: readonly string[] | undefined
  readonly timeoutMs: number
}

export interface TokenFault {
  readonly name: keyof OauthSettings
  readonly text: string
}

/** Undefined where there is no issuer; a fault where tokens cannot be checked as main.cf says. */
export function tokenSettings(cf: OauthSettings): TokenSettings | { readonly fault: TokenFault } | undefined {
  const { oauth_issuer: issuer, oauth_audience: audience, oauth_scope: scope, oauth_account_claim: claim } = cf
  if (issuer === '') return undefined
  const fault = (name: TokenFault['name'], text: string): { fault: TokenFault } => ({ fault: { name, text } })
  if (!isFetchable(issuer)) return fault('oauth_issuer', 'is no https: URL')
  // Else a token for any other service of the issuer would open the mailbox.
  if (audience.length === 0) return fault('oauth_audience', 'names nobody whom tokens are meant for')
  if (claim === '') return fault('oauth_account_claim', 'is empty')
  const secret = readSecret(cf.oauth_client_secret_file)
  if (typeof secret === 'object') return fault('oauth_client_secret_file', secret.why)
  if ((cf.oauth_client_id === '') !== (secret === ''))
    return fault('oauth_client_id', 'and oauth_client_secret_file go together')
  const introspection = secret === '' ? undefined : { id: cf.oauth_client_id, secret }
  try {
    const ca = cf.oauth_ca_file === '' ? undefined : certificates(readPem(cf.oauth_ca_file))
    return { issuer, audience, scope, claim, introspection, ca, timeoutMs: cf.oauth_timeout }
  } catch (error) {
    if (!(error instanceof IdentityError)) throw error
    return fault('oauth_ca_file', error.message)
  }
}

function readSecret(file: string): string | { readonly why: string } {
  if (file === '') return ''
  try {
    const secret = readFileSync(file, 'utf8').trim()
    return secret === '' ? { why: `${file} is empty` } : secret
  } catch (error) {
    return { why: `${file}: ${systemText(error)}` }
  }
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Keys and secrets go over TLS, or do not leave this host. */
export function isFetchable(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username } = new URL(text)
  if (username !== '') return false
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK.has(hostname))
}
