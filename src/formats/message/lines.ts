/** Line ends in octets. */

const LF = 0x0a

/** Behind the blank line that ends the header section at `from`, -1 where that is not in `buf`, or first of all. */
export function headerEnd(buf: Buffer, from: number): number {
  const blank = buf.indexOf('\n\r\n', from)
  if (blank < 0) return -1
  const end = blank + 3
  // A line end may be LF alone.
  const bare = buf.subarray(from, end).indexOf('\n\n')
  return bare < 0 ? end : from + bare + 2
}

/** Line feeds, counted in words of four octets where there are many. */
export function countLineEnds(buf: Buffer, from: number, to: number): number {
  let lines = 0
  let i = from
  if (to - from >= 64) {
    for (; (buf.byteOffset + i) % 4 !== 0; i++) if (buf[i] === LF) lines++
    const words = new Int32Array(buf.buffer, buf.byteOffset + i, (to - i) >> 2)
    // Not `for … of`: on a typed array it costs four times as much.
    for (let at = 0; at < words.length; at++) {
      // Exact: an octet's high bit is set in the end where the octet was LF, and in no other case.
      const other = words[at]! ^ 0x0a0a0a0a
      const hits = ~(((other & 0x7f7f7f7f) + 0x7f7f7f7f) | other | 0x7f7f7f7f)
      if (hits !== 0) lines += Math.imul(hits >>> 7, 0x01010101) >>> 24
    }
    i += words.length * 4
  }
  for (; i < to; i++) if (buf[i] === LF) lines++
  return lines
}

/** Behind the line end that follows `at`, undefined where it has not come. */
export function lineAt(buf: Buffer, at: number): number | undefined {
  const lf = buf.indexOf(LF, at)
  return lf < 0 ? undefined : lf + 1
}
