/** RFC 6238's vectors (Appendix B) and RFC 4648's (§10). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { base32, matchingStep, otpauthUri, totpCode, type TotpHash, totpStep } from './totp.ts'

const SECRETS: Readonly<Record<TotpHash, Buffer>> = {
  sha1: Buffer.from('12345678901234567890'),
  sha256: Buffer.from('12345678901234567890123456789012'),
  sha512: Buffer.from('1234567890123456789012345678901234567890123456789012345678901234'),
}

const vectors: readonly (readonly [seconds: number, sha1: string, sha256: string, sha512: string])[] = [
  [59, '94287082', '46119246', '90693936'],
  [1_111_111_109, '07081804', '68084774', '25091201'],
  [1_111_111_111, '14050471', '67062674', '99943326'],
  [1_234_567_890, '89005924', '91819424', '93441116'],
  [2_000_000_000, '69279037', '90698825', '38618901'],
  [20_000_000_000, '65353130', '77737706', '47863826'],
]

test("RFC 6238's vectors", () => {
  for (const [seconds, ...codes] of vectors)
    for (const [i, hash] of (['sha1', 'sha256', 'sha512'] as const).entries())
      assert.equal(totpCode(SECRETS[hash], totpStep(seconds * 1000), 8, hash), codes[i], `${seconds} ${hash}`)
})

test('a code holds in its own step and the one beside it', () => {
  const now = 1_111_111_109_000
  for (const [away, found] of [
    [-2, false],
    [-1, true],
    [0, true],
    [1, true],
    [2, false],
  ] as const) {
    const code = totpCode(SECRETS.sha1, totpStep(now) + away)
    assert.equal(matchingStep(SECRETS.sha1, code, now), found ? totpStep(now) + away : undefined, String(away))
  }
})

test("RFC 4648's vectors, and the URI that authenticators read", () => {
  for (const [text, coded] of [
    ['', ''],
    ['f', 'my'],
    ['fo', 'mzxq'],
    ['foo', 'mzxw6'],
    ['foob', 'mzxw6yq'],
    ['fooba', 'mzxw6ytb'],
    ['foobar', 'mzxw6ytboi'],
  ] as const)
    assert.equal(base32(Buffer.from(text)), coded)
  assert.equal(
    otpauthUri(Buffer.from('foobar'), 'mail.example', 'ana b'),
    'otpauth://totp/mail.example:ana%20b?secret=MZXW6YTBOI&issuer=mail.example&algorithm=SHA1&digits=6&period=30',
  )
})
