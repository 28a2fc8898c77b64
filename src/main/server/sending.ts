/** Sending limits of a listener, and who is told when one is reached. */
import { publish } from '#src/base/mod.ts'
import { formatTraceDate } from '../../formats/message/mod.ts'
import type { Config } from '../../io/config/mod.ts'
import { accountName } from '../../mail/accounts/mod.ts'
import { tellOfSending } from '../../mail/notices/mod.ts'
import { type PolicyWarning, SendingLimits, sendingOwner, sendingParams } from '../../mail/policy/mod.ts'
import type { SmtpdDeps } from '../../services/smtpd/mod.ts'
import type { Rooms } from './rooms.ts'

/** undefined: nothing is limited. */
export function sendingFor(rooms: Rooms, config: Config): SmtpdDeps['sending'] | undefined {
  const cf = config.bind(sendingParams)
  const limits = new SendingLimits(rooms.db, rooms.clock, cf)
  if (!limits.isOn) return undefined
  const exceptions = new Set(cf.account_sending_limit_exceptions.map((name) => name.toLowerCase()))
  return async ({ account: id, username, ...outgoing }) => {
    const { accounts } = rooms.current
    const account = id === undefined ? undefined : accounts.byId(id)
    const names = account === undefined ? [username] : accounts.loginNames(account)
    if (names.some((name) => exceptions.has(name.toLowerCase()))) return 'ok'
    const answer = await limits.ask({ owner: sendingOwner(id, username), ...outgoing })
    if (answer.verdict === 'ok') return 'ok'
    const name = account === undefined ? username : accountName(account)
    const what = answer.verdict === 'hold' ? 'held' : 'refused'
    const text = `${outgoing.queueId}: ${what}: account ${name} sends ${answer.over}`
    publish<PolicyWarning>({ event: 'policy.warning', text })
    if (answer.tell)
      void tellOfSending({ name, address: account && accountName(account), over: answer.over }, deps(rooms))
    return answer.verdict
  }
}

function deps(rooms: Rooms): Parameters<typeof tellOfSending>[1] {
  return {
    config: () => rooms.current.config,
    intake: () => rooms.current.intake,
    clock: rooms.clock,
    date: formatTraceDate,
    standard: (address) => rooms.current.router.standard(address),
  }
}
