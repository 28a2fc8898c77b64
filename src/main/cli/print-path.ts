/** Recorded paths for people: which rule asked what, and what came of it. */
import type { Config } from '../../io/config/mod.ts'
import type { PlannedRecipient } from '../../mail/intake/mod.ts'
import type { PolicyVerdict } from '../../mail/policy/mod.ts'
import type { PathStep } from '../../mail/routing/mod.ts'

const STEP = '      '

/** The lines of a path. A step without an answer is a heading: the list or parameter that follows, with its place in main.cf. */
export function pathLines(path: readonly PathStep[], config: Config | undefined): string[] {
  return path.map(({ rule, asked, answer }) => {
    const place = placeOf(rule, config)
    if (answer === '') return `    ${rule}${place} asks about ${asked}`
    return `${STEP}${rule}${asked === '' ? '' : ` ${asked}`}: ${SAID[answer] ?? answer}${place}`
  })
}

const SAID: Readonly<Record<string, string>> = { dunno: 'no answer', ok: 'permitted', reject: 'refused' }

function placeOf(rule: string, config: Config | undefined): string {
  const at = config?.origin(rule)
  return at === undefined ? '' : ` (${at.file}, line ${at.line})`
}

export function verdictLines({ path, effects }: PolicyVerdict, config: Config | undefined): string[] {
  const asked = effects.map((effect) => `${STEP}effect: ${JSON.stringify(effect)}`)
  return [...pathLines(path, config), ...asked]
}

/** `root@a → usuario's mailbox`, or the transport and next hop. */
export function deliveryLines(delivery: PlannedRecipient, config: Config | undefined): string[] {
  const { original, recipient, transport, nexthop, account, path } = delivery
  const to = recipient === original ? original : `${original} → ${recipient}`
  const where = account === undefined ? `${transport}:${nexthop}` : `the mailbox of ${account}`
  return [`  ${to}: ${where}`, ...pathLines(path, config)]
}
