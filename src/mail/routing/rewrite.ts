/**
 * Addresses to standard form (Postfix: trivial-rewrite's rewrite service). ADDRESS_REWRITING_README, "Rewrite addresses
 * to standard form".
 */
import { join, needsQuotes, split, type Parts } from './syntax.ts'

export interface RewriteSettings {
  readonly append_at_myorigin: boolean
  readonly append_dot_mydomain: boolean
  readonly swap_bangpath: boolean
  readonly allow_percent_hack: boolean
}

/** What completes an address: myorigin and mydomain, or remote_header_rewrite_domain for both; `''` completes nothing. */
export interface RewriteContext {
  readonly origin: string
  readonly domain: string
}

/** `''` stays, so does what is complete. */
export function standardForm(address: string, cf: RewriteSettings, context: RewriteContext): string {
  if (address === '') return ''
  if (address === '@') return ''
  return join(rewriteParts(split(address), cf, context))
}

export function rewriteParts(parts: Parts, cf: RewriteSettings, context: RewriteContext): Parts {
  const whole = parts.domain === undefined ? complete(parts.local, cf, context) : parts
  let domain = whole.domain
  if (domain === undefined) return whole
  // A literal is complete; so is the broken `user@`, which is left for the diagnosis.
  if (cf.append_dot_mydomain && context.domain !== '' && domain !== '' && !/[.[]/.test(domain))
    domain = `${domain}.${context.domain}`
  if (domain.endsWith('.') && domain !== '.' && !domain.endsWith('..')) domain = domain.slice(0, -1)
  return { local: whole.local, domain }
}

/** `site!user`, `user%site`, `user`: in this order, one step each. Quoted local parts hold no routing. */
function complete(local: string, cf: RewriteSettings, { origin }: RewriteContext): Parts {
  const quoted = needsQuotes(local)
  const bang = local.indexOf('!')
  if (cf.swap_bangpath && !quoted && bang >= 0) return { local: local.slice(bang + 1), domain: local.slice(0, bang) }
  const percent = local.lastIndexOf('%')
  if (cf.allow_percent_hack && !quoted && percent >= 0)
    return { local: local.slice(0, percent), domain: local.slice(percent + 1) }
  return { local, domain: cf.append_at_myorigin && origin !== '' ? origin : undefined }
}
