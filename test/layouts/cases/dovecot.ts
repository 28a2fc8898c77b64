/** A mail host whose mailboxes and passwords are Dovecot's: SASL by its socket, mail to it by LMTP. */
import { dirname } from 'node:path'
import { dovecot } from '../../support/dovecot.ts'
import { INSIDE, type Layout, sends } from '../layout.ts'

const login = (user: string, password: string): string =>
  `AUTH PLAIN ${Buffer.from(`\0${user}\0${password}`).toString('base64')}`

export const dovecotHost: Layout = {
  name: 'Dovecot beside',
  mainCf: `
myhostname = mail.firm.test
mydestination = localhost
virtual_mailbox_domains = firm.test
virtual_mailbox_maps = hash:$config_directory/vmailbox
virtual_alias_maps = hash:$config_directory/virtual
virtual_transport = lmtp:unix:@DOVECOT@/lmtp
recipient_delimiter = +
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = @DOVECOT@/auth
smtpd_sasl_security_options = noanonymous
smtpd_sender_login_maps = hash:$config_directory/senders
smtpd_sender_restrictions = reject_authenticated_sender_login_mismatch
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
lmtp_destination_recipient_limit = 1
`,
  files: {
    vmailbox: 'ana@firm.test x\npepe@firm.test x\nghost@firm.test x\n',
    virtual:
      'info@firm.test ana@firm.test, pepe@firm.test\npostmaster@firm.test ana@firm.test\nout@firm.test x@known.test\n',
    senders: 'ana@firm.test ana\ninfo@firm.test ana, pepe\n',
  },
  indexed: ['hash:vmailbox', 'hash:virtual', 'hash:senders'],
  hosts: { 'mx.known.test': { mx: ['known.test'], refuses: /^nobody@/ } },
  neighbours: async (t) => ({ DOVECOT: dirname(await dovecot(t, { lmtp: true })) }),
  day: [
    sends('to one', 'friend@known.test', ['ana@firm.test']),
    sends('with an extension', 'friend@known.test', ['ana+lists@firm.test']),
    sends('to two', 'friend@known.test', ['ana@firm.test', 'pepe@firm.test']),
    sends('to a role', 'friend@known.test', ['info@firm.test']),
    sends('to a forwarder', 'friend@known.test', ['out@firm.test']),
    sends('unknown to us', 'friend@known.test', ['nosuch@firm.test']),
    sends('unknown to Dovecot', 'friend@known.test', ['ghost@firm.test']),
    sends('no relay', 'friend@known.test', ['x@known.test']),
    sends('logged in', 'ana@firm.test', ['x@known.test', 'pepe@firm.test'], { first: [login('ana', 'secret')] }),
    sends('pepe logged in', 'friend@firm.test', ['x@known.test', 'y@known.test'], { first: [login('pepe', 'secret')] }),
    sends('for the firm', 'info@firm.test', ['y@known.test'], { first: [login('ana', 'secret')] }),
    sends('as another', 'info@firm.test', ['x@known.test'], { first: [login('pepe', 'secret')] }),
    sends('as a stranger', 'ana@firm.test', ['x@known.test'], { first: [login('pepe', 'secret')] }),
    sends('a wrong password', 'ana@firm.test', ['x@known.test'], { first: [login('ana', 'wrong'), login('', '')] }),
    sends('a copier', '', ['x@known.test', 'ana@firm.test'], { client: INSIDE }),
    sends('from inside', 'ana@firm.test', ['y@known.test', 'nobody@known.test'], { client: INSIDE }),
  ],
  expect: { sent: 11, bounced: 2 },
}
