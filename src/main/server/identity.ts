/** The certificate that services show, and what TLS may be like: as configured, or a certificate of our own making. */
import { constants, getCurves } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { getCACertificates } from 'node:tls'
import { type Config, ConfigError, type Origin, type Settings, splitList } from '../../io/config/mod.ts'
import {
  certificates,
  cipherChoice,
  createIdentity,
  groupChoice,
  hashedFiles,
  IdentityError,
  type IdentitySettings,
  optionBits,
  protocolChoice,
  readPem,
  selfSigned,
  type ServerTls,
  type TicketKeys,
} from '../../io/net/mod.ts'
import type { Tables } from '../../io/tables/mod.ts'
import { smtpdParams } from '../../services/smtpd/mod.ts'
import { tlsParams } from './tls-params.ts'

type TlsSettings = Settings<typeof tlsParams>

export interface Identity {
  readonly tls: ServerTls
  /** Nobody vouches for it. */
  readonly selfSigned: boolean
}

export interface IdentityOptions {
  /** With the -o of the listener. */
  readonly config: Config
  /** Where the certificate of our own making lies. */
  readonly tlsDir: string
  readonly nowMs: number
  readonly tables: Pick<Tables, 'maps'>
  /** TLS is required: the mandatory_ forms of the settings hold. */
  readonly required?: boolean
  /** What sessions are sealed with. */
  readonly ticketKeys?: TicketKeys
  /** What an ACME authority gave, in the place of the files that main.cf names; key and certificates in one file. */
  readonly brought?: string | undefined
  /** Files that the launcher read: the server may not. */
  readonly handed?: ReadonlyMap<string, string>
}

/** Throws ConfigError where a file cannot be used, or TlsSettingError. */
export function identityOf(options: IdentityOptions): Identity {
  try {
    return identity(options)
  } catch (error) {
    if (!(error instanceof IdentityError)) throw error
    const { name, at } = settingOf(options.config, error.file)
    throw new ConfigError(name === '' ? error.message : `${name}: ${error.message}`, at, error)
  }
}

/** Parameters of TLS that name files of the server's. */
export const TLS_FILE_PARAMETERS = [
  'smtpd_tls_chain_files',
  'smtpd_tls_cert_file',
  'smtpd_tls_key_file',
  'smtpd_tls_eccert_file',
  'smtpd_tls_eckey_file',
  'smtpd_tls_CAfile',
  'smtpd_tls_dh1024_param_file',
] as const

/** The setting that names a file; name `''` for one that stands in no parameter, but in a table. */
function settingOf(config: Config, file: string): { readonly name: string; readonly at: Origin } {
  const name =
    [...TLS_FILE_PARAMETERS, 'smtpd_tls_CApath'].find((one) => splitList(config.value(one) ?? '').includes(file)) ?? ''
  return { name, at: config.origin(name) ?? { file: config.file, line: 0 } }
}

function identity(options: IdentityOptions): Identity {
  const { config, tables, required = false, handed } = options
  const cf = config.bind(tlsParams)
  const own = ownFiles(cf)
  const isOwn = options.brought !== undefined || cf.smtpd_tls_chain_files.length > 0 || own.length > 0
  const files = isOwn ? own : [{ certFile: madeFile(options), keyFile: '' }]
  const forName = cf.tls_server_sni_maps === '' ? undefined : chainsByName(cf.tls_server_sni_maps, tables)
  const settings: IdentitySettings = {
    files,
    chainFiles: options.brought === undefined ? cf.smtpd_tls_chain_files : [options.brought],
    ...(handed !== undefined && { handed }),
    ...choices(cf, required),
    ...sessions(cf, options.ticketKeys),
    handshakeMs: config.bind(smtpdParams).smtpd_starttls_timeout,
    ...(forName !== undefined && { forName }),
    ...clientSettings(cf, required && config.bind(smtpdParams).smtpd_tls_req_ccert),
  }
  return { tls: createIdentity(settings), selfSigned: !isOwn }
}

/** Files whose first certificate is shown where a listener has none of its own. */
export function shownFiles(config: Config, tlsDir: string, brought: string | undefined): string[] {
  const cf = config.bind(tlsParams)
  if (brought !== undefined) return [brought]
  if (cf.smtpd_tls_chain_files.length > 0) return [...cf.smtpd_tls_chain_files]
  const own = ownFiles(cf).map(({ certFile }) => certFile)
  return own.length > 0 ? own : [join(tlsDir, 'self-signed.pem')].filter((file) => existsSync(file))
}

function ownFiles(cf: TlsSettings): IdentitySettings['files'] {
  const pairs = [
    { certFile: cf.smtpd_tls_cert_file, keyFile: cf.smtpd_tls_key_file },
    { certFile: cf.smtpd_tls_eccert_file, keyFile: cf.smtpd_tls_eckey_file },
  ]
  return pairs.filter(({ certFile }) => certFile !== '' && certFile !== 'none')
}

