/** pipe(8) of this server: the transports of master.cf that run a command. */
import type { Config, MasterService } from '../../io/config/mod.ts'
import { parseTime } from '../../io/config/mod.ts'
import { createPipeAgent, localParams, type RunAs } from '../../mail/delivery/mod.ts'
import type { Agent } from '../../mail/queue/mod.ts'
import type { Rooms } from './rooms.ts'
import { systemUsers } from './system-users.ts'

export function pipeService({ master }: Config, transport: string): MasterService | undefined {
  return master.find((s) => s.type === 'unix' && s.name === transport && s.command.replace(/^.*\//, '') === 'pipe')
}

/** @param run with the rights of users */
export function makePipeAgent(rooms: Rooms, run: RunAs): Agent {
  const config = (): Rooms['current']['config'] => rooms.current.config
  return createPipeAgent({
    clock: rooms.clock,
    run,
    cf: () => config().bind(localParams),
    own: () => ({ TZ: process.env['TZ'], MAIL_CONFIG: config().directory }),
    service: (transport) => pipeService(config(), transport),
    timeLimitMs(transport) {
      const own = parseTime(config().value(`${transport}_time_limit`) ?? '')
      return own ?? config().bind(localParams).command_time_limit
    },
    mailOwner: () => rooms.current.cf.mail_owner,
    user: async (name) => systemUsers(rooms.current.tables)(name),
    async group(name) {
      const line = await rooms.current.tables.open('unix:group.byname').get(name)
      const gid = line?.split(':')[2]
      return gid !== undefined && /^\d+$/.test(gid) ? Number(gid) : undefined
    },
  })
}
