/** `check_greylist`, a restriction of ours for recipients. */
import type { Restrictions } from '../restrictions.ts'

export const greylistRestrictions: Restrictions = {
  check_greylist: {
    argument: 'none',
    check: async ({ ev }) => {
      const { recipient, sender = '', client } = ev.facts
      const { greylist } = ev.rules.deps
      if (recipient === undefined || greylist === undefined) return 'dunno'
      if (ev.sasl !== undefined || (await ev.rules.greylistExceptions(client))) {
        ev.step('greylist', recipient, 'excepted')
        return 'dunno'
      }
      const { waitMs, why } = await greylist.ask({ address: client.address, sender, recipient })
      ev.step('greylist', `${client.address} ${sender} ${recipient}`, waitMs > 0 ? `${why}, wait` : `${why}, pass`)
      if (waitMs <= 0) return 'dunno'
      // postgrey's words, for those who count them.
      const text = `<${recipient}>: Recipient address rejected: Greylisted, come again in ${Math.ceil(waitMs / 1000)} seconds`
      return ev.reject(450, '4.2.0', text)
    },
  },
}
