/** The certificate that services show: the configured one, or one of our own making. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../../io/config/mod.ts'
import { createIdentity, selfSigned, type ServerTls } from '../../io/net/mod.ts'
import { mainParams } from './params.ts'

export interface Identity {
  readonly tls: ServerTls
  /** Nobody vouches for it. */
  readonly selfSigned: boolean
}

/** Throws IdentityError, which names the file. */
export function identityOf(config: Config, tlsDir: string, nowMs: number): Identity {
  const cf = config.bind(mainParams)
  const [chain] = cf.smtpd_tls_chain_files
  if (chain !== undefined) return { tls: createIdentity({ certFile: chain, keyFile: chain }), selfSigned: false }
  if (cf.smtpd_tls_cert_file !== '' && cf.smtpd_tls_cert_file !== 'none') {
    return {
      tls: createIdentity({ certFile: cf.smtpd_tls_cert_file, keyFile: cf.smtpd_tls_key_file }),
      selfSigned: false,
    }
  }
  const file = join(tlsDir, 'self-signed.pem')
  if (!existsSync(file)) {
    mkdirSync(tlsDir, { recursive: true, mode: 0o700 })
    const names = [config.value('myhostname') ?? hostname(), 'localhost', '127.0.0.1', '::1']
    const { cert, key } = selfSigned([...new Set(names)], nowMs)
    writeFileSync(file, key + cert, { mode: 0o600 })
  }
  return { tls: createIdentity({ certFile: file, keyFile: file }), selfSigned: true }
}
