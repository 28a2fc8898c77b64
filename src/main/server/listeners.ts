/**
 * Which service listens where: master.cf decides about Postfix's services, `mailbox_services` about IMAP, POP3 and LMTP.
 */
import { join } from 'node:path'
import { isIPv4, isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { type Config, type MasterService, servicePort, splitList } from '../../io/config/mod.ts'
import { queueParams } from '../../mail/queue/mod.ts'
import { lmtpdParams } from '../../services/smtpd/mod.ts'
import { mainParams } from './params.ts'

export type ServiceKind = 'smtpd' | 'lmtpd' | 'imapd' | 'pop3d'

/** One address and port that a service listens on; plain data, handed to every front thread. */
export interface ListenerSpec {
  readonly kind: ServiceKind
  /** `smtp`, `submission`, `imaps` … as in master.cf or mailbox_services. */
  readonly name: string
  readonly address: string
  readonly port: number
  /** A unix socket instead of address and port, which are `unix` and 0. */
  readonly path?: string
  readonly implicitTls: boolean
  /** Where master.cf has postscreen: its own -o. Clients are screened before the service speaks with them. */
  readonly screen?: readonly (readonly [string, string])[]
  /** master.cf's maxproc, `-` being default_process_limit: from so many connections on it is under stress; 0 or missing: never. */
  readonly processLimit?: number
  /** master.cf's -o for this service. */
  readonly overrides: readonly (readonly [string, string])[]
}

/** A listener that cannot be had from this configuration; the message names the file and line or the parameter. */
export class ListenerError extends Error {}

export const MAILBOX_SERVICES = {
  imap: { kind: 'imapd', port: 143, implicitTls: false },
  imaps: { kind: 'imapd', port: 993, implicitTls: true },
  pop3: { kind: 'pop3d', port: 110, implicitTls: false },
  pop3s: { kind: 'pop3d', port: 995, implicitTls: true },
  lmtp: { kind: 'lmtpd' },
} as const

/** Commands of master.cf whose ports smtpd serves; postscreen stands in front of it. */
export const SMTP_SERVERS: readonly string[] = ['smtpd', 'postscreen']

export type MailboxService = keyof typeof MAILBOX_SERVICES

/** `ipop3` is what the how-to's time called it (xinetd's file of UW-IMAP). */
export function mailboxService(word: string): MailboxService | undefined {
  const name = word.toLowerCase() === 'ipop3' ? 'pop3' : word.toLowerCase()
  return name in MAILBOX_SERVICES ? (name as MailboxService) : undefined // checked just before
}

/** Addresses to listen on, as inet_interfaces and inet_protocols say. */
export function interfaceAddresses(config: Config): string[] {
  const words = splitList(config.value('inet_protocols') ?? 'all').map((word) => word.toLowerCase())
  const interfaces = splitList(config.value('inet_interfaces') ?? 'all')
  const all = words.includes('all')
  const v4 = all || words.includes('ipv4')
  const v6 = (all || words.includes('ipv6')) && hasIpv6()
  const family = (address: string): boolean => (isIPv6(address) ? v6 : v4)
  const addresses = interfaces.flatMap((word) => {
    if (word === 'all') return ['0.0.0.0', '::']
    if (word === 'loopback-only' || word === 'localhost') return ['127.0.0.1', '::1']
    const bare = word.replace(/^\[(.*)\]$/, '$1')
    if (isIPv4(bare) || isIPv6(bare)) return [bare]
    throw new ListenerError(`inet_interfaces: ${word} is neither an address nor all, loopback-only, localhost`)
  })
  return [...new Set(addresses)].filter(family)
}

function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((list) => list?.some((one) => one.family === 'IPv6') === true)
}

/** Whether `-o smtpd_tls_wrappermode=yes` makes a service speak TLS first. */
function wrapped(service: MasterService, config: Config): boolean {
  const word = service.overrides.get('smtpd_tls_wrappermode') ?? config.value('smtpd_tls_wrappermode') ?? 'no'
  return /^(yes|true)$/i.test(word)
}

/** master_service_disable: the first pattern that is the service's decides. */
function isDisabled({ name, type }: MasterService, config: Config): boolean {
  const own = [`${name}/${type}`, `${name}.${type}`, type]
  for (const pattern of config.bind(mainParams).master_service_disable) {
    const isExcepted = pattern.startsWith('!')
    if (own.includes(isExcepted ? pattern.slice(1) : pattern)) return !isExcepted
  }
  return false
}

/** The service that speaks with the client: behind postscreen it is the `pass` service that postscreen hands over to. */
function behindPostscreen(service: MasterService, config: Config): MasterService {
  if (service.command !== 'postscreen') return service
  const name = config.value('smtpd_service_name') ?? 'smtpd'
  const behind = config.master.find((other) => other.type === 'pass' && other.name === name)
  return { ...service, overrides: behind?.overrides ?? new Map<string, string>() }
}

