/** Variable envelope return paths: `owner-list+user=domain@origin`. Postfix: verp_sender.c, VERP_README. */

/**
 * The sender for one recipient. The recipient's original address, because that is what a list's manager knows.
 * @param delimiters two characters, `+=`
 */
export function verpSender(delimiters: string, sender: string, recipient: string): string {
  if (sender === '' || delimiters.length !== 2) return sender
  const at = sender.lastIndexOf('@')
  const [local, origin] = at < 0 ? [sender, ''] : [sender.slice(0, at), sender.slice(at)]
  const split = recipient.lastIndexOf('@')
  const user = split < 0 ? recipient : `${recipient.slice(0, split)}${delimiters[1]}${recipient.slice(split + 1)}`
  return `${local}${delimiters[0]}${user}${origin}`
}
