/** Requests that are signed with the account's key: flattened JWS with ES256. RFC 7515, RFC 7518 §3.4, RFC 8555 §6.2. */
import { createHash, createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

export interface AccountKey {
  readonly privateKey: KeyObject
  readonly jwk: { readonly crv: string; readonly kty: string; readonly x: string; readonly y: string }
}

export interface Protected {
  readonly url: string
  readonly nonce: string
  /** The account's URL; without it the key itself is shown. */
  readonly kid?: string | undefined
}

/** PEM of a fresh P-256 key. */
export function newAccountKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
}

/** Throws Error for what is no P-256 key. */
export function readAccountKey(pem: string): AccountKey {
  const privateKey = createPrivateKey(pem)
  const { crv, kty, x, y } = createPublicKey(privateKey).export({ format: 'jwk' })
  if (kty !== 'EC' || crv !== 'P-256' || x === undefined || y === undefined) throw new Error('not a P-256 key')
  return { privateKey, jwk: { crv, kty, x, y } }
}

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** @param payload `''` for POST-as-GET (RFC 8555 §6.3) */
export function signed(key: AccountKey, { url, nonce, kid }: Protected, payload: object | ''): string {
  const head = encoded({ alg: 'ES256', nonce, url, ...(kid === undefined ? { jwk: key.jwk } : { kid }) })
  const body = payload === '' ? '' : encoded(payload)
  const signature = sign('sha256', Buffer.from(`${head}.${body}`), { key: key.privateKey, dsaEncoding: 'ieee-p1363' })
  return JSON.stringify({ protected: head, payload: body, signature: signature.toString('base64url') })
}

/** An account that the authority knows from elsewhere vouches for the new one. RFC 8555 §7.3.4. */
export function externalBinding(
  key: AccountKey,
  url: string,
  { kid, hmacKey }: { readonly kid: string; readonly hmacKey: Buffer },
): { readonly protected: string; readonly payload: string; readonly signature: string } {
  const head = encoded({ alg: 'HS256', kid, url })
  const payload = encoded(key.jwk)
  const signature = createHmac('sha256', hmacKey).update(`${head}.${payload}`).digest('base64url')
  return { protected: head, payload, signature }
}

/** What a challenge is answered with: the token and the thumbprint of the key. RFC 8555 §8.1, RFC 7638 §3. */
export function keyAuthorization(token: string, { jwk }: AccountKey): string {
  const { crv, kty, x, y } = jwk // in this order
  const thumbprint = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
  return `${token}.${thumbprint}`
}
