/** What can be told about TLS before anything runs: files that are not there, passwords and mail in clear, old versions. */
import { type Config, type Finding, splitList } from '../../io/config/mod.ts'
import { IdentityError, protocolChoice, readPem, TlsSettingError } from '../../io/net/mod.ts'
import { TLS_FILE_PARAMETERS } from './identity.ts'
import { tlsParams } from './tls-params.ts'

export function tlsFindings(config: Config): Finding[] {
  return [...fileFindings(config), ...offerFindings(config), ...authFindings(config), ...versionFindings(config)]
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

function offerFindings(config: Config): Finding[] {
  const cf = config.bind(tlsParams)
  const name = 'smtpd_tls_cert_file'
  const isOffered = !['', 'none'].includes(config.value('smtpd_tls_security_level') ?? '')
  const isOld = config.value('smtpd_use_tls') === 'yes' || config.value('smtpd_enforce_tls') === 'yes'
  if (isOffered || isOld || NO_FILE.has(cf[name]) || config.raw(name) === undefined) return []
  const text = 'there is a certificate, and STARTTLS is not offered: smtpd_tls_security_level is not set'
  return [at(config, name, { severity: 'warning', text, proposal: 'smtpd_tls_security_level = may' })]
}

function authFindings(config: Config): Finding[] {
  if (config.value('smtpd_sasl_auth_enable') !== 'yes' || config.value('smtpd_tls_auth_only') === 'yes') return []
  const level = config.value('smtpd_tls_security_level') ?? ''
  if (level === 'encrypt' || (level === '' && config.value('smtpd_enforce_tls') === 'yes')) return [] // no AUTH before TLS
  const { file, line } = config.origin('smtpd_sasl_auth_enable') ?? { file: config.file, line: 0 }
  const text = 'passwords are taken without TLS, and can be read on the way'
  const proposal = 'smtpd_tls_auth_only = yes'
  return [{ severity: 'warning', file, line, name: 'smtpd_tls_auth_only', text, proposal }]
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
