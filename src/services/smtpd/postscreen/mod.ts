/**
 * The screen in front of a listener, where master.cf has postscreen: a client that is not known yet is looked at before an
 * SMTP server speaks with it. Postfix: postscreen(8); POSTSCREEN_README.
 */
import { publish } from '#src/base/mod.ts'
import type { Connection } from '../../../io/net/mod.ts'
import type { SmtpdEvent } from '../events.ts'
import type { ScreenDeps } from './deps.ts'
import { Report } from './report.ts'
import { type Screen, Screening } from './screening.ts'
import { Places } from './places.ts'
import type { Test } from './tests.ts'

export type { ScreenDeps } from './deps.ts'
export { accessList } from './access-list.ts'
export { clientCache, screenSchema } from './cache.ts'
export { DnsScore } from './dns-score.ts'
export { postscreenParams } from './params.ts'

/** A listener's `serve`, behind the screen. */
export function createScreen(deps: ScreenDeps): (connection: Connection) => void {
  const { cf, clock } = deps
  const screen = screenOf(deps)
  const busy = new Map<string, number>()
  let cleanedMs = clock.now()
  return (connection) => {
    const { remote, local } = connection
    const report = new Report(deps.host.syslog_name, connection)
    report.say(`CONNECT from ${report.client} to [${local.address}]:${local.port}`)
    const mine = (busy.get(remote.address) ?? 0) + 1
    const limit = cf.postscreen_client_connection_count_limit
    if (limit > 0 && mine > limit) {
      report.say(`NOQUEUE: reject: CONNECT from ${report.client}: too many connections`)
      connection.end('421 4.7.0 Error: too many connections\r\n')
      return report.say(`DISCONNECT ${report.client}`)
    }
    busy.set(remote.address, mine)
    void new Screening(screen, connection).run().then(() => {
      const left = (busy.get(remote.address) ?? 1) - 1
      if (left > 0) busy.set(remote.address, left)
      else busy.delete(remote.address)
    })
    if (clock.now() - cleanedMs < cf.postscreen_cache_cleanup_interval) return
    cleanedMs = clock.now()
    void deps.cache
      ?.forget(cleanedMs - cf.postscreen_cache_retention_time)
      .catch((error: unknown) => report.warn(String(error)))
  }
}

function screenOf(deps: ScreenDeps): Screen {
  const { cf, tables } = deps
  const at = tables.matchAddress(cf.postscreen_allowlist_interfaces, { parameter: 'postscreen_allowlist_interfaces' })
  const forbidden = tables.matchDomain(cf.postscreen_forbidden_commands.join(' '), {
    parentDomains: false,
    parameter: 'postscreen_forbidden_commands',
  })
  const enabled: Test[] = cf.postscreen_greet_banner === '' ? [] : ['pregreet']
  if (deps.score !== undefined) enabled.push('dnsbl')
  if (cf.postscreen_pipelining_enable) enabled.push('pipelining')
  if (cf.postscreen_non_smtp_command_enable) enabled.push('nonSmtp')
  if (cf.postscreen_bare_newline_enable) enabled.push('bareNewline')
  return {
    deps,
    enabled,
    places: new Places(cf.postscreen_pre_queue_limit, (isStressed, taken) =>
      publish<SmtpdEvent>({
        event: 'smtpd.info',
        service: 'postscreen',
        syslogName: deps.host.syslog_name,
        clientName: '',
        clientAddress: '',
        text: `${isStressed ? 'entering' : 'leaving'} STRESS mode with ${taken} connections`,
      }),
    ),
    ehloKeywords: new Set(cf.postscreen_discard_ehlo_keywords.map((word) => word.toUpperCase())),
    remembersAt: async (address) => (await at({ name: '', address })) !== undefined,
    isForbidden: async (command) => (await forbidden(command)) !== undefined,
    minTtlMs: Math.min(
      cf.postscreen_greet_ttl,
      cf.postscreen_dnsbl_min_ttl,
      cf.postscreen_pipelining_ttl,
      cf.postscreen_non_smtp_command_ttl,
      cf.postscreen_bare_newline_ttl,
    ),
  }
}