const withoutTickets = (cf: TlsSettings): readonly string[] =>
  sessionLifetime(cf) === 0 ? [...cf.tls_ssl_options, 'NO_TICKET'] : cf.tls_ssl_options

/** Protocols, ciphers and groups. */
function choices(cf: TlsSettings, required: boolean): Partial<IdentitySettings> {
  const excluded = required
    ? [...cf.smtpd_tls_exclude_ciphers, ...cf.smtpd_tls_mandatory_exclude_ciphers]
    : cf.smtpd_tls_exclude_ciphers
  const groups = [...cf.tls_eecdh_auto_curves, ...cf.tls_ffdhe_auto_groups]
  const parameters = cf.smtpd_tls_dh1024_param_file
  const { secureOptions, ...versions } = protocolChoice(
    required ? cf.smtpd_tls_mandatory_protocols : cf.smtpd_tls_protocols,
  )
  return {
    ...versions,
    // A client could have the server work for it without end: CVE-2011-1473.
    secureOptions:
      secureOptions | constants.SSL_OP_NO_RENEGOTIATION | optionBits(withoutTickets(cf), cf.tls_disable_workarounds),
    ciphers: cipherChoice(required ? cf.smtpd_tls_mandatory_ciphers : cf.smtpd_tls_ciphers, excluded, cf),
    groups: groupChoice(groups, getCurves()),
    preferOwnOrder: cf.tls_preempt_cipherlist,
    ...(parameters !== 'none' && {
      dhParameters: parameters === '' || parameters === 'auto' ? 'auto' : readPem(parameters),
    }),
  }
}

/** smtpd_tls_session_cache_timeout: how long a session may be gone on with; 0: no sessions. */
function sessions(cf: TlsSettings, keys: TicketKeys | undefined): Partial<IdentitySettings> {
  const lifetimeMs = sessionLifetime(cf)
  if (keys === undefined || lifetimeMs === 0) return {}
  return { tickets: { keys, lifetimeSeconds: lifetimeMs / 1000 } }
}

/** postconf(5): less than two minutes is two minutes, and 100 days are the most. */
const SESSION_MIN_MS = 120_000
const SESSION_MAX_MS = 100 * 86_400_000

export function sessionLifetime({
  smtpd_tls_session_cache_timeout: ms,
}: Pick<TlsSettings, 'smtpd_tls_session_cache_timeout'>): number {
  return ms <= 0 ? 0 : Math.min(Math.max(ms, SESSION_MIN_MS), SESSION_MAX_MS)
}

function clientSettings(cf: TlsSettings, isRequired: boolean): Partial<IdentitySettings> {
  const fingerprintDigest = cf.smtpd_tls_fingerprint_digest
  if (!cf.smtpd_tls_ask_ccert && !isRequired) return { fingerprintDigest }
  return { fingerprintDigest, askClientCertificate: true, authorities: authorities(cf) }
}

/** The most files of smtpd_tls_CApath that are read. */
const MAX_AUTHORITY_FILES = 1000

function authorities(cf: TlsSettings): string[] {
  const { smtpd_tls_CAfile: file, smtpd_tls_CApath: path } = cf
  const inPath = path === '' ? [] : hashedFiles(path).slice(0, MAX_AUTHORITY_FILES)
  const texts = [...(file === '' ? [] : [file]), ...inPath].flatMap((one) => certificates(readPem(one)))
  return [...texts, ...(cf.tls_append_default_CA ? getCACertificates('system') : [])]
}

/** tls_server_sni_maps: the name, then `.domain` above it; files, or what stood in them when the index was made. */
function chainsByName(spec: string, tables: IdentityOptions['tables']): (name: string) => Promise<string | undefined> {
  const maps = tables.maps(spec)
  return async (name) => {
    for (let key = name; key !== ''; key = parentOf(key)) {
      const found = await maps.find(key)
      if (found === undefined) continue
      const text = Buffer.from(found.result, 'base64').toString('latin1')
      if (text.includes('-----BEGIN ')) return text
      return found.result
        .split(/[\s,]+/)
        .map((file) => readPem(file))
        .join('\n')
    }
    return undefined
  }
}

/** `mail.example.com` → `.example.com` → `.com` → `''`. */
function parentOf(name: string): string {
  const dot = name.indexOf('.', 1)
  return dot < 0 ? '' : name.slice(dot)
}

/** Made once, before others look for it. */
function madeFile({ config, tlsDir, nowMs }: IdentityOptions): string {
  const file = join(tlsDir, 'self-signed.pem')
  if (existsSync(file)) return file
  mkdirSync(tlsDir, { recursive: true, mode: 0o700 })
  const names = [config.value('myhostname') ?? hostname(), 'localhost', '127.0.0.1', '::1']
  const { cert, key } = selfSigned([...new Set(names)], nowMs)
  writeFileSync(file, key + cert, { mode: 0o600 })
  return file
}
