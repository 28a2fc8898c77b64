/** Service names to ports: /etc/services, and what mail uses where that file is missing or old. */
import { readFileSync } from 'node:fs'

/** RFC 6409, RFC 8314, and the names that Postfix's and Postigo's services go by. */
const MAIL_SERVICES: Readonly<Record<string, number>> = {
  smtp: 25,
  mail: 25,
  pop3: 110,
  'pop-3': 110,
  imap: 143,
  imap2: 143,
  submissions: 465,
  smtps: 465,
  ssmtp: 465,
  urd: 465,
  submission: 587,
  msa: 587,
  imaps: 993,
  pop3s: 995,
  lmtp: 24,
  sieve: 4190,
  qmqp: 628,
}

/** The TCP port of a service name or number; undefined for neither. */
export function servicePort(name: string, file = '/etc/services'): number | undefined {
  if (/^\d{1,5}$/.test(name)) {
    const port = Number(name)
    return port > 0 && port < 65_536 ? port : undefined
  }
  return fromFile(name, file) ?? MAIL_SERVICES[name]
}

/** The same, each name looked up once. */
export class ServicePorts {
  readonly #known = new Map<string, number | undefined>()

  of(name: string): number | undefined {
    if (!this.#known.has(name)) this.#known.set(name, servicePort(name))
    return this.#known.get(name)
  }

  clear(): void {
    this.#known.clear()
  }
}

function fromFile(name: string, file: string): number | undefined {
  let text: string
  try {
    text = readFileSync(file, 'latin1')
  } catch {
    return undefined // no such file in small containers; the mail services are known anyway
  }
  for (const line of text.split('\n')) {
    const [service, port, ...aliases] = line.replace(/#.*/, '').trim().split(/\s+/)
    const m = /^(\d+)\/tcp$/.exec(port ?? '')
    if (m !== null && (service === name || aliases.includes(name))) return Number(m[1])
  }
  return undefined
}
