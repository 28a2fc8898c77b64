/** Certificates for tests, made by the openssl program: authorities one under the other, and what they vouch for. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

export interface Certified {
  readonly cert: string
  readonly key: string
}

export interface CertificateOptions {
  /** Who signs; itself where there is none. */
  readonly by?: Certified
  /** DNS names and addresses; an authority has none. */
  readonly names?: readonly string[]
  /** Further lines of openssl's `-extfile`. */
  readonly extensions?: readonly string[]
  readonly days?: number
  /** Of an authority: how many others may stand under it. */
  readonly pathLength?: number
  /** `ec`, where it is not said. */
  readonly keyType?: 'ec' | 'rsa'
  /** Whose key it has; one of its own where there is none. */
  readonly keyOf?: Certified
}

export interface CertificateMaker {
  readonly make: (subject: string, options?: CertificateOptions) => Certified
}

/** Files in between are gone when the test ends. */
export function certificateMaker(t: Pick<TestContext, 'after'>): CertificateMaker {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-ca-'))
  t.after(() => rmSync(dir, { recursive: true }))
  let made = 0
  const openssl = (words: readonly string[]): void => void execFileSync('openssl', words, { cwd: dir, stdio: 'pipe' })
  return {
    make(subject, { by, names, extensions = [], days = 30, pathLength, keyType = 'ec', keyOf } = {}) {
      const file = `c${made++}`
      const most = pathLength === undefined ? '' : `,pathlen:${pathLength}`
      const constraint = names === undefined ? `basicConstraints=critical,CA:TRUE${most}` : alternatives(names)
      writeFileSync(join(dir, `${file}.ext`), [constraint, ...extensions].join('\n'))
      if (keyOf !== undefined) writeFileSync(join(dir, `${file}.key`), keyOf.key)
      const kind = keyType === 'ec' ? ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] : ['rsa:2048']
      const fresh = ['-newkey', ...kind, '-nodes', '-keyout', `${file}.key`]
      const key = keyOf === undefined ? fresh : ['-new', '-key', `${file}.key`]
      openssl(['req', ...key, '-subj', `/CN=${subject}`, '-out', `${file}.csr`])
      if (by !== undefined) writeFileSync(join(dir, 'by.pem'), by.cert + by.key)
      const signer = by === undefined ? ['-signkey', `${file}.key`] : ['-CA', 'by.pem', '-CAkey', 'by.pem']
      const sign = ['x509', '-req', '-in', `${file}.csr`, ...signer, '-set_serial', String(1000 + made)]
      openssl([...sign, '-days', String(days), '-extfile', `${file}.ext`, '-out', `${file}.pem`])
      const read = (suffix: string): string => readFileSync(join(dir, file + suffix), 'latin1')
      return { cert: read('.pem'), key: read('.key') }
    },
  }
}

function alternatives(names: readonly string[]): string {
  return `subjectAltName=${names.map((name) => `${isIP(name) === 0 ? 'DNS' : 'IP'}:${name}`).join(',')}`
}
