/** smtpd_reject_footer: a text behind each refusal. */
import type { Reply } from '../../formats/smtp/mod.ts'
import type { Session } from './session.ts'

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** The reply with the footer on a line of its own, or on its last line where the template begins with `\c`. */
export function footed(reply: Reply, template: string, session: Session): Reply {
  const joined = template.startsWith('\\c')
  const text = fill(joined ? template.slice(2) : template, session)
  const lines = text.split('\\n')
  if (!joined) return { ...reply, lines: [...reply.lines, ...lines] }
  const last = (reply.lines.at(-1) ?? '') + (lines[0] ?? '')
  return { ...reply, lines: [...reply.lines.slice(0, -1), last, ...lines.slice(1)] }
}

function fill(template: string, { client, cf, deps }: Session): string {
  return template.replace(/\$(?:\{(\w+)\}|\((\w+)\)|(\w+)|\$)/g, (_, a?: string, b?: string, c?: string) => {
    switch (a ?? b ?? c) {
      case 'client_address':
        return client.address
      case 'client_port':
        return String(client.port)
      case 'localtime':
        return localTime(deps.clock.now())
      case 'server_name':
        return cf.myhostname
      case undefined:
        return '$'
      default:
        return '' // as Postfix has it
    }
  })
}

function localTime(ms: number): string {
  const at = new Date(ms)
  const two = (n: number): string => String(n).padStart(2, '0')
  return `${MONTHS[at.getMonth()]} ${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}
