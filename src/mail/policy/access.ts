/**
 * Access tables: which keys are tried in which order. access(5).
 */
import type { Table } from '../../io/tables/mod.ts'
import { domainAndParents, quote, split, splitAddressExtension, isRouted } from '../routing/mod.ts'
import { isIP } from 'node:net'
import type { Evaluation, Outcome, ReplyClass } from './evaluation.ts'
import type { Ask, Restriction, Restrictions } from './restrictions.ts'
import { applyAction, type Entry } from './actions.ts'
import { serverNames, type ServerKind } from './servers.ts'
import { listWords } from './words.ts'

/** One key; a partial one is not given to pattern tables. */
interface Key {
  readonly key: string
  readonly partial: boolean
}

/** What the refusals of a check speak of. */
interface About {
  readonly name: string
  readonly replyClass: ReplyClass
}

/** What Postfix puts in the place of an entry that it cannot have. */
const BROKEN = '451 4.3.5 Server configuration error'

/** The value of the first key that the table has. A table that cannot be asked answers with a temporary refusal. */
async function find(ask: Ask, keys: Iterable<Key>): Promise<Entry | undefined> {
  const { ev, argument } = ask
  try {
    const table: Table = ev.rules.tables.open(argument)
    for (const { key, partial } of keys) {
      if (key === '' || (partial && !table.fixed)) continue
      const got = table.get(key)
      const value = typeof got === 'object' ? await got : got
      if (value !== undefined) return { table: argument, key, value }
    }
    return undefined
  } catch (error) {
    ev.rules.trouble(error)
    return { table: argument, key: '', value: BROKEN }
  }
}

function aboutAsk(ask: Ask, { name, replyClass }: About): Ask {
  return { ...ask, subject: { name, replyClass, defaultAccess: ask.subject.defaultAccess } }
}

/** Looks keys up and does what the entry says; undefined: no entry. */
async function decide(ask: Ask, about: About, keys: Iterable<Key>): Promise<Outcome | undefined> {
  const entry = await find(ask, keys)
  if (entry === undefined) return undefined
  ask.ev.step('access', `${entry.table} ${entry.key}`, entry.value)
  return applyAction(aboutAsk(ask, about), entry)
}

/** `mail.example.com`, `example.com`, `com`; an address has no parents. access(5), HOST NAME/ADDRESS PATTERNS. */
function* nameKeys(ev: Evaluation, name: string, partialOnly = false): Generator<Key> {
  const names = isIP(name) === 0 ? domainAndParents(name.toLowerCase(), ev.rules.plainParents) : [name.toLowerCase()]
  for (const [i, key] of names.entries()) yield { key, partial: partialOnly || i > 0 }
}

/** `192.0.2.1`, `192.0.2`, `192.0`, `192`: whole octets, so 172.16.181.9 is not in 172.16.18. */
function* addressKeys(address: string): Generator<Key> {
  const delimiter = address.includes(':') ? ':' : '.'
  let partial = false
  for (let key = address; key !== ''; key = key.slice(0, Math.max(0, key.lastIndexOf(delimiter)))) {
    yield { key, partial }
    partial = true
  }
}

function* both(first: Iterable<Key>, second: Iterable<Key>): Generator<Key> {
  yield* first
  yield* second
}

/** user+ext@domain, user@domain, domain and parents, user+ext@, user@. access(5), EMAIL ADDRESS PATTERNS. */
function* mailKeys(ev: Evaluation, address: string): Generator<Key> {
  const whole = quote(address).toLowerCase()
  const { local, domain = '' } = split(whole)
  const cut = splitAddressExtension(whole, ev.rules.cf)
  yield { key: whole, partial: false }
  if (cut) yield { key: cut.bare, partial: true }
  yield* nameKeys(ev, domain, true)
  yield { key: `${local}@`, partial: true }
  if (cut) yield { key: `${split(cut.bare).local}@`, partial: true }
}

async function clientAccess(ask: Ask): Promise<Outcome> {
  const { ev } = ask
  const { name, address } = ev.facts.client
  const about = { name: ev.client, replyClass: 'Client host' } as const
  return (await decide(ask, about, both(nameKeys(ev, name), addressKeys(address)))) ?? 'dunno'
}

async function mailAccess(
  ask: Ask,
  address: string,
  replyClass: 'Sender address' | 'Recipient address',
): Promise<Outcome> {
  const { ev } = ask
  const { recipient } = await ev.resolve(address)
  const outcome = (await decide(ask, { name: address, replyClass }, mailKeys(ev, recipient))) ?? 'dunno'
  // A recipient with a route inside may end anywhere: no table's OK is meant for that.
  const suspicious = replyClass === 'Recipient address' && !ev.rules.cf.allow_untrusted_routing && isRouted(recipient)
  return outcome === 'ok' && suspicious ? 'dunno' : outcome
}

async function senderAccess(ask: Ask): Promise<Outcome> {
  const { sender } = ask.ev.facts
  if (sender === undefined) return 'dunno'
  if (sender !== '') return mailAccess(ask, sender, 'Sender address')
  const key = { key: ask.ev.rules.cf.smtpd_null_access_lookup_key, partial: false }
  return (await decide(ask, { name: '', replyClass: 'Sender address' }, [key])) ?? 'dunno'
}

async function byName(ask: Ask, name: string | undefined, replyClass: ReplyClass): Promise<Outcome> {
  if (name === undefined) return 'dunno'
  return (await decide(ask, { name, replyClass }, nameKeys(ask.ev, name))) ?? 'dunno'
}

/** One exact key. */
async function byKey(ask: Ask, key: string | undefined, about: About): Promise<Outcome> {
  if (key === undefined) return 'dunno'
  return (await decide(ask, about, [{ key: key.toLowerCase(), partial: false }])) ?? 'dunno'
}

