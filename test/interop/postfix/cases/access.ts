/** Every action of access(5) from every list: what is said, and what arrives. */
import type { Session, World } from '../world.ts'
import { whole } from './steps.ts'

const ACTIONS: readonly string[] = [
  'OK',
  'ok',
  'RELAY',
  '1234567890',
  'DUNNO',
  'dunno with words',
  'REJECT',
  'reject We do not like you',
  'REJECT 5.7.9 Not you',
  'REJECT 5.1.1 Unknown',
  'REJECT 5.1.8 Elsewhere',
  'REJECT 4.1.1 Not now',
  'REJECT 2.1.5 Odd',
  'DEFER',
  'DEFER come later',
  'DEFER 4.2.1 busy',
  'DEFER 5.2.1 busy',
  'DEFER_IF_PERMIT',
  'DEFER_IF_PERMIT perhaps 4.7.2',
  'DEFER_IF_PERMIT 4.7.2 perhaps',
  'DEFER_IF_REJECT',
  'DEFER_IF_REJECT 4.7.2 perhaps',
  '450',
  '450 later',
  '450 4.2.2 full',
  '450 5.2.2 full',
  '550 5.1.1 unknown',
  '554 4.3.2 closed',
  '521 go away',
  '421 later',
  '499 odd',
  '599 odd',
  '600 odd',
  '250 odd',
  '55 odd',
  'HOLD',
  'HOLD for a look',
  'DISCARD',
  'DISCARD away',
  'FILTER smtp:@SINK@',
  'FILTER',
  'FILTER nothing',
  'REDIRECT other@known.test',
  'REDIRECT',
  'REDIRECT noat',
  'BCC copy@known.test',
  'BCC',
  'BCC noat',
  'PREPEND X-Prepended: text',
  'PREPEND no colon',
  'PREPEND',
  'PREPEND X-Prepended:text',
  'WARN',
  'WARN look here',
  'INFO look here',
  'STRIP',
  'permit',
  'reject',
  'defer',
  'a_class',
  'reject_unknown_client_hostname, DUNNO',
  'reject_unauth_destination',
  'permit_auth_destination',
  'warn_if_reject reject',
  'defer_if_permit, permit',
  'permit, reject',
  'no_such_restriction',
  'check_client_access static:reject',
  'hash:table',
  'DUNNO, reject',
]

const host = (i: number): string => `a${i}.act.test`

interface Place {
  readonly list: string
  readonly check: string
  readonly early?: true
}

const PLACES: readonly Place[] = [
  { list: 'client', check: 'check_client_access' },
  { list: 'helo', check: 'check_helo_access' },
  { list: 'sender', check: 'check_sender_access' },
  { list: 'relay', check: 'check_recipient_access' },
  { list: 'recipient', check: 'check_recipient_access' },
  { list: 'data', check: 'check_sender_access' },
  { list: 'end_of_data', check: 'check_sender_access' },
  { list: 'etrn', check: 'check_etrn_access' },
  { list: 'client', check: 'check_client_access', early: true },
  { list: 'helo', check: 'check_helo_access', early: true },
  { list: 'sender', check: 'check_sender_access', early: true },
  { list: 'data', check: 'check_recipient_access' },
]

function session({ list, check, early }: Place, i: number, action: string): Session {
  const name = `${action} by ${check} in ${list}${early ? ', early' : ''}`
  const overrides = {
    [`smtpd_${list}_restrictions`]: `${check} hash:$config_directory/actions, reject_unauth_destination`,
    ...(early && { smtpd_delay_reject: 'no' }),
    ...(list === 'recipient' && { smtpd_relay_restrictions: 'permit_auth_destination, reject' }),
  }
  const at = (wanted: string): string => (check === wanted ? host(i) : 'known.test')
  const client = `ADDR=192.0.2.7 NAME=${check === 'check_client_access' ? host(i) : 'client.example.test'} PORT=4711`
  if (list === 'etrn')
    return { name, overrides, client, steps: [`EHLO known.test`, `ETRN ${host(i)}`, 'ETRN other.test', 'QUIT'] }
  const to = check === 'check_recipient_access' ? `rcpt@${host(i)}` : 'rcpt@relay.test'
  const content = { content: `X-Session: ${name}\r\nSubject: test\r\nFrom: a@known.test\r\n\r\ntext` }
  const steps = whole(`sender@${at('check_sender_access')}`, to, at('check_helo_access')).slice(0, -1)
  return { name, overrides, client, steps: [...steps, content, 'QUIT'] }
}

export const actions: World = {
  name: 'actions',
  mainCf: `
relay_domains = relay.test, .act.test
relay_recipient_maps =
relay_transport = smtp:@SINK@
relayhost = @SINK@
smtpd_restriction_classes = a_class
a_class = reject_unauth_destination, permit
`,
  files: { actions: ACTIONS.map((action, i) => `${host(i)} ${action}\n`).join('') },
  indexed: ['hash:actions'],
  sink: true,
  sessions: PLACES.flatMap((place) => ACTIONS.map((action, i) => session(place, i, action))),
}
