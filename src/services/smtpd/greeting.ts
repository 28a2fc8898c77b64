/** How a connection becomes a session: who it is, whether it may, the greeting. RFC 5321 §3.1. */
import type { Reply } from '../../formats/smtp/mod.ts'
import { tlsLevel } from './deps.ts'
import { greetMilters } from './milters.ts'
import type { Session } from './session.ts'

export async function admit(session: Session): Promise<void> {
  const { cf, deps, client, shared, input } = session
  input.begin()
  if (client.address === '') {
    session.client = { ...client, ...OVER_UNIX_SOCKET }
  } else if (cf.smtpd_peername_lookup) {
    session.client = { ...client, ...(await deps.resolver.clientName(client.address)) }
  }
  const { name, address } = session.client
  session.peer = session.origin = { name, address }
  session.publish({ event: 'smtpd.connect', port: client.port })
  if (session.tls !== undefined) publishTls(session)
  session.bareNewline = (await shared.lists.bareNewlineExclusions(session.peer))
    ? 'no'
    : cf.smtpd_forbid_bare_newline === 'yes'
      ? 'normalize'
      : cf.smtpd_forbid_bare_newline
  const refusal = certificateRefusal(session) ?? (await banned(session)) ?? (await tooMany(session))
  if (refusal === undefined) return greet(session)
  session.open = false
  await session.say(refusal)
}

/** Who speaks over a unix socket, as Postfix names it. */
const OVER_UNIX_SOCKET = {
  name: 'localhost',
  reverseName: 'localhost',
  address: '127.0.0.1',
  nameStatus: 'ok',
} as const

/** Also said anew after XCLIENT. */
export async function greet(session: Session): Promise<void> {
  const verdict = await session.deps.policy.connect(session.facts())
  const refused = verdict.reply ?? (await greetMilters(session))
  await session.say(refused ?? { code: 220, lines: [session.cf.smtpd_banner] })
  session.denied = verdict.reply !== undefined
  if (verdict.reply === undefined) return
  const { code } = verdict.reply
  if (verdict.disconnect === true || code === 421 || code === 521) session.open = false
}

/** Who guessed passwords. */
export async function banned({ visit, cf }: Session): Promise<Reply | undefined> {
  if ((await visit?.isBanned()) !== true) return undefined
  const text = `${cf.myhostname} Error: too many failed log-ins from your network, try again later`
  return { code: 421, enhanced: '4.7.0', lines: [text] }
}

/** smtpd_client_connection_count_limit and smtpd_client_connection_rate_limit. */
async function tooMany(session: Session): Promise<Reply | undefined> {
  const { cf, shared, peer, deps } = session
  if (await shared.lists.eventLimitExceptions(peer)) return undefined
  session.counted = true
  const refusal: Reply = {
    code: 421,
    enhanced: '4.7.0',
    lines: [`${cf.myhostname} Error: too many connections from ${peer.address}`],
  }
  const connections = shared.rates.opened(session.rateKey(peer))
  session.connections = connections
  const limit = cf.smtpd_client_connection_count_limit
  if (limit > 0 && connections > limit) {
    session.warn(
      `Connection concurrency limit exceeded: ${connections} from ${session.nameAddress} for service ${deps.serviceName ?? 'smtp'}`,
    )
    return refusal
  }
  return session.overRate('connection', cf.smtpd_client_connection_rate_limit) ? refusal : undefined
}

/** smtpd_tls_req_ccert: where TLS is required, who shows no certificate that somebody vouches for is sent away. */
export function certificateRefusal({ cf, tls }: Session): Reply | undefined {
  const isRequired = cf.smtpd_tls_req_ccert && (cf.smtpd_tls_wrappermode || tlsLevel(cf) === 'encrypt')
  if (tls === undefined || !isRequired || tls.peerVerified === true) return undefined
  const why = tls.peerFingerprint === undefined ? 'No client certificate presented' : 'Client certificate not trusted'
  return { code: 421, enhanced: '4.7.1', lines: [`${cf.myhostname} Error: ${why}`] }
}

export function publishTls(session: Session): void {
  if (session.tls === undefined || session.cf.smtpd_tls_loglevel === 0) return
  const { protocol, cipher, bits } = session.tls
  session.publish({ event: 'smtpd.tls', protocol, cipher, bits })
}
