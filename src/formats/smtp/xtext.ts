/** xtext: any octets in printable ASCII. RFC 3461 §4. */

/** undefined for what is no xtext. */
export function decodeXtext(text: string): string | undefined {
  if (!/^(?:[!-*,-<>-~\u0080-\uffff]|\+[0-9A-F]{2})*$/.test(text)) return undefined
  return text.replace(/\+([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

export function encodeXtext(text: string): string {
  return text.replace(/[^!-*,-<>-~]/g, (c) =>
    [...Buffer.from(c)].map((octet) => `+${octet.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  )
}
