/** Sites with a guard in front: postscreen with DNS lists; greylisting by a policy service. */
import { INSIDE, type Layout, sends } from '../layout.ts'

const to = 'ana@shop.test'

/** postscreen speaks with clients by their own address, so none comes by XCLIENT but behind it. */
export const screened: Layout = {
  name: 'postscreen in front',
  screened: true,
  inOrder: true,
  mainCf: `
myhostname = mx.shop.test
mydestination = $myhostname
relay_domains = shop.test
relay_recipient_maps = inline:{ ana@shop.test=x, pepe@shop.test=x }
transport_maps = inline:{ shop.test=smtp:[inner.shop.test] }
postscreen_access_list = cidr:$config_directory/postscreen.cidr
postscreen_denylist_action = enforce
postscreen_greet_action = enforce
postscreen_greet_wait = 1s
postscreen_dnsbl_sites = rbl.test*2, white.test*-4
postscreen_dnsbl_action = enforce
postscreen_dnsbl_threshold = 2
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_sender_restrictions = reject_unknown_sender_domain
`,
  files: { 'postscreen.cidr': '127.0.0.2 permit\n127.8.1.3 reject\n' },
  zone: `2.0.0.127.rbl.test A 127.0.0.2
4.1.8.127.rbl.test A 127.0.0.2
5.1.8.127.rbl.test A 127.0.0.2
2.0.0.127.white.test A 127.0.0.2
5.1.8.127.white.test A 127.0.0.2
known.test A 192.0.2.10
shop.test MX 10 inner.shop.test
known.test MX 10 mx.known.test
`,
  hosts: { 'inner.shop.test': { inner: true, refuses: /^pepe@/ }, 'mx.known.test': {} },
  day: [
    sends('permitted at once', 'friend@known.test', [to]),
    sends('comes back', 'friend@known.test', ['pepe@shop.test']),
    sends('unknown', 'friend@known.test', ['nosuch@shop.test']),
    sends('no domain', 'friend@nowhere.test', [to]),
    sends('no relay', 'friend@known.test', ['x@known.test']),
    sends('from inside', 'ana@shop.test', ['x@known.test', 'y@known.test'], { client: INSIDE }),
    sends('an order', 'ana@shop.test', ['x@known.test'], { client: INSIDE }),
    sends('a bill', 'pepe@shop.test', ['y@known.test', 'ana@shop.test'], { client: INSIDE }),
    sends('a reminder', 'pepe@shop.test', ['y@known.test'], { client: INSIDE }),
    sends('thanks', 'ana@shop.test', ['y@known.test', 'nosuch@shop.test'], { client: INSIDE }),
    sends('denied', 'friend@known.test', [to], { client: '', from: '127.8.1.3' }),
    sends('listed', 'friend@known.test', [to], { client: '', from: '127.8.1.4' }),
    sends('listed and allowed', 'friend@known.test', [to], { client: '', from: '127.8.1.5' }),
    sends('a stranger', 'friend@known.test', [to], { client: '', from: '127.8.1.6' }),
    sends('a stranger again', 'friend@known.test', [to], { client: '', from: '127.8.1.6' }),
  ],
  expect: { sent: 11, bounced: 1 },
}
