/** smtpd's lines, as Postfix 3.7 writes them. */
import { printable } from '#src/base/mod.ts'
import type { PolicyEvent, PolicyWarning } from '../../mail/policy/mod.ts'
import type { SmtpdEvent } from '../../services/smtpd/mod.ts'
import type { AddressForm, Line } from './lines.ts'

const who = (e: {
  readonly clientName: string
  readonly clientAddress: string
  readonly clientPort?: number
}): string => `${e.clientName}[${e.clientAddress}]${e.clientPort === undefined ? '' : `:${e.clientPort}`}`

export function smtpdLine(event: SmtpdEvent, form: AddressForm): Line {
  return { service: event.service ?? 'smtpd', text: smtpdText(event, form), syslogName: event.syslogName }
}

function smtpdText(e: SmtpdEvent, form: AddressForm): string {
  switch (e.event) {
    case 'smtpd.connect':
      return `connect from ${who(e)}`
    case 'smtpd.disconnect':
      return `disconnect from ${who(e)} ${e.counts}`
    case 'smtpd.client': {
      const sasl = e.saslMethod === undefined ? '' : `, sasl_method=${e.saslMethod}, sasl_username=${e.saslUsername}`
      const id = e.origQueueId === undefined ? '' : `, orig_queue_id=${e.origQueueId}`
      const from = e.origClient === undefined ? '' : `, orig_client=${e.origClient}`
      return `${e.queueId}: client=${who(e)}${sasl}${id}${from}`
    }
    case 'smtpd.reject':
    case 'smtpd.before_queue':
    case 'smtpd.milter': {
      if (e.event === 'smtpd.before_queue')
        return `proxy-${e.action}: END-OF-MESSAGE: ${printable(e.text)};${envelopeOf(e, form)}`
      const what = e.event === 'smtpd.milter' ? `milter-${e.action}` : 'reject'
      return `${e.queueId ?? 'NOQUEUE'}: ${what}: ${e.where} from ${who(e)}: ${printable(e.text)};${envelopeOf(e, form)}`
    }
    case 'smtpd.auth_failed': {
      const { mechanism, reason, username } = e
      if (reason === 'authentication aborted') return `warning: ${who(e)}: SASL ${mechanism} authentication aborted`
      const name = username === '' ? '(unavailable)' : username
      return `warning: ${who(e)}: SASL ${mechanism} authentication failed: ${reason}, sasl_username=${name}`
    }
    case 'smtpd.auth':
      return `authenticated ${who(e)}, sasl_method=${e.mechanism}, sasl_username=${e.username}`
    case 'smtpd.tls':
      return `Anonymous TLS connection established from ${who(e)}: ${e.protocol} with cipher ${e.cipher} (${e.bits}/${e.bits} bits)`
    case 'smtpd.ended':
      return `${e.what} after ${e.where} from ${who(e)}`
    case 'smtpd.pipelining':
      return `improper command pipelining after ${e.where} from ${who(e)}: ${e.input}`
    case 'smtpd.discarding':
      return `discarding EHLO keywords: ${e.keywords}`
    case 'smtpd.screened':
      return `NOQUEUE: reject: RCPT from ${e.client}: ${e.reply}; from=<${form(e.sender)}>, to=<${form(e.recipient)}>, proto=${e.protocol}, helo=<${e.helo}>`
    case 'smtpd.bare_newline':
      return `bare <LF> received after ${e.where} from ${who(e)}`
    case 'smtpd.info':
      return e.text
    case 'smtpd.warning':
      return `warning: ${e.text}`
    case 'smtpd.defect':
      return `fatal: internal error: ${e.error instanceof Error ? (e.error.stack ?? e.error.message) : String(e.error)}`
    default:
      return e satisfies never
  }
}

export function policyLine(e: PolicyEvent | PolicyWarning, form: AddressForm): Line {
  if (e.event === 'policy.warning') return { service: 'smtpd', text: e.info === true ? e.text : `warning: ${e.text}` }
  return {
    service: 'smtpd',
    text: `${e.queueId ?? 'NOQUEUE'}: ${e.what}: ${e.where} from ${who(e)}: ${e.text};${envelopeOf(e, form)}`,
  }
}

interface EnvelopeSoFar {
  readonly sender: string | undefined
  readonly recipient: string | undefined
  readonly protocol: string
  readonly helo: string | undefined
}

function envelopeOf(e: EnvelopeSoFar, form: AddressForm): string {
  return [
    e.sender === undefined ? '' : ` from=<${form(e.sender)}>`,
    e.recipient === undefined ? '' : ` to=<${form(e.recipient)}>`,
    ` proto=${e.protocol}`,
    e.helo === undefined ? '' : ` helo=<${e.helo}>`,
  ].join('')
}
