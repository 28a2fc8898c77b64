/** Certificates by ACME from Debian's pebble, which looks for itself whether the names are ours. RFC 8555, RFC 8737. */
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { connect } from 'node:tls'
import { askControl } from '#src/main/server/control.ts'
import { certificateMaker } from '../support/authority.ts'
import { until } from '../support/mailbox.ts'
import { isOpen, program } from '../support/programs.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { parseZone, startDns } from './postfix/dns.ts'
import { freePort } from '../support/ports.ts'

const skip = existsSync('/usr/bin/pebble') ? false : 'pebble is not installed (npm run setup:test)'

interface Pebble {
  readonly directory: string
  readonly caFile: string
  readonly httpPort: number
  readonly tlsPort: number
}

/** Asks our DNS for the addresses, and refuses some good nonces. */
async function startPebble(t: TestContext, zone: string): Promise<Pebble> {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-pebble-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const { make } = certificateMaker(t)
  const root = make('Root')
  const own = make('pebble', { by: root, names: ['localhost'] })
  for (const [name, text] of [
    ['root.pem', root.cert],
    ['cert.pem', own.cert],
    ['key.pem', own.key],
  ] as const)
    writeFileSync(join(dir, name), text)
  const ports = [await freePort(), await freePort(), await freePort(), await freePort()]
  const [port = 0, management = 0, httpPort = 0, tlsPort = 0] = ports
  const pebble = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${management}`,
    certificate: join(dir, 'cert.pem'),
    privateKey: join(dir, 'key.pem'),
    httpPort,
    tlsPort,
  }
  writeFileSync(join(dir, 'config.json'), JSON.stringify({ pebble }))
  const dns = await startDns('127.0.0.1', parseZone(zone), undefined, 0)
  t.after(() => dns.stop())
  const settings = ['PEBBLE_VA_NOSLEEP=1', 'PEBBLE_WFE_NONCEREJECT=20', 'PEBBLE_AUTHZREUSE=0']
  const command = ['pebble', '-config', join(dir, 'config.json'), '-dnsserver', `127.0.0.1:${dns.port}`]
  await program(t, ['env', ...settings, ...command], () => isOpen('127.0.0.1', port))
  return { directory: `https://localhost:${port}/dir`, caFile: join(dir, 'root.pem'), httpPort, tlsPort }
}

/** Serial numbers of what the services show. */
async function shown(server: TestServer): Promise<string[]> {
  const serials: string[] = []
  for (const name of ['submissions', 'imaps', 'pop3s']) {
    const socket = connect({ port: server.port(name), host: '127.0.0.1', rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    serials.push(socket.getPeerX509Certificate()?.serialNumber ?? '')
    socket.destroy()
  }
  return [...new Set(serials)]
}

const renew = (server: TestServer): ReturnType<typeof askControl> =>
  askControl(join(server.dir, 'data/postigo/control'), { command: 'certificate-renew' })

test(
  'pebble gives a certificate over HTTP and over TLS, and every service shows it without a restart',
  { skip },
  async (t) => {
    const names = ['mail.example.test', 'imap.example.test']
    const pebble = await startPebble(t, names.map((name) => `${name} A 127.0.0.1`).join('\n'))
    const acme = `acme_directory = ${pebble.directory}
acme_agree_to_terms = yes
acme_domains = $myhostname, imap.example.test
acme_contact = postmaster@example.test
acme_ca_file = ${pebble.caFile}
acme_http_listen = 127.0.0.1:${pebble.httpPort}
acme_tls_listen = 127.0.0.1:${pebble.tlsPort}
`
    const server = await startServer(t, { mainCf: acme })
    const isThere = async (): Promise<boolean> => (await server.server.status()).acme?.certificate !== undefined
    await until('there is a certificate', isThere)
    await server.logged(/acme: certificate for mail\.example\.test, imap\.example\.test from localhost/)
    const first = await shown(server)
    assert.equal(first.length, 1)
    const { acme: status } = await server.server.status()
    assert.match(status?.certificate?.issuer ?? '', /Pebble/)
    assert.equal(status?.failures, 0)
    for (const file of ['account.key', 'certificate.pem', 'state.json'])
      assert.equal(statSync(join(server.dir, 'data/postigo/acme', file)).mode & 0o777, 0o600, file)

    const mainCf = readFileSync(join(server.dir, 'main.cf'), 'utf8')
    writeFileSync(join(server.dir, 'main.cf'), `${mainCf}acme_challenge = tls-alpn-01\n`)
    assert.equal(await server.server.reload(), undefined)
    assert.deepEqual(await renew(server), { ok: true })
    const second = await shown(server)
    assert.equal(second.length, 1)
    assert.notDeepEqual(second, first)

    // Where the authority finds nothing, what was shown is shown on.
    writeFileSync(join(server.dir, 'main.cf'), `${mainCf}acme_http_listen = 127.0.0.1:${await freePort()}\n`)
    assert.equal(await server.server.reload(), undefined)
    const refused = await renew(server)
    assert.match(refused.ok ? '' : refused.error, /example\.test: (connection|incorrectResponse|unauthorized)/)
    assert.deepEqual(await shown(server), second)
    await server.logged(/warning: acme: no certificate for .*; next try \d{4}-/)
    await server.restart()
    await until('the certificate is there after a restart', async () => (await shown(server))[0] === second[0])
    const { acme: after } = await server.server.status()
    assert.equal(after?.failures, 1)
    assert.ok((after?.nextMs ?? 0) > Date.now() + 9 * 60_000)
  },
)
