/** What can be told about TLS before anything runs: files that are not there, passwords and mail in clear, old versions. */
import { X509Certificate } from 'node:crypto'
import { type Config, type Finding, splitList } from '../../io/config/mod.ts'
import { certificates, IdentityError, protocolChoice, readPem, TlsSettingError } from '../../io/net/mod.ts'
import { TLS_FILE_PARAMETERS } from './identity.ts'
import { SMTP_SERVERS } from './listeners.ts'
import { tlsParams } from './tls-params.ts'

export function tlsFindings(config: Config): Finding[] {
  return [
    ...fileFindings(config),
    ...dateFindings(config),
    ...offerFindings(config),
    ...authFindings(config),
    ...versionFindings(config),
  ]
}

type Told = Pick<Finding, 'severity' | 'text' | 'proposal'>

function at(config: Config, name: string, told: Told): Finding {
  return { ...(config.origin(name) ?? { file: config.file, line: 0 }), name, ...told }
}

/** Words in the place of a file. */
const NO_FILE = new Set(['', 'none', 'auto'])

function fileFindings(config: Config): Finding[] {
  return TLS_FILE_PARAMETERS.filter((name) => config.raw(name) !== undefined).flatMap((name) => {
    const files = splitList(config.value(name) ?? '').filter((word) => !NO_FILE.has(word))
    return files.flatMap((file): Finding[] => {
      try {
        readPem(file)
        return []
      } catch (error) {
        if (!(error instanceof IdentityError)) throw error
        if (isOthers(error)) return []
        return [
          at(config, name, { severity: 'error', text: `${name}: ${error.message}; the server does not start so` }),
        ]
      }
    })
  })
}

/** Who looks is not root, which the key belongs to: that tells nothing of what the server may. */
function isOthers({ cause }: IdentityError): boolean {
  return process.geteuid?.() !== 0 && cause instanceof Error && 'code' in cause && cause.code === 'EACCES'
}

/** Certificates that have run out, or will soon. */
const SOON_MS = 10 * 86_400_000

function dateFindings(config: Config): Finding[] {
  return ['smtpd_tls_chain_files', 'smtpd_tls_cert_file', 'smtpd_tls_eccert_file'].flatMap((name) =>
    splitList(config.raw(name) === undefined ? '' : (config.value(name) ?? '')).flatMap((file): Finding[] => {
      const until = endOf(file)
      if (until === undefined || until - Date.now() > SOON_MS) return []
      const day = new Date(until).toISOString().slice(0, 10)
      const text = until < Date.now() ? `ran out on ${day}: clients refuse it` : `runs out on ${day}`
      return [at(config, name, { severity: 'warning', text: `${name}: the certificate in ${file} ${text}` })]
    }),
  )
}

/** Of its first certificate; undefined where it has none that can be read, which others tell of. */
function endOf(file: string): number | undefined {
  try {
    const [pem] = NO_FILE.has(file) ? [] : certificates(readPem(file))
    return pem === undefined ? undefined : new X509Certificate(pem).validToDate.getTime()
  } catch {
    return undefined
  }
}

function offerFindings(config: Config): Finding[] {
  const cf = config.bind(tlsParams)
  const name = 'smtpd_tls_cert_file'
  const isOffered = !['', 'none'].includes(config.value('smtpd_tls_security_level') ?? '')
  const isOld = config.value('smtpd_use_tls') === 'yes' || config.value('smtpd_enforce_tls') === 'yes'
  if (isOffered || isOld || NO_FILE.has(cf[name]) || config.raw(name) === undefined) return []
  const text = 'there is a certificate, and STARTTLS is not offered: smtpd_tls_security_level is not set'
  return [at(config, name, { severity: 'warning', text, proposal: 'smtpd_tls_security_level = may' })]
}

/** Passwords in clear: by main.cf, and by services of master.cf that take them where main.cf does not, or as it does not. */
export function authFindings(config: Config): Finding[] {
  const proposal = 'smtpd_tls_auth_only = yes'
  const told = { severity: 'warning', name: 'smtpd_tls_auth_only' } as const
  const text = 'passwords are taken without TLS, and can be read on the way'
  const { file, line } = config.origin('smtpd_sasl_auth_enable') ?? { file: config.file, line: 0 }
  const isEverywhere = takesInClear(config)
  const services = config.master.filter(
    ({ type, command, overrides }) =>
      type === 'inet' && SMTP_SERVERS.includes(command) && overrides.size > 0 && takesInClear(config.with(overrides)),
  )
  return [
    ...(isEverywhere ? [{ ...told, file, line, text, proposal }] : []),
    ...(isEverywhere ? [] : services).map(({ name, origin }) => ({
      ...told,
      ...origin,
      text: `${name}: ${text}`,
      proposal,
    })),
  ]
}

function takesInClear(config: Config): boolean {
  const says = (name: string): boolean => config.value(name) === 'yes'
  if (!says('smtpd_sasl_auth_enable') || says('smtpd_tls_auth_only') || says('smtpd_tls_wrappermode')) return false
  const level = config.value('smtpd_tls_security_level') ?? ''
  return level !== 'encrypt' && !(level === '' && says('smtpd_enforce_tls')) // no AUTH before TLS
}

const VERSION_PARAMETERS = [
  'smtpd_tls_mandatory_protocols',
  'smtpd_tls_protocols',
  'smtp_tls_mandatory_protocols',
  'smtp_tls_protocols',
]

/** RFC 8996: versions before 1.2 are not to be used. Only what main.cf sets itself: Postfix's default is wider. */
function versionFindings(config: Config): Finding[] {
  return VERSION_PARAMETERS.flatMap((name): Finding[] => {
    if (config.raw(name) === undefined) return []
    try {
      const { minVersion } = protocolChoice(splitList(config.value(name) ?? ''))
      if (minVersion !== 'TLSv1' && minVersion !== 'TLSv1.1') return []
      const text = `${name}: ${minVersion} is spoken with those who know no better; it has been broken (RFC 8996)`
      return [at(config, name, { severity: 'note', text, proposal: `${name} = >=TLSv1.2` })]
    } catch (error) {
      if (!(error instanceof TlsSettingError)) throw error
      return [at(config, name, { severity: 'error', text: `${name}: ${error.message}; the server does not start so` })]
    }
  })
}
