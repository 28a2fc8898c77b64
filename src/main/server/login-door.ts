/** Where clients of a listener's service log in, as its configuration has it. */
import type { Config } from '../../io/config/mod.ts'
import type { Scope } from '../../mail/accounts/mod.ts'
import { type LoginDoor, loginsParams } from '../../mail/logins/mod.ts'
import type { Rooms } from './rooms.ts'

export function loginDoor({ current, logins }: Rooms, service: Scope, config: Config): LoginDoor {
  const cf = config.bind(loginsParams)
  const parameter = 'login_ban_exceptions'
  const exceptions = current.tables.matchAddress(cf.login_ban_exceptions.join(' '), { parameter })
  return logins.door(service, cf, async (client) => (await exceptions(client)) !== undefined)
}