function smtpListeners(front: MasterService, config: Config, addresses: readonly string[]): ListenerSpec[] {
  const service = behindPostscreen(front, config)
  const [, host, portWord = ''] = /^(?:\[?([^\]]*)\]?:)?([^:]+)$/.exec(service.name) ?? []
  const port = servicePort(portWord)
  const { file, line } = service.origin
  const { default_process_limit: processes } = config.bind(queueParams)
  if (port === undefined) throw new ListenerError(`${file}, line ${line}: unknown service: ${portWord}`)
  const on = host === undefined || host === '' ? addresses : host === 'localhost' ? ['127.0.0.1'] : [host]
  const own = { service_name: service.name, process_name: 'smtpd' } // for `syslog_name = postfix/$service_name`
  const overrides = [...service.overrides, ...Object.entries(own)].map(([name, value]) => [name, value] as const)
  return on.map((address) => ({
    kind: 'smtpd',
    name: portWord,
    address,
    port,
    implicitTls: wrapped(service, config),
    ...(front.command === 'postscreen'
      ? { screen: [...front.overrides] } // which knows stress of its own
      : { processLimit: service.maxProcesses < 0 ? processes : service.maxProcesses }),
    overrides,
  }))
}

/**
 * Every listener of a configuration.
 * @param portOffset added to each port (`--port-offset`), so that a directory can be tried beside a running server
 */
export function listenersOf(config: Config, mailboxServices: readonly string[], portOffset = 0): ListenerSpec[] {
  const addresses = interfaceAddresses(config)
  const smtp = config.master
    .filter(
      (service) => service.type === 'inet' && SMTP_SERVERS.includes(service.command) && !isDisabled(service, config),
    )
    .flatMap((service) => smtpListeners(service, config, addresses))
  const mailbox = mailboxServices.flatMap((word) => {
    const name = mailboxService(word)
    if (name === undefined)
      throw new ListenerError(`mailbox_services: ${word} is none of ${Object.keys(MAILBOX_SERVICES).join(', ')}`)
    if (name === 'lmtp') return lmtpListeners(config)
    const { kind, port, implicitTls } = MAILBOX_SERVICES[name]
    return addresses.map((address): ListenerSpec => ({ kind, name, address, port, implicitTls, overrides: [] }))
  })
  return [...smtp, ...mailbox].map((listener) =>
    listener.path === undefined ? { ...listener, port: listener.port + portOffset } : listener,
  )
}

/** Where a listener is, for people. */
export function shownPlace({ address, port, path }: Pick<ListenerSpec, 'address' | 'port' | 'path'>): string {
  return path ?? `${isIPv6(address) ? `[${address}]` : address}:${port}`
}

/**
 * Settings of smtpd that are not the LMTP server's: who hands mail over has done with policy, rewriting and checks, and a
 * recipient that is refused is no error of its.
 */
const LMTP_OVERRIDES: Readonly<Record<string, string>> = {
  process_name: 'lmtpd',
  service_name: 'lmtp',
  smtpd_helo_required: 'yes',
  smtpd_banner: '$myhostname LMTP $mail_name',
  receive_override_options: 'no_address_mappings, no_header_body_checks, no_unknown_recipient_checks, no_milters',
  smtpd_tls_security_level: 'none',
  smtpd_tls_wrappermode: 'no',
  smtpd_sasl_auth_enable: 'no',
  smtpd_upstream_proxy_protocol: '',
  smtpd_command_filter: '',
  smtpd_noop_commands: '',
  smtpd_reject_footer: '',
  smtpd_reject_footer_maps: '',
  smtpd_delay_open_until_valid_rcpt: 'yes',
  smtpd_client_connection_rate_limit: '0',
  smtpd_client_message_rate_limit: '0',
  smtpd_client_recipient_rate_limit: '0',
  smtpd_client_event_limit_exceptions: '$lmtpd_authorized_clients',
}

function lmtpListeners(config: Config): ListenerSpec[] {
  const base = {
    kind: 'lmtpd',
    name: 'lmtp',
    implicitTls: false,
    overrides: Object.entries(LMTP_OVERRIDES),
  } as const
  return config.bind(lmtpdParams).lmtpd_listen.map((word) => {
    const [, path] = /^unix:(.+)$/.exec(word) ?? []
    if (path !== undefined) {
      const directory = config.value('queue_directory') ?? '/'
      return { ...base, address: 'unix', port: 0, path: path.startsWith('/') ? path : join(directory, path) }
    }
    const [, host = '', portWord = ''] = /^inet:(?:\[?([^\]]+)\]?:)?([^:]+)$/.exec(word) ?? []
    const address = host === 'localhost' ? '127.0.0.1' : host
    const port = servicePort(portWord)
    if ((!isIPv4(address) && !isIPv6(address)) || port === undefined)
      throw new ListenerError(`lmtpd_listen: ${word} is neither unix:path nor inet:address:port`)
    return { ...base, address, port }
  })
}
