/** The transports that SMTP and LMTP clients serve, by master.cf. */
import type { Config } from '../../io/config/mod.ts'
import { sendHttp } from '../../io/net/mod.ts'
import { createSmtpAgent, type SmtpAgent, StsPolicies, stsCache, type TlsCounts } from '../../mail/delivery/mod.ts'
import type { Agent } from '../../mail/queue/mod.ts'
import { mapFieldAddresses } from './header-rewriting.ts'
import { postmasterOf } from './notices.ts'
import type { Rooms } from './rooms.ts'

interface ClientProgram {
  readonly protocol: 'smtp' | 'lmtp'
  readonly overrides: ReadonlyMap<string, string>
}

/** undefined: another program's. Without a line in master.cf the names of Postfix's own are known. */
export function clientProgram(config: Config, transport: string): ClientProgram | undefined {
  const entry = config.master.find((s) => s.type === 'unix' && s.name === transport)
  const program = entry?.command.replace(/^.*\//, '') ?? (transport === 'relay' ? 'smtp' : transport)
  if (program !== 'smtp' && program !== 'lmtp') return undefined
  return { protocol: program, overrides: entry?.overrides ?? new Map() }
}

/** main.cf with the transport's own settings, made once until main.cf is another: settings are bound for each delivery. */
function transportConfigs(config: () => Config): (transport: string) => Config {
  let known = new Map<string, Config>()
  let of: Config | undefined
  return (transport) => {
    const now = config()
    if (now !== of) [of, known] = [now, new Map()]
    let own = known.get(transport)
    if (own === undefined) {
      const { overrides } = clientProgram(now, transport) ?? {}
      known.set(transport, (own = overrides === undefined || overrides.size === 0 ? now : now.with(overrides)))
    }
    return own
  }
}

export function makeSmtpAgent(rooms: Rooms, pass: Agent['deliver'], counts?: TlsCounts): SmtpAgent {
  const config = (): Config => rooms.current.config
  return createSmtpAgent({
    config: transportConfigs(config),
    protocol: (transport) => clientProgram(config(), transport)?.protocol ?? 'smtp',
    tables: () => rooms.current.tables,
    dns: rooms.resolver,
    handed: () => rooms.handed,
    pass,
    isOwnAddress: (address) => rooms.current.router.isOwnAddress(address),
    now: () => rooms.clock.now(),
    counts,
    sts: new StsPolicies({ cache: stsCache(rooms.db), send: sendHttp, now: () => rooms.clock.now() }),
    args: (transport) => config().master.find((s) => s.type === 'unix' && s.name === transport)?.args ?? [],
    tellPostmaster(sender, protocol) {
      const doubleBounce = rooms.current.router.standard(config().value('double_bounce_sender') ?? '')
      // No notices about notices.
      if (sender === '' || sender === doubleBounce) return undefined
      return postmasterOf(rooms, 'client', config(), protocol === 'lmtp' ? 'LMTP' : 'SMTP')
    },
    generic: {
      addresses: (address, maps, options) => rooms.current.router.generic(address, maps, options),
      field: mapFieldAddresses,
    },
  })
}