async function reverseNameAccess(ask: Ask): Promise<Outcome> {
  const { reverseName, address } = ask.ev.facts.client
  const about = { name: reverseName, replyClass: 'Unverified Client host' } as const
  const outcome = (await decide(ask, about, both(nameKeys(ask.ev, reverseName), addressKeys(address)))) ?? 'dunno'
  return notOk(ask, outcome, reverseName)
}

/** What a stranger chooses or writes into DNS must let nobody in. */
function notOk({ ev, argument }: Ask, outcome: Outcome, target: string): Outcome {
  if (outcome !== 'ok') return outcome
  return ev.misconfigured(`access table ${argument} returns OK for ${target}: use DUNNO to make an exception`)
}

/** The hosts that serve a name (its addresses, MX or NS): by their names, then by their addresses. */
async function serverAccess(ask: Ask, kind: ServerKind, name: string, about: About): Promise<Outcome> {
  const { ev } = ask
  for (const server of await serverNames(ev, kind, name)) {
    if (server.host !== undefined) {
      const outcome = await decide(ask, about, nameKeys(ev, server.host))
      if (outcome !== undefined) return notOk(ask, outcome, name)
    }
    for (const address of await server.addresses()) {
      const outcome = await decide(ask, about, addressKeys(address))
      if (outcome !== undefined) return notOk(ask, outcome, name)
    }
  }
  return 'dunno'
}

type Facts = Evaluation['facts']

/** The `_a_`, `_mx_` and `_ns_` forms of a check. */
function serverForms(
  prefix: string,
  replyClass: ReplyClass,
  nameOf: (facts: Facts) => string | undefined,
): [string, Restriction][] {
  return (['a', 'mx', 'ns'] as const).map((kind) => [
    `${prefix}_${kind}_access`,
    {
      argument: 'table',
      check: (ask) => {
        const name = nameOf(ask.ev.facts)
        const about = { name: replyClass === 'Client host' ? ask.ev.client : (name ?? ''), replyClass }
        return name ? serverAccess(ask, kind, name, about) : 'dunno'
      },
    },
  ])
}

/** What a client certificate is looked up by, in the order without `search_order`. */
const CERTIFICATE_KEYS = {
  cert_fingerprint: 'fingerprint',
  pubkey_fingerprint: 'keyFingerprint',
} as const
type CertificateKey = (typeof CERTIFICATE_KEYS)[keyof typeof CERTIFICATE_KEYS]

/** `type:table`, or `type:table, { search_order = pubkey_fingerprint }`; undefined: not to be understood. */
function certificateSearch(argument: string): { table: string; keys: readonly CertificateKey[] } | undefined {
  const [table = '', ...settings] = listWords(argument)
  let keys: readonly CertificateKey[] = Object.values(CERTIFICATE_KEYS)
  for (const setting of settings) {
    const order = /^search_order\s*=(.*)$/s.exec(setting)?.[1]
    if (order === undefined) return undefined
    const names = listWords(order)
    const known = Object.entries(CERTIFICATE_KEYS)
    keys = names.flatMap((name) => known.filter(([key]) => key === name.toLowerCase()).map(([, value]) => value))
    if (keys.length < names.length) return undefined
  }
  return { table, keys }
}

async function certificateAccess(ask: Ask): Promise<Outcome> {
  const { ev, argument } = ask
  const search = certificateSearch(argument)
  if (search === undefined) return ev.misconfigured(`restriction check_ccert_access: bad argument "${argument}"`)
  for (const key of search.keys) {
    const about = { name: ev.client, replyClass: 'Client certificate' } as const
    const outcome = await byKey({ ...ask, argument: search.table }, ev.facts.tls?.[key], about)
    if (outcome !== 'dunno') return outcome
  }
  return 'dunno'
}

const known = (name: string): string | undefined => (name.toLowerCase() === 'unknown' ? undefined : name)

export const accessRestrictions: Restrictions = {
  check_client_access: { argument: 'table', check: clientAccess },
  check_reverse_client_hostname_access: { argument: 'table', check: reverseNameAccess },
  check_helo_access: { argument: 'table', check: (ask) => byName(ask, ask.ev.facts.helo, 'Helo command') },
  check_sender_access: { argument: 'table', check: senderAccess },
  check_recipient_access: {
    argument: 'table',
    check: (ask) => {
      const { recipient } = ask.ev.facts
      return recipient === undefined ? 'dunno' : mailAccess(ask, recipient, 'Recipient address')
    },
  },
  check_etrn_access: { argument: 'table', check: (ask) => byName(ask, ask.ev.etrnDomain, 'Etrn command') },
  check_ccert_access: {
    argument: 'table',
    check: certificateAccess,
  },
  check_sasl_access: {
    argument: 'table',
    check: (ask) => {
      const login = ask.ev.sasl?.username
      return byKey(ask, login, { name: login ?? '', replyClass: 'SASL login name' })
    },
  },
  ...Object.fromEntries([
    ...serverForms('check_client', 'Client host', (f) => known(f.client.name)),
    ...serverForms('check_reverse_client_hostname', 'Unverified Client host', (f) => known(f.client.reverseName)),
    ...serverForms('check_helo', 'Helo command', (f) => f.helo),
    ...serverForms('check_sender', 'Sender address', (f) => f.sender),
    ...serverForms('check_recipient', 'Recipient address', (f) => f.recipient),
  ]),
}

/** A bare table in a list: the check that the list stands for. */
export function checkAccess(name: string, ask: Ask): Outcome | Promise<Outcome> {
  return accessRestrictions[name]?.check(ask) ?? 'dunno'
}
