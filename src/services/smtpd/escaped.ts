/** What a client sent, as it may stand in the log. */

/** As C writes it: `MAIL FROM:<a@b>\r\n`. */
export function escaped(octets: Buffer): string {
  return octets
    .toString('latin1')
    .replace(/(?:[^ -~]|\\)/g, (c) => ESCAPES[c] ?? '\\' + c.charCodeAt(0).toString(8).padStart(3, '0'))
}

const ESCAPES: Readonly<Record<string, string>> = { '\r': '\\r', '\n': '\\n', '\t': '\\t', '\\': '\\\\' }
