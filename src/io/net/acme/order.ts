/** From an account to a certificate: the order, the challenges of each name, the request, the chain. RFC 8555 §7.3, §7.4, §7.5. */
import { type AcmeAnswer, type AcmeClient, AcmeError, isRecord, problemOf } from './client.ts'
import { externalBinding, keyAuthorization } from './jws.ts'

export type ChallengeKind = 'http-01' | 'tls-alpn-01'

/** Shows the authority what it looks for, until it is taken away. */
export interface Responder {
  readonly kind: ChallengeKind
  show(challenge: ShownChallenge): Promise<void>
  close(): Promise<void>
}

export interface ShownChallenge {
  readonly name: string
  readonly token: string
  readonly authorization: string
}

export interface AccountWishes {
  /** Addresses that the authority may write to. */
  readonly contact: readonly string[]
  readonly agrees: boolean
  readonly external?: { readonly kid: string; readonly hmacKey: Buffer }
}

export interface OrderWishes {
  readonly names: readonly string[]
  readonly csr: Buffer
  /** Of the certificate that this one follows: its id of RFC 9773 §4.1. */
  readonly replaces: string | undefined
  readonly responder: Responder
  /** Waits; rejects when it is over. */
  readonly sleep: (ms: number) => Promise<void>
}

/** Makes the account, or finds it by its key. */
export async function openAccount(client: AcmeClient, wishes: AccountWishes): Promise<void> {
  const { newAccount, terms, needsExternalAccount } = await client.directory()
  if (terms !== undefined && !wishes.agrees)
    throw new AcmeError(`the terms of ${terms} are not agreed to (acme_agree_to_terms = yes)`)
  if (needsExternalAccount && wishes.external === undefined)
    throw new AcmeError('the authority wants an account of its own to vouch for ours (acme_external_account_file)')
  const contact = wishes.contact.map((address) => `mailto:${address}`)
  const { external } = wishes
  const { location } = await client.post(newAccount, {
    ...(wishes.agrees && { termsOfServiceAgreed: true }),
    ...(contact.length > 0 && { contact }),
    ...(external !== undefined && { externalAccountBinding: externalBinding(client.key, newAccount, external) }),
  })
  if (location === undefined) throw new AcmeError('the authority names no URL for the account')
  client.kid = location
}

/** Answers the chain as PEM, the certificate first. Throws AcmeError. */
export async function obtain(client: AcmeClient, wishes: OrderWishes): Promise<string> {
  const { names, csr, replaces, responder, sleep } = wishes
  const opened = await newOrder(client, names, replaces)
  const { location } = opened
  if (location === undefined) throw new AcmeError('the authority names no URL for the order')
  try {
    for (const url of stringsIn(opened.body, 'authorizations')) await authorize(client, url, wishes)
  } finally {
    await responder.close()
  }
  const finalize = opened.body['finalize']
  if (typeof finalize !== 'string') throw new AcmeError('the order cannot be finalized')
  const ready = await settled(client, location, ['ready', 'valid'], sleep)
  if (ready['status'] === 'ready') await client.post(finalize, { csr: csr.toString('base64url') })
  const { certificate } = await settled(client, location, ['valid'], sleep)
  if (typeof certificate !== 'string') throw new AcmeError('the order names no certificate')
  return (await client.post(certificate, '')).text
}

/** RFC 9773 §5: an authority that does not take `replaces` as it stands gets the order without. */
async function newOrder(client: AcmeClient, names: readonly string[], replaces?: string): Promise<AcmeAnswer> {
  const { newOrder: url } = await client.directory()
  const order = { identifiers: names.map((value) => ({ type: 'dns', value })) }
  if (replaces === undefined) return client.post(url, order)
  return client.post(url, { ...order, replaces }).catch((error: unknown) => {
    if (error instanceof AcmeError && ['alreadyReplaced', 'malformed'].includes(error.type))
      return client.post(url, order)
    throw error
  })
}

async function authorize(client: AcmeClient, url: string, wishes: OrderWishes): Promise<void> {
  const { body } = await client.post(url, '')
  if (body['status'] === 'valid') return
  const identifier = isRecord(body['identifier']) ? body['identifier']['value'] : undefined
  const name = typeof identifier === 'string' ? identifier : ''
  if (!wishes.names.includes(name)) throw new AcmeError(`the authority asks about ${name}, which was not ordered`)
  const challenges = Array.isArray(body['challenges']) ? body['challenges'].filter(isRecord) : []
  const { kind } = wishes.responder
  const challenge = challenges.find(({ type }) => type === kind)
  const [token, challengeUrl] = [challenge?.['token'], challenge?.['url']]
  if (typeof token !== 'string' || typeof challengeUrl !== 'string')
    throw new AcmeError(`${name}: the authority does not offer ${kind}`)
  // RFC 8555 §8: it becomes part of a path.
  if (!/^[\w-]{1,256}$/.test(token)) throw new AcmeError(`${name}: the token is none`)
  await wishes.responder.show({ name, token, authorization: keyAuthorization(token, client.key) })
  await client.post(challengeUrl, {})
  await settled(client, url, ['valid'], wishes.sleep)
}

/** How long an order or an authorization may take, and how often it is looked at. */
const MAX_WAIT_MS = 300_000
const LOOK_MS = 1000
const MAX_LOOK_MS = 30_000

/** Asks until the status is one of those wanted, no faster than the authority says. */
async function settled(
  client: AcmeClient,
  url: string,
  wanted: readonly string[],
  sleep: OrderWishes['sleep'],
): Promise<Readonly<Record<string, unknown>>> {
  let pauseMs = LOOK_MS
  for (let waitedMs = 0; waitedMs <= MAX_WAIT_MS; waitedMs += pauseMs) {
    const { body, retryAfterMs } = await client.post(url, '')
    const { status } = body
    if (typeof status === 'string' && wanted.includes(status)) return body
    if (status !== 'pending' && status !== 'processing' && status !== 'ready') throw refusal(body)
    pauseMs = Math.min(Math.max(retryAfterMs, LOOK_MS), MAX_LOOK_MS)
    await sleep(pauseMs)
  }
  throw new AcmeError(`the authority has not decided within ${MAX_WAIT_MS / 1000} seconds`)
}

/** Why an order or an authorization is invalid: its own error, or that of a challenge. */
function refusal(body: Readonly<Record<string, unknown>>): AcmeError {
  const challenges = Array.isArray(body['challenges']) ? body['challenges'].filter(isRecord) : []
  const problems = [body['error'], ...challenges.map(({ error }) => error)].filter(isRecord).map(problemOf)
  const [problem] = problems
  const identifier = isRecord(body['identifier']) ? body['identifier']['value'] : undefined
  const about = typeof identifier === 'string' ? `${identifier}: ` : ''
  const status = typeof body['status'] === 'string' ? body['status'] : 'without a status'
  return new AcmeError(`${about}${problem?.words ?? `the authority finds it ${status}`}`, { type: problem?.type ?? '' })
}

function stringsIn(body: Readonly<Record<string, unknown>>, name: string): string[] {
  const value = body[name]
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}
