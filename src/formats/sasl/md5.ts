/**
 * MD5's block function (RFC 1321), by hand because node:crypto cannot export a hash's state half-way, and CRAM-MD5
 * keeps exactly that instead of the password (RFC 2195 §2). Whole digests are node:crypto's.
 */

/** The state before the first block, RFC 1321 §3.3. */
export const MD5_START: readonly number[] = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]

/** RFC 1321 §3.4: T[i] is the integer part of 4294967296 × abs(sin(i)). */
const T = Uint32Array.from({ length: 64 }, (_, i) => Math.floor(2 ** 32 * Math.abs(Math.sin(i + 1))))
const SHIFT = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21]
/** Which word of the block step i of each round takes: (multiplier × i + start) mod 16. */
const ORDER = [1, 0, 5, 1, 3, 5, 7, 0]

function mix(round: number, b: number, c: number, d: number): number {
  if (round === 0) return (b & c) | (~b & d)
  if (round === 1) return (d & b) | (~d & c)
  if (round === 2) return b ^ c ^ d
  return c ^ (b | ~d)
}

/** The state after `block` (64 octets at `at`). */
export function md5Block(state: readonly number[], block: Buffer, at = 0): number[] {
  let [a = 0, b = 0, c = 0, d = 0] = state
  for (let i = 0; i < 64; i++) {
    const round = i >> 4
    const word = ((ORDER[round * 2] ?? 0) * i + (ORDER[round * 2 + 1] ?? 0)) & 15
    const sum = (a + mix(round, b, c, d) + (T[i] ?? 0) + block.readUInt32LE(at + word * 4)) | 0
    const by = SHIFT[round * 4 + (i & 3)] ?? 0
    ;[a, d, c, b] = [d, c, b, (b + ((sum << by) | (sum >>> (32 - by)))) | 0]
  }
  const [a0 = 0, b0 = 0, c0 = 0, d0 = 0] = state
  return [(a0 + a) >>> 0, (b0 + b) >>> 0, (c0 + c) >>> 0, (d0 + d) >>> 0]
}

/** The digest of a text whose first `seenOctets` (whole blocks) led to `state` and whose rest is `tail`. */
export function md5Finish(state: readonly number[], seenOctets: number, tail: Buffer): Buffer {
  const padded = Buffer.alloc((((tail.length + 8) >> 6) + 1) << 6)
  tail.copy(padded)
  padded[tail.length] = 0x80
  padded.writeBigUInt64LE(BigInt(seenOctets + tail.length) * 8n, padded.length - 8)
  let after: readonly number[] = state
  for (let at = 0; at < padded.length; at += 64) after = md5Block(after, padded, at)
  return packMd5State(after)
}

/** A state as 16 octets, in the order of a digest. */
export function packMd5State(state: readonly number[]): Buffer {
  const packed = Buffer.alloc(16)
  state.forEach((word, i) => packed.writeUInt32LE(word, i * 4))
  return packed
}

export function unpackMd5State(packed: Buffer): number[] {
  return [0, 4, 8, 12].map((at) => packed.readUInt32LE(at))
}
