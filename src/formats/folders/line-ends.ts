const CR = 0x0d
const LF = 0x0a

/** LF that stands alone becomes CRLF; all else stays, a last line without end too. */
export function toCrlf(text: Buffer): Buffer {
  let alone = 0
  for (let at = text.indexOf(LF); at >= 0; at = text.indexOf(LF, at + 1)) if (text[at - 1] !== CR) alone++
  if (alone === 0) return text
  const out = Buffer.allocUnsafe(text.length + alone)
  let to = 0
  let from = 0
  for (let at = text.indexOf(LF); at >= 0; at = text.indexOf(LF, at + 1)) {
    if (text[at - 1] === CR) continue
    to += text.copy(out, to, from, at)
    out[to++] = CR
    from = at
  }
  text.copy(out, to, from)
  return out
}
