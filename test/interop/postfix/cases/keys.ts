/** Every form of a lookup key, at every place where one is asked for. access(5). */
import type { Session } from '../world.ts'
import { FROM, upToRcpt } from './steps.ts'

/** `#` is the form's number: each form has a domain, a user and an address of its own. */
const MAIL_FORMS = [
  'u#+ext@sub.k#.test',
  'u#@sub.k#.test',
  'sub.k#.test',
  'k#.test',
  '.k#.test',
  '.sub.k#.test',
  'u#+ext@',
  'u#@',
  '@sub.k#.test',
  'u#',
  'u#+ext',
  'U#+EXT@SUB.K#.TEST',
  'u#+@sub.k#.test',
  'u#@k#.test',
  '"u#+ext"@sub.k#.test',
]
const HOST_FORMS = [
  'host.sub.k#.test',
  '.sub.k#.test',
  'sub.k#.test',
  '.k#.test',
  'k#.test',
  'HOST.SUB.K#.TEST',
  '@host.sub.k#.test',
]
const ADDRESS_FORMS = ['#.1.2.3', '#.1.2', '#.1', '#', '#.1.2.', '[#.1.2.3]', '#.1.2.0/24', '.2.3']
const IPV6_FORMS = [
  '2001:db8:#:5::1',
  '2001:db8:#:5',
  '2001:db8:#',
  '2001:db8:#:5:',
  '2001:db8:#::',
  '2001:0db8:#:5::1',
  '2001:DB8:#:5::1',
]

const form = (text: string, i: number): string => text.replaceAll('#', String(i))
const lines = (forms: readonly string[], from: number): string =>
  forms.map((text, i) => `${form(text, from + i)} REJECT by ${text.replaceAll('#', 'N')}\n`).join('')

const FIRST_HOST = 30
const FIRST_ADDRESS = 50
const FIRST_IPV6 = 70

export const keyFiles: Readonly<Record<string, string>> = {
  keys:
    lines(MAIL_FORMS, 1) +
    lines(HOST_FORMS, FIRST_HOST) +
    lines(ADDRESS_FORMS, FIRST_ADDRESS) +
    lines(IPV6_FORMS, FIRST_IPV6) +
    '<> REJECT null sender\nunknown REJECT without a name\nnull@known.test REJECT null by another key\n' +
    'login REJECT login\n[192.0.2.1] REJECT literal\n"a b"@known.test REJECT quoted\na b@known.test REJECT not quoted\n',
  'keys.re':
    '/^u1\\+ext@sub/ REJECT whole\n/^sub\\.k/ REJECT domain\n/^u\\d+@/ REJECT user\n/^\\./ REJECT dot\n/k30\\.test$/ REJECT host\n/^2001/ REJECT v6\n/^<>$/ REJECT null\n',
}

const TABLES = ['hash:$config_directory/keys', 'regexp:$config_directory/keys.re']
const PARENTS = ['', 'smtpd_access_maps']

interface Asked {
  readonly name: string
  readonly client?: string
  readonly helo?: string
  readonly from?: string
  readonly to?: string
  readonly etrn?: string
}

function numbers(forms: readonly string[], from: number): number[] {
  return forms.map((_, i) => from + i)
}

const MAIL_ADDRESSES: readonly string[] = [
  ...numbers(MAIL_FORMS, 1).map((i) => `u${i}+ext@sub.k${i}.test`),
  'u2@sub.k2.test',
  'U1+Ext@Sub.K1.Test',
  'u1+ext+more@sub.k1.test',
  '"u1+ext"@sub.k1.test',
  'other@deep.sub.k4.test',
  'other@k4.test',
  'other@k5.test',
  '"a b"@known.test',
  'a@[192.0.2.1]',
  'a@[IPv6:2001:db8:70:5::1]',
  'other@known.test',
]
const HOSTS = [
  ...numbers(HOST_FORMS, FIRST_HOST).map((i) => `host.sub.k${i}.test`),
  'k34.test',
  'k33.test',
  'K34.Test',
  'deep.host.sub.k32.test',
  'other.test',
]
const ADDRESSES = [
  ...numbers(ADDRESS_FORMS, FIRST_ADDRESS).map((i) => `${i}.1.2.3`),
  ...numbers(IPV6_FORMS, FIRST_IPV6).map((i) => `IPV6:2001:db8:${i}:5::1`),
]

const clientNamed = (name: string): string => `ADDR=203.0.113.9 NAME=${name} REVERSE_NAME=${name} PORT=4711`
const clientAt = (address: string): string => `ADDR=${address} NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] PORT=4711`

const CLIENTS: readonly Asked[] = [
  ...HOSTS.map((host) => ({ name: host, client: clientNamed(host) })),
  ...ADDRESSES.map((address) => ({
    name: address,
    client: clientAt(address).replace('NAME=[UNAVAILABLE]', 'NAME=x.test'),
  })),
  { name: 'no name', client: clientAt('203.0.113.9') },
]

