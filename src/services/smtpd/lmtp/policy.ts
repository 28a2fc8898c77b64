/** Nothing is asked of policy: who hands mail over has decided. Only who that may be is. */
import type { Policy, PolicyMemory, Verdict } from '../../../mail/policy/mod.ts'
import type { LmtpDeps } from './deps.ts'

export const GO_ON: Verdict = { reply: undefined, effects: [], path: [] }

const AWAY: Verdict = {
  ...GO_ON,
  reply: { code: 554, enhanced: '5.7.1', lines: ['Error: this client may not hand over mail here'] },
  disconnect: true,
}

export function lmtpPolicy({ mayConnect }: Pick<LmtpDeps, 'mayConnect'>): Policy {
  const goOn = async (): Promise<Verdict> => GO_ON
  return {
    session: (): PolicyMemory => ({ policyMemory: true }),
    connect: async ({ client }) => ((await mayConnect(client)) ? GO_ON : AWAY),
    helo: goOn,
    mail: goOn,
    rcpt: goOn,
    recipientOf: (address) => address,
    data: goOn,
    endOfData: goOn,
    etrn: goOn,
    vrfy: goOn,
    isMyNetwork: async () => true,
    rewritesHeaders: async () => false,
  }
}
