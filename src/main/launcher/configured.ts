/** What main.cf and master.cf name that the server may ask for: certificates and keys, groups of commands. */
import { type Config, splitList } from '../../io/config/mod.ts'
import { readConfig } from '../server/rooms.ts'

/** `smtpd_tls_key_file`, `smtp_tls_CAfile`, `smtpd_tls_chain_files` … */
const FILE_PARAMETER = /^(smtpd|smtp|lmtp)_tls_(\w*_)?(file|CAfile|files)$/

/** Absolute paths of TLS files, as the configuration is now. */
export function configuredFiles(directory: string): ReadonlySet<string> {
  return tlsFiles(readConfig({ directory }))
}

export function tlsFiles(config: Config): ReadonlySet<string> {
  const set = config.settings.map(({ name }) => name).filter((name) => FILE_PARAMETER.test(name))
  const values = set.map((name) => config.value(name) ?? '')
  const overrides = config.master.flatMap((service) => {
    const own = config.with(service.overrides)
    return [...service.overrides.keys()]
      .filter((name) => FILE_PARAMETER.test(name))
      .map((name) => own.value(name) ?? '')
  })
  return new Set([...values, ...overrides].flatMap((value) => splitList(value)).filter((word) => word.startsWith('/')))
}

/** Names behind the colon of `user=name:group` in pipe(8) entries. */
export function configuredGroups(directory: string): readonly string[] {
  const words = readConfig({ directory }).master.flatMap((service) => service.args)
  return words.flatMap((word) => /^user=[^:]+:(.+)$/.exec(word)?.[1] ?? [])
}
