/** A host whose local names are handed on: users of the system by name, and whoever is none. */
import { INSIDE, type Layout, sends } from '../layout.ts'

const outside = (name: string, ...recipients: string[]) => sends(name, 'friend@known.test', recipients)
const inside = (name: string, sender: string, ...recipients: string[]) =>
  sends(name, sender, recipients, { client: INSIDE })

/** Users that every Debian has: games, news, mail, daemon. */
export const handedOn: Layout = {
  name: 'local names that are handed on',
  mainCf: `
myhostname = gate.firm.test
mydestination = $myhostname, firm.test
local_recipient_maps =
alias_maps = hash:$config_directory/aliases
recipient_delimiter = +
mailbox_transport_maps = hash:$config_directory/by_name
fallback_transport_maps = inline:{ guest=smtp:[old.firm.test] }
fallback_transport = smtp:[other.firm.test]
lmtp_destination_recipient_limit = 1
smtp_destination_recipient_limit = 1
`,
  files: {
    aliases: 'root: games, x@known.test\nboss: guest\n',
    by_name:
      'news smtp:[list.firm.test]\n' +
      ['games', 'daemon', 'mail'].map((name) => `${name} lmtp:inet:[@STORE_FIRM_TEST@]:24\n`).join(''),
  },
  indexed: ['hash:aliases', 'hash:by_name'],
  hosts: {
    'store.firm.test': { inner: true, port: 24, refuses: /^daemon@/ },
    'list.firm.test': { inner: true },
    'old.firm.test': { inner: true },
    'other.firm.test': { inner: true, refuses: /^nobody-here@/ },
    'mx.known.test': { mx: ['known.test'], refuses: /^nobody@/ },
  },
  day: [
    outside('a user', 'games@firm.test'),
    outside('a user with an extension', 'games+x@firm.test'),
    outside('by name', 'news@firm.test'),
    outside('refused by the store', 'daemon@firm.test'),
    outside('guest', 'guest@firm.test'),
    outside('an alias of guest', 'boss@gate.firm.test'),
    outside('nobody of ours', 'someone@firm.test'),
    outside('nobody anywhere', 'nobody-here@firm.test'),
    outside('several', 'games@firm.test', 'news@firm.test', 'guest@firm.test', 'else@firm.test'),
    outside('no relay', 'x@known.test'),
    outside('root', 'root@firm.test'),
    inside('out', 'games@firm.test', 'x@known.test'),
    inside('out to two', 'mail@firm.test', 'x@known.test', 'y@known.test'),
    inside('out and in', 'mail@firm.test', 'y@known.test', 'games@firm.test'),
    inside('out again', 'games@firm.test', 'z@known.test'),
    inside('comes back', 'games@firm.test', 'nobody@known.test'),
  ],
  expect: { sent: 17, bounced: 3 },
}
