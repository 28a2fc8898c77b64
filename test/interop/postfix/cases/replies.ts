/** The world of replies: one configuration, a listener for each set of restrictions. */
import type { World } from '../world.ts'
import { keyFiles, keySessions, serverFiles } from './keys.ts'
import { restrictionSessions } from './restrictions.ts'
import { settingFiles, settingSessions } from './settings.ts'
import { syntaxSessions } from './syntax.ts'

export const replies: World = {
  name: 'replies',
  mainCf: `
local_recipient_maps = hash:$config_directory/users
virtual_mailbox_domains = virtual.test
virtual_mailbox_maps = hash:$config_directory/virtual-users
virtual_alias_domains = alias-domain.test
virtual_alias_maps = hash:$config_directory/virtual
relay_domains = relay.test, $config_directory/key-domains
relay_recipient_maps = hash:$config_directory/relay-users
smtpd_restriction_classes = a_class
a_class = reject_unknown_client_hostname, reject
recipient_delimiter = +
cyrus_sasl_config_path = $config_directory/sasl
permit_mx_backup_networks = 203.0.113.0/24
`,
  files: {
    users: 'rcpt x\nsecond x\npostmaster x\n',
    'virtual-users': 'rcpt@virtual.test x\n',
    virtual: 'a@alias-domain.test rcpt@local.test\n',
    'relay-users': 'a@relay.test x\n',
    ...keyFiles,
    ...serverFiles,
    ...settingFiles,
    'key-domains': ['test', 'k30.test'].join('\n'),
    bare: 'client.example.test REJECT by bare table\n',
  },
  indexed: [
    'hash:users',
    'hash:virtual-users',
    'hash:virtual',
    'hash:relay-users',
    'hash:bare',
    'hash:keys',
    'hash:servers',
    'hash:logins',
  ],
  sessions: restrictionSessions(),
}

/** The same configuration, asked by keys. */
export const keys: World = { ...replies, name: 'keys', sessions: keySessions() }

/** The same, asked in every form of a command. */
export const syntax: World = { ...replies, name: 'syntax', sessions: syntaxSessions() }

/** The same, with parameters that change what is said. */
export const settings: World = { ...replies, name: 'settings', sessions: settingSessions() }
