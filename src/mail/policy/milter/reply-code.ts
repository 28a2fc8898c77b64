/** A reply that a milter made up: `550 5.7.1 text`, perhaps of several lines. */
import { parseReply, type Reply } from '../../../formats/smtp/mod.ts'

/** undefined: it is no refusal in SMTP's form. */
export function replyOf(data: Buffer): Reply | undefined {
  const end = data.indexOf(0)
  const raw = data.toString('utf8', 0, end < 0 ? data.length : end)
  const [first = '', ...more] = unescaped(raw)
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
  const [, code = '', status = ''] = /^([45]\d\d)[ -]((?:\d\S* )?)/.exec(first) ?? []
  if (code === '' || (/^\d/.test(first.slice(4)) && first[4] !== code[0])) return undefined
  const lines = [first, ...more].filter((line, i) => i === 0 || line !== '')
  return parseReply(
    lines.map((line) => (/^\d{3}([ -]|$)/.test(line) ? code + (line.slice(3) || ' ') : `${code} ${status}${line}`)),
  )
}

/** Sendmail takes the text as a format: `%%` is a per cent sign, and a single one is none. */
function unescaped(text: string): string {
  return text.replace(/%([\s\S]?)/g, '$1')
}