const PLACES: readonly { readonly check: string; readonly list: string; readonly asked: readonly Asked[] }[] = [
  { check: 'check_client_access', list: 'client', asked: CLIENTS },
  { check: 'check_reverse_client_hostname_access', list: 'client', asked: CLIENTS },
  {
    check: 'check_helo_access',
    list: 'helo',
    asked: [...HOSTS, ...ADDRESSES, '[50.1.2.3]', '[192.0.2.1]', '[IPv6:2001:db8:70:5::1]'].map((helo) => ({
      name: helo,
      helo,
    })),
  },
  {
    check: 'check_sender_access',
    list: 'sender',
    asked: ['', ...MAIL_ADDRESSES].map((from) => ({ name: `<${from}>`, from })),
  },
  { check: 'check_recipient_access', list: 'recipient', asked: MAIL_ADDRESSES.map((to) => ({ name: `<${to}>`, to })) },
  { check: 'check_etrn_access', list: 'etrn', asked: HOSTS.map((etrn) => ({ name: etrn, etrn })) },
  {
    check: 'check_sasl_access',
    list: 'recipient',
    asked: ['login', 'LOGIN', 'other'].map((login) => ({
      name: login,
      client: `${clientAt('203.0.113.9')} LOGIN=${login}`,
    })),
  },
]

function session(check: string, list: string, table: string, parents: string, asked: Asked): Session {
  const overrides = {
    smtpd_recipient_restrictions: 'reject_unauth_destination',
    [`smtpd_${list}_restrictions`]: `${check} ${table}, permit_auth_destination, reject`,
    smtpd_relay_restrictions: 'permit_auth_destination, reject',
    parent_domain_matches_subdomains: parents,
    recipient_delimiter: '+',
    ...(check === 'check_sasl_access' && { smtpd_sasl_auth_enable: 'yes', smtpd_discard_ehlo_keywords: 'auth' }),
  }
  const steps =
    asked.etrn === undefined
      ? upToRcpt(asked.from ?? FROM, asked.to ?? 'rcpt@local.test', asked.helo)
      : ['EHLO known.test', `ETRN ${asked.etrn}`]
  const name = `${check} ${table}, parents ${parents || 'none'}, ${asked.name}`
  return { name, overrides, steps, ...(asked.client !== undefined && { client: asked.client }) }
}

const NULL_KEYS = ['', '<>', 'null@known.test', 'known.test']
/** The `_a_`, `_mx_` and `_ns_` checks: by names and addresses of who serves a name. */
const SERVED: readonly Asked[] = [
  'known.test',
  'sub.known.test',
  'aonly.test',
  'six.test',
  'nullmx.test',
  'failmx.test',
  'deadmx.test',
  'x.fail.test',
  'nowhere.invalid',
  'alias.test',
  'bad.test',
  '[192.0.2.66]',
  '[IPv6:2001:db8::13]',
  '192.0.2.66',
].map((name) => ({
  name,
  client: clientNamed(/^\[|^\d/.test(name) ? 'known.test' : name),
  helo: name,
  from: `a@${name}`,
  to: `a@${name}`,
}))

export const serverFiles: Readonly<Record<string, string>> = {
  servers:
    'mail.known.test REJECT by MX name\nns.known.test REJECT by NS name\n192.0.2.13 REJECT by address\n192.0.2.66 OK\n192.0.2.68 REJECT by MX address\n2001:db8::13 REJECT by IPv6 address\nsix.test REJECT itself\n',
}

function serverSessions(): Session[] {
  return ['client', 'reverse_client_hostname', 'helo', 'sender', 'recipient'].flatMap((what) =>
    ['a', 'mx', 'ns'].flatMap((kind) =>
      SERVED.map((asked) => ({
        name: `check_${what}_${kind}_access, ${asked.name}`,
        overrides: {
          smtpd_recipient_restrictions: `check_${what}_${kind}_access hash:$config_directory/servers, permit_auth_destination, permit`,
          smtpd_relay_restrictions: 'check_client_access static:OK, reject',
        },
        steps: upToRcpt(asked.from, asked.to, asked.helo),
        client: asked.client ?? '',
      })),
    ),
  )
}

export function keySessions(): Session[] {
  const forms = PLACES.flatMap(({ check, list, asked }) =>
    TABLES.flatMap((table) =>
      PARENTS.flatMap((parents) => asked.map((one) => session(check, list, table, parents, one))),
    ),
  )
  const nulls = NULL_KEYS.map((key) => ({
    name: `smtpd_null_access_lookup_key = ${key}`,
    overrides: {
      smtpd_sender_restrictions: 'check_sender_access hash:$config_directory/keys',
      smtpd_null_access_lookup_key: key,
    },
    steps: upToRcpt(''),
  }))
  return [...forms, ...nulls, ...serverSessions()]
}
