/** The delivery status filters of this server: `PROGRAM_delivery_status_filter`, with the `-o` of a transport in master.cf. */
import type { Config } from '../../io/config/mod.ts'
import type { StatusFilter } from '../../mail/delivery/mod.ts'
import { localProgram } from './local-delivery.ts'
import { pipeService } from './pipe-delivery.ts'
import type { Rooms } from './rooms.ts'
import { clientProgram } from './smtp-client.ts'

export function statusFilterOf({ current }: Rooms, transport: string): StatusFilter | undefined {
  const program = programOf(current.config, transport)
  const text = statusFilterText(current.config, transport)
  return program === undefined || text === '' ? undefined : { program, maps: current.tables.maps(text) }
}

/** The tables of a transport; `''` for none. */
function statusFilterText(config: Config, transport: string): string {
  const program = programOf(config, transport)
  if (program === undefined) return ''
  const overrides = config.master.find((one) => one.type === 'unix' && one.name === transport)?.overrides
  const own = overrides === undefined || overrides.size === 0 ? config : config.with(overrides)
  return own.value(`${program}_delivery_status_filter`) ?? ''
}

/** Whether a transport has none; asked once for each. */
export function withoutStatusFilter(config: Config): (transport: string) => boolean {
  const known = new Map<string, boolean>()
  return (transport) => {
    const found = known.get(transport) ?? statusFilterText(config, transport) === ''
    known.set(transport, found)
    return found
  }
}

function programOf(config: Config, transport: string): StatusFilter['program'] | undefined {
  const client = clientProgram(config, transport)
  if (client !== undefined) return client.protocol
  return localProgram(config, transport) ?? (pipeService(config, transport) === undefined ? undefined : 'pipe')
}
