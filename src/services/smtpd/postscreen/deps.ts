/** What the screen in front of one listener is made of. */
import type { Clock } from '#src/base/mod.ts'
import type { Settings } from '../../../io/config/mod.ts'
import type { Connection } from '../../../io/net/mod.ts'
import type { Table, Tables } from '../../../io/tables/mod.ts'
import type { Access } from './access-list.ts'
import type { ClientCache } from './cache.ts'
import type { DnsScore } from './dns-score.ts'
import type { postscreenParams } from './params.ts'

export interface ScreenDeps {
  readonly cf: Settings<typeof postscreenParams>
  /** The same with `stress = yes`, for when nearly all places are taken. */
  readonly stressed: Settings<typeof postscreenParams>
  /** Of the listener behind it, which the dialogue of the screen looks like. */
  readonly host: {
    readonly myhostname: string
    readonly smtpd_banner: string
    readonly syslog_name: string
    readonly message_size_limit: number
    readonly line_length_limit: number
    readonly smtputf8_enable: boolean
    readonly soft_bounce: boolean
    readonly delay_logging_resolution_limit: number
    readonly disable_vrfy_command: boolean
  }
  readonly clock: Clock
  readonly tables: Pick<Tables, 'open' | 'maps' | 'matchAddress' | 'matchDomain'>
  readonly access: (address: string) => Promise<Access>
  /** undefined: no lists are named. */
  readonly score: Pick<DnsScore, 'ask'> | undefined
  /** postscreen_dnsbl_reply_map: what replies call a list. */
  readonly replyName: Pick<Table, 'get'> | undefined
  /** undefined: nobody is remembered. */
  readonly cache: ClientCache | undefined
  /** The SMTP server that a client comes to when it has passed. */
  readonly serve: (connection: Connection) => void
}
