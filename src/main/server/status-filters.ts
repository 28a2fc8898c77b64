/** The delivery status filters of this server: `PROGRAM_delivery_status_filter`, with the `-o` of a transport in master.cf. */
import type { StatusFilter } from '../../mail/delivery/mod.ts'
import { localProgram } from './local-delivery.ts'
import { pipeService } from './pipe-delivery.ts'
import type { Rooms } from './rooms.ts'
import { clientProgram } from './smtp-client.ts'

export function statusFilterOf({ current }: Rooms, transport: string): StatusFilter | undefined {
  const { config, tables } = current
  const program = programOf({ current }, transport)
  if (program === undefined) return undefined
  const overrides = config.master.find((one) => one.type === 'unix' && one.name === transport)?.overrides
  const own = overrides === undefined || overrides.size === 0 ? config : config.with(overrides)
  const text = own.value(`${program}_delivery_status_filter`) ?? ''
  return text === '' ? undefined : { program, maps: tables.maps(text) }
}

function programOf(rooms: Pick<Rooms, 'current'>, transport: string): StatusFilter['program'] | undefined {
  const { config } = rooms.current
  const client = clientProgram(config, transport)
  if (client !== undefined) return client.protocol
  return localProgram(config, transport) ?? (pipeService(rooms, transport) === undefined ? undefined : 'pipe')
}
