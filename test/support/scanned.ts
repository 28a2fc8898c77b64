/** A server as `postigo init` would have it, on free ports of 127.0.0.1, with a certificate of an authority: for scanners. */
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { MASTER_CF, mainCfOf } from '#src/main/cli/init-files.ts'
import { Server } from '#src/main/server/server.ts'
import { certificateMaker } from './authority.ts'

export interface Scanned {
  readonly dir: string
  /** The authority's certificate. */
  readonly caFile: string
  readonly services: readonly { readonly name: string; readonly port: number }[]
}

const NAME = 'mail.example.test'

export async function startScanned(t: Pick<TestContext, 'after'>): Promise<Scanned> {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-scanned-'))
  const { make } = certificateMaker(t)
  const root = make('Root')
  const extensions = ['crlDistributionPoints=URI:http://ca.example.test/crl', 'extendedKeyUsage=serverAuth']
  const own = make(NAME, { by: root, names: [NAME], extensions })
  mkdirSync(join(dir, 'data'))
  const wishes = { hostname: NAME, domains: ['example.test'], aliasFile: undefined, acme: undefined }
  writeFileSync(join(dir, 'main.cf'), mainCfOf({ ...wishes, dataDirectory: join(dir, 'data') }))
  appendFileSync(
    join(dir, 'main.cf'),
    'inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmynetworks = 127.0.0.2\nmailbox_services = imap, imaps, pop3, pop3s\n' +
      // A scanner is a stranger that errs and comes often, and is not to wait for it.
      'smtpd_error_sleep_time = 0\nsmtpd_peername_lookup = no\nsmtpd_client_connection_count_limit = 0\n' +
      'smtpd_tls_chain_files = $config_directory/chain.pem\n',
  )
  writeFileSync(join(dir, 'master.cf'), MASTER_CF)
  writeFileSync(join(dir, 'chain.pem'), own.key + own.cert)
  writeFileSync(join(dir, 'root.pem'), root.cert)
  const { server } = await Server.start({ directory: dir, portOffset: 0, freePorts: true, singleThread: true })
  t.after(async () => {
    await server.stop()
    rmSync(dir, { recursive: true })
  })
  const services = server.services.map(({ name, port }) => ({ name, port }))
  return { dir, caFile: join(dir, 'root.pem'), services }
}
