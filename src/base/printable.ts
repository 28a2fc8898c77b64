/**
 * What others chose, as it may stand in a line of a reply, of the log or on a terminal (Postfix: printable()): `?` for control
 * octets of ASCII and of ISO 8859-1, line and paragraph separators, and what turns the direction of writing. Tabs stay.
 */
const SPECIAL = /(?!\t)[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u
const EACH = new RegExp(SPECIAL.source, 'gu')

export function printable(text: string): string {
  return SPECIAL.test(text) ? text.replace(EACH, '?') : text
}
