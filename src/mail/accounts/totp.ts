/** One-time passwords of the time (RFC 6238, over RFC 4226), and the base32 (RFC 4648 §6) in which their secrets are said. */
import { createHmac } from 'node:crypto'

export type TotpHash = 'sha1' | 'sha256' | 'sha512'

/** RFC 6238 §4.1: X. */
const STEP_MS = 30_000
/** What authenticators show. */
export const TOTP_DIGITS = 6
/** RFC 6238 §5.2: a code of the step before or after is taken, for clocks that go wrong. */
const WINDOW_STEPS = 1

/** The step that a time falls into. */
export function totpStep(nowMs: number): number {
  return Math.floor(nowMs / STEP_MS)
}

/** RFC 4226 §5.3 at the counter `step`. */
export function totpCode(secret: Buffer, step: number, digits = TOTP_DIGITS, hash: TotpHash = 'sha1'): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const mac = createHmac(hash, secret).update(counter).digest()
  const offset = (mac.at(-1) ?? 0) & 0xf
  const value = mac.readUInt32BE(offset) & 0x7fff_ffff
  return String(value % 10 ** digits).padStart(digits, '0')
}

/** The step whose code this is, within the window; all are computed, whichever it is. */
export function matchingStep(secret: Buffer, code: string, nowMs: number): number | undefined {
  const now = totpStep(nowMs)
  let found: number | undefined
  for (let step = now - WINDOW_STEPS; step <= now + WINDOW_STEPS; step++)
    if (totpCode(secret, step) === code) found = step
  return found
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'

/** Lower case, without padding. */
export function base32(octets: Buffer): string {
  let text = ''
  let bits = 0
  let held = 0
  for (const octet of octets) {
    held = ((held << 8) | octet) & 0xfff
    bits += 8
    for (; bits >= 5; bits -= 5) text += ALPHABET[(held >> (bits - 5)) & 31]
  }
  return bits > 0 ? text + (ALPHABET[(held << (5 - bits)) & 31] ?? '') : text
}

/** What an authenticator reads. Google's key URI format: the label is `issuer:account`, and the issuer once more. */
export function otpauthUri(secret: Buffer, issuer: string, account: string): string {
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(account)}`
  const query = `secret=${base32(secret).toUpperCase()}&issuer=${encodeURIComponent(issuer)}`
  return `otpauth://totp/${label}?${query}&algorithm=SHA1&digits=${TOTP_DIGITS}&period=${STEP_MS / 1000}`
}
