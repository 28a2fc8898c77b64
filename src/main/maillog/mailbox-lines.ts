/** imapd's and pop3d's lines. Postfix has none; names and order of facts are Dovecot's. */
import type { ImapdEvent } from '../../services/imapd/mod.ts'
import type { Pop3dEvent } from '../../services/pop3d/mod.ts'
import type { Line } from './lines.ts'

interface Client {
  readonly address: string
  readonly localAddress: string
  readonly tls: string | undefined
}

const facts = (e: Client): string => `rip=${e.address}, lip=${e.localAddress}${e.tls === undefined ? '' : ', TLS'}`

export function imapdLine(e: ImapdEvent): Line {
  const service = 'imapd'
  switch (e.event) {
    case 'imapd.connect':
      return { service, text: `connect from [${e.address}]` }
    case 'imapd.login':
      return { service, text: `login: user=<${e.user}>, method=${e.method}, ${facts(e)}` }
    case 'imapd.auth_failed':
      return {
        service,
        text: `warning: [${e.address}]: ${e.method} authentication failed: ${e.reason}, user=<${e.user}>`,
      }
    case 'imapd.disconnect':
      return {
        service,
        text: `disconnect from [${e.address}]: ${e.reason}, user=<${e.user}>, in=${e.octetsIn} out=${e.octetsOut}`,
      }
    case 'imapd.defect':
      return {
        service,
        text: `fatal: internal error: ${e.error instanceof Error ? (e.error.stack ?? e.error.message) : String(e.error)}`,
      }
    default:
      return e satisfies never
  }
}

export function pop3dLine(e: Pop3dEvent): Line {
  const service = 'pop3d'
  switch (e.event) {
    case 'pop3d.connect':
      return { service, text: `connect from [${e.address}]` }
    case 'pop3d.login':
      return { service, text: `login: user=<${e.user}>, method=${e.method}, ${facts(e)}` }
    case 'pop3d.auth_failed':
      return {
        service,
        text: `warning: [${e.address}]: ${e.method} authentication failed: ${e.reason}, user=<${e.user}>`,
      }
    case 'pop3d.disconnect':
      return {
        service,
        text: `disconnect from [${e.address}]: ${e.reason}, user=<${e.user}>, retr=${e.retrieved} del=${e.deleted}, in=${e.octetsIn} out=${e.octetsOut}`,
      }
    default:
      return e satisfies never
  }
}
