/** What can be told about mail to other servers before any goes out: settings that undo each other, files that are not there. */
import { type Config, type Finding, splitList } from '../../io/config/mod.ts'
import { IdentityError, readPem } from '../../io/net/mod.ts'

type Told = Pick<Finding, 'severity' | 'text' | 'proposal'>

const CLIENTS = ['smtp', 'lmtp'] as const

/** Only what main.cf sets itself. */
export function clientTlsFindings(config: Config): Finding[] {
  return CLIENTS.flatMap((client) => {
    const value = (name: string): string => config.value(`${client}_${name}`) ?? ''
    const say = (name: string, told: Told): Finding[] =>
      config.raw(name) === undefined
        ? []
        : [{ ...(config.origin(name) ?? { file: config.file, line: 0 }), name, ...told }]
    return [
      ...shadowed(client, value, say),
      ...daneFindings(client, config, say),
      ...wrapperFindings(client, value, say),
      ...files(client, value, say),
      ...(client === 'smtp' ? [...stsFindings(config, value, say), ...reportFindings(config, value, say)] : []),
    ]
  })
}

type Client = (typeof CLIENTS)[number]
type Value = (name: string) => string
type Say = (name: string, told: Told) => Finding[]

/** What is not looked at because something else is set. */
function shadowed(client: Client, value: Value, say: Say): Finding[] {
  const notRead = (name: string, by: string): Finding[] =>
    value(name) === ''
      ? []
      : say(`${client}_${name}`, { severity: 'warning', text: `${client}_${name} is not read: ${by} is set` })
  const chain = value('tls_chain_files') === '' ? [] : ['tls_cert_file', 'tls_eccert_file']
  return [
    ...chain.flatMap((name) => notRead(name, `${client}_tls_chain_files`)),
    ...(value('tls_policy_maps') === '' ? [] : notRead('tls_per_site', `${client}_tls_policy_maps`)),
  ]
}

/** TLS_README, "DANE TLS authentication": without these dane is may, and with dane-only no mail goes out. */
function daneFindings(client: Client, config: Config, say: Say): Finding[] {
  const level = (config.value(`${client}_tls_security_level`) ?? '').toLowerCase()
  if (level !== 'dane' && level !== 'dane-only') return []
  const outcome = level === 'dane' ? 'dane is taken as may' : 'no mail goes out'
  const support = config.value(`${client}_dns_support_level`) ?? ''
  const noDnssec: Finding[] =
    support === 'dnssec'
      ? []
      : say(`${client}_tls_security_level`, {
          severity: 'warning',
          text: `${outcome} without DNSSEC`,
          proposal: `${client}_dns_support_level = dnssec`,
        })
  const ignored = client === 'smtp' && config.value('ignore_mx_lookup_error') === 'yes'
  const unsafe = { severity: 'warning', text: `${outcome} while answers of DNS may be anybody's` } as const
  return [
    ...noDnssec,
    ...(ignored ? say('ignore_mx_lookup_error', unsafe) : []),
    ...((config.value(`${client}_dns_resolver_options`) ?? '') === ''
      ? []
      : say(`${client}_dns_resolver_options`, unsafe)),
  ]
}

function stsFindings(config: Config, value: Value, say: Say): Finding[] {
  const level = value('tls_security_level').toLowerCase()
  const isSought = level === '' ? value('use_tls') === 'yes' || value('enforce_tls') === 'yes' : level !== 'none'
  if (config.value('mta_sts_enable') !== 'yes' || isSought) return []
  const text = 'no policy is looked for at level none'
  return say('mta_sts_enable', { severity: 'warning', text, proposal: 'smtp_tls_security_level = may' })
}

function reportFindings(config: Config, value: Value, say: Say): Finding[] {
  if ((config.value('tls_report_sender') ?? '') === '' || value('tlsrpt_enable') === 'yes') return []
  const text = 'there is nothing to report: how TLS goes is not counted'
  return say('tls_report_sender', { severity: 'warning', text, proposal: 'smtp_tlsrpt_enable = yes' })
}

function wrapperFindings(client: Client, value: Value, say: Say): Finding[] {
  const isStrict = !['', 'none', 'may'].includes(value('tls_security_level').toLowerCase())
  if (
    value('tls_wrappermode') !== 'yes' ||
    isStrict ||
    value('tls_policy_maps') !== '' ||
    value('enforce_tls') === 'yes'
  )
    return []
  const proposal = `${client}_tls_security_level = encrypt`
  const text = 'TLS from the first octet on wants a level that is never without: no mail goes out'
  return say(`${client}_tls_wrappermode`, { severity: 'error', text, proposal })
}

const FILES = [
  'tls_cert_file',
  'tls_key_file',
  'tls_eccert_file',
  'tls_eckey_file',
  'tls_chain_files',
  'tls_trust_anchor_file',
  'tls_CAfile',
]

function files(client: Client, value: Value, say: Say): Finding[] {
  return FILES.flatMap((name) =>
    splitList(value(name)).flatMap((file): Finding[] => {
      try {
        readPem(file)
        return []
      } catch (error) {
        if (!(error instanceof IdentityError)) throw error
        // Who looks is not root, which a key belongs to.
        const { cause } = error
        if (process.geteuid?.() !== 0 && cause instanceof Error && 'code' in cause && cause.code === 'EACCES') return []
        const text = `${client}_${name}: ${error.message}; there is no TLS so, and mail that must have it waits`
        return say(`${client}_${name}`, { severity: 'error', text })
      }
    }),
  )
}
