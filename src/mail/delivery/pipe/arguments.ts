/** The macros of pipe(8)'s argv: `${recipient}` and the like, once for each recipient where they name one. */
import { type ExtensionSettings, printAddress, splitAddress, splitExtension } from '../../../formats/address/mod.ts'
import type { DeliveryJob } from '../../queue/mod.ts'
import type { PipeService } from './service.ts'

type JobRecipient = DeliveryJob['recipients'][number]

/** A macro that there is not; the text is Postfix's. */
export class MacroError extends Error {}

const PER_RECIPIENT = ['recipient', 'original_recipient', 'user', 'extension', 'mailbox', 'domain'] as const
type PerRecipient = (typeof PER_RECIPIENT)[number]
const MACRO = /\$(?:(\$)|\{([^}]*)\}|\(([^)]*)\)|(\w+)|)/g

/** Throws MacroError. */
export function expandArguments(service: PipeService, job: DeliveryJob, cf: ExtensionSettings): string[] {
  const common = commonMacros(service, job)
  const each = job.recipients.map((recipient) => recipientMacros(service.flags, recipient, cf))
  return service.argv.flatMap((word) => {
    const named = [...word.matchAll(MACRO)].flatMap((m) => m[2] ?? m[3] ?? m[4] ?? [])
    const unknown = named.find((name) => !isPerRecipient(name) && !common.has(name))
    if (unknown !== undefined) throw new MacroError(`unknown macro name: "${unknown}"`)
    if (!named.some(isPerRecipient)) return [fill(word, (name) => common.get(name))]
    return each.map((own) => fill(word, (name) => (isPerRecipient(name) ? own[name] : common.get(name))))
  })
}

const isPerRecipient = (name: string): name is PerRecipient => PER_RECIPIENT.some((one) => one === name)

function fill(word: string, lookup: (name: string) => string | undefined): string {
  return word.replace(MACRO, (_, dollar?: string, braced?: string, bracketed?: string, plain?: string) => {
    if (dollar !== undefined) return '$'
    const name = braced ?? bracketed ?? plain
    if (name === undefined) throw new MacroError('empty macro name')
    return lookup(name) ?? ''
  })
}

function commonMacros({ flags, nullSender }: PipeService, job: DeliveryJob): ReadonlyMap<string, string> {
  const { client, nexthop, queueId, sizeOctets, saslUsername, envid } = job
  const sender = job.sender === '' ? nullSender : job.sender
  return new Map([
    ['sender', flags.has('q') && sender !== '' ? printAddress(sender) : sender],
    ['nexthop', flags.has('h') ? nexthop.toLowerCase() : nexthop],
    ['queue_id', queueId],
    ['size', String(sizeOctets)],
    ['envid', envid ?? ''],
    ['client_address', client?.address ?? ''],
    ['client_hostname', client?.name ?? ''],
    ['client_helo', client?.helo ?? ''],
    ['client_protocol', client?.protocol ?? ''],
    ['client_port', String(client?.port ?? '')],
    ['sasl_method', client?.saslMethod ?? ''],
    ['sasl_sender', client?.saslSender ?? ''],
    ['sasl_username', saslUsername],
  ])
}

function recipientMacros(
  flags: ReadonlySet<string>,
  { address, original }: JobRecipient,
  cf: ExtensionSettings,
): Readonly<Record<PerRecipient, string>> {
  const folded = fold(address, flags)
  const { local, domain = '' } = splitAddress(folded)
  const cut = splitExtension(local, cf)
  const whole = (text: string): string => (flags.has('q') ? printAddress(text) : text)
  return {
    recipient: whole(folded),
    original_recipient: whole(fold(original === '' ? address : original, flags)),
    user: cut?.bare ?? local,
    extension: cut?.extension ?? '',
    mailbox: local,
    domain,
  }
}

/** The u flag folds the local part, the h flag the domain. */
function fold(address: string, flags: ReadonlySet<string>): string {
  const { local, domain } = splitAddress(address)
  const left = flags.has('u') ? local.toLowerCase() : local
  if (domain === undefined) return left
  return `${left}@${flags.has('h') ? domain.toLowerCase() : domain}`
}
