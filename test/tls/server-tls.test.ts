/** What smtpd_tls_* and tls_* make of a server, seen by clients that speak TLS from the first octet on (port 465). */
import assert from 'node:assert/strict'
import { X509Certificate, createHash } from 'node:crypto'
import { appendFileSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { connect as netConnect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { selfSigned } from '#src/io/net/mod.ts'
import { startServer, type TestServer } from '../support/server.ts'

const made = (name: string): { cert: string; key: string } => selfSigned([name], Date.now())

/** The handshake's outcome, and the server's first line. */
async function meet(server: TestServer, options: ConnectionOptions = {}): Promise<{ socket: TLSSocket; line: string }> {
  const port = server.port('submissions')
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options })
  socket.setEncoding('latin1')
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('closed')))
    socket.once('data', (line: string) => resolve({ socket, line }))
  })
}

/** Says lines one after the other, and answers the replies to them. */
async function say(socket: TLSSocket, lines: readonly string[]): Promise<string[]> {
  const replies: string[] = []
  for (const line of lines) {
    socket.write(`${line}\r\n`)
    replies.push(await new Promise<string>((resolve) => socket.once('data', (text: string) => resolve(text.trimEnd()))))
  }
  return replies
}

test('protocols, ciphers and groups are those that are set', async (t) => {
  const server = await startServer(t, {
    mainCf:
      'smtpd_tls_mandatory_protocols = TLSv1.2\nsmtpd_tls_mandatory_exclude_ciphers = ECDHE-ECDSA-AES256-GCM-SHA384\n' +
      'tls_eecdh_auto_curves = prime256v1\nsmtpd_tls_mandatory_ciphers = high\n' +
      'tls_high_cipherlist = ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256\n',
  })
  await assert.rejects(meet(server, { minVersion: 'TLSv1.3' }))
  await assert.rejects(meet(server, { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384', maxVersion: 'TLSv1.2' }))
  await assert.rejects(meet(server, { ecdhCurve: 'secp384r1' }))
  const { socket } = await meet(server)
  assert.equal(socket.getProtocol(), 'TLSv1.2')
  assert.equal(socket.getCipher().name, 'ECDHE-ECDSA-AES128-GCM-SHA256')
  assert.deepEqual((socket.getEphemeralKeyInfo() as { name: string }).name, 'prime256v1')
  socket.destroy()
})

test('a certificate is chosen by the name that is asked for, and taken anew on reload', async (t) => {
  const [main, shop, sub] = [made('mail.example.test'), made('shop.example.test'), made('sub.other.test')]
  const server = await startServer(t, {
    mainCf:
      'smtpd_tls_chain_files = $config_directory/main.pem\n' +
      'tls_server_sni_maps = inline:{{shop.example.test = $config_directory/shop.pem},{.other.test = $config_directory/sub.pem}}\n',
    files: { 'main.pem': main.key + main.cert, 'shop.pem': shop.key + shop.cert, 'sub.pem': sub.key + sub.cert },
  })
  const shown = async (servername?: string): Promise<string | undefined> => {
    const { socket } = await meet(server, servername === undefined ? {} : { servername })
    const fingerprint = socket.getPeerX509Certificate()?.fingerprint256
    socket.destroy()
    return fingerprint
  }
  const of = (pem: string): string => new X509Certificate(pem).fingerprint256
  assert.equal(await shown(), of(main.cert))
  assert.equal(await shown('shop.example.test'), of(shop.cert))
  assert.equal(await shown('x.other.test'), of(sub.cert))
  assert.equal(await shown('nobody.test'), of(main.cert))
  const renewed = made('mail.example.test')
  writeFileSync(join(server.dir, 'main.pem'), renewed.key + renewed.cert)
  assert.equal(await server.server.reload(), undefined)
  assert.equal(await shown(), of(renewed.cert))
  writeFileSync(join(server.dir, 'main.pem'), 'nothing')
  assert.match((await server.server.reload()) ?? '', /main\.pem: no private key/)
  assert.equal(await shown(), of(renewed.cert))
})

test('client certificates: asked for, told apart by the hash that is set, and required', async (t) => {
  const client = made('client.example.test')
  const digest = createHash('sha1').update(new X509Certificate(client.cert).raw).digest('hex').toUpperCase()
  const server = await startServer(t, {
    mainCf:
      'smtpd_tls_ask_ccert = yes\nsmtpd_tls_fingerprint_digest = sha1\nsmtpd_tls_CAfile = $config_directory/ca.pem\n' +
      'relay_clientcerts = inline:{{FINGERPRINT = ok}}\n'.replace('FINGERPRINT', digest.replace(/..(?=.)/g, '$&:')) +
      'smtpd_tls_loglevel = 1\n',
    files: {
      'ca.pem': client.cert,
      'master.cf':
        'submissions inet n - n - - smtpd\n -o smtpd_tls_wrappermode=yes\n' +
        ' -o { smtpd_relay_restrictions = permit_tls_clientcerts, reject }\n',
    },
  })
  const mail = ['EHLO x', 'MAIL FROM:<a@elsewhere.test>', 'RCPT TO:<b@elsewhere.test>']
  const stranger = await meet(server)
  assert.match((await say(stranger.socket, mail)).at(-1) ?? '', /^554 5\.7\.1 .*Access denied/)
  stranger.socket.destroy()
  const known = await meet(server, { cert: client.cert, key: client.key })
  assert.equal((await say(known.socket, mail)).at(-1), '250 2.1.5 Ok')
  known.socket.destroy()
  await server.logged(/TLS connection established from localhost\[127\.0\.0\.1\]/)

  appendFileSync(join(server.dir, 'main.cf'), 'smtpd_tls_req_ccert = yes\n')
  assert.equal(await server.server.reload(), undefined)
  const required = 'mail.example.test Error: '
  assert.equal((await meet(server)).line, `421 4.7.1 ${required}No client certificate presented\r\n`)
  const other = made('other.example.test')
  const { line } = await meet(server, { cert: other.cert, key: other.key })
  assert.equal(line, `421 4.7.1 ${required}Client certificate not trusted\r\n`)
  assert.match((await meet(server, { cert: client.cert, key: client.key })).line, /^220 /)
})

test('a setting of TLS that is none stops the start', async (t) => {
  await assert.rejects(
    startServer(t, { mainCf: 'smtpd_tls_mandatory_protocols = >=TLSv9\n' }),
    /invalid TLS protocol: "TLSv9"/,
  )
})

test('services are switched off by master_service_disable, and OpenSSL’s options are heard', async (t) => {
  const server = await startServer(t, {
    mainCf:
      'master_service_disable = !smtp/inet inet\ntls_ssl_options = NO_TICKET\ntls_disable_workarounds = CRYPTOPRO_TLSEXT_BUG, 0x800\n',
  })
  assert.deepEqual(
    server.server.services.filter((s) => s.kind === 'smtpd').map((s) => s.name),
    ['smtp'],
  )
  await assert.rejects(startServer(t, { mainCf: 'tls_ssl_options = NO_SUCH\n' }), /unknown OpenSSL option: "NO_SUCH"/)
})

test('behind a load balancer the client is whom it names, with and without TLS', async (t) => {
  const server = await startServer(t, {
    mainCf:
      'smtpd_upstream_proxy_protocol = haproxy\nsmtpd_upstream_proxy_timeout = 1s\nsmtpd_peername_lookup = no\n' +
      'smtpd_client_restrictions = check_client_access inline:{192.0.2.7=reject}\nsmtpd_delay_reject = no\n',
  })
  const header = (address: string): string => `PROXY TCP4 ${address} 198.51.100.1 1111 25\r\n`
  const plain = async (text: string): Promise<string> => {
    const socket = netConnect(server.port('smtp'), '127.0.0.1')
    socket.on('error', () => {})
    socket.write(text)
    const [line] = await Promise.race([once(socket, 'data'), once(socket, 'close')])
    socket.destroy()
    return String(line)
  }
  assert.match(await plain(header('192.0.2.7')), /^554 5\.7\.1 <unknown\[192\.0\.2\.7\]>: Client host rejected/)
  assert.match(await plain(`${header('192.0.2.8')}QUIT\r\n`), /^220 /)
  assert.equal(await plain('EHLO x\r\n'), 'false')
  assert.equal(await plain(''), 'false')
  await server.logged(/warning: haproxy \[127\.0\.0\.1\]: no PROXY header\n/)

  const raw = netConnect(server.port('submissions'), '127.0.0.1')
  raw.write(header('192.0.2.7'))
  const socket = connect({ socket: raw, rejectUnauthorized: false })
  const [greeting] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  assert.match(greeting.toString(), /^220 |^554 /)
  await server.logged(/connect from unknown\[192\.0\.2\.7\]/)
})

test('a client goes on with its session at every listener of the same demands, with what was found of its certificate', async (t) => {
  const client = made('client.example.test')
  const server = await startServer(t, {
    mainCf:
      'smtpd_tls_ask_ccert = yes\nsmtpd_tls_CAfile = $config_directory/ca.pem\nsmtpd_tls_req_ccert = yes\n' +
      'mailbox_services = imaps, pop3s\n',
    files: { 'ca.pem': client.cert },
  })
  const meets = async (service: string, options: ConnectionOptions): Promise<readonly [boolean, string, Buffer]> => {
    const socket = connect({ host: '127.0.0.1', port: server.port(service), rejectUnauthorized: false, ...options })
    const ticket = once(socket, 'session') as Promise<[Buffer]>
    const [line] = (await once(socket, 'data')) as [Buffer]
    const isReused = socket.isSessionReused()
    const session = isReused ? Buffer.alloc(0) : (await ticket)[0]
    socket.destroy()
    return [isReused, line.toString(), session]
  }
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const own = { cert: client.cert, key: client.key, maxVersion }
    const [first, , session] = await meets('submissions', own)
    assert.equal(first, false)
    const [again, line] = await meets('submissions', { ...own, session })
    assert.deepEqual([again, line.slice(0, 4)], [true, '220 '])
    const [, , strange] = await meets('submissions', { maxVersion })
    const [goesOn, refused] = await meets('submissions', { maxVersion, session: strange })
    assert.deepEqual([goesOn, refused.slice(0, 9)], [true, '421 4.7.1'])
    const [, , imap] = await meets('imaps', { maxVersion })
    assert.equal((await meets('pop3s', { maxVersion, session: imap }))[0], true)
    // smtpd_tls_req_ccert asks more of submissions than IMAP asks.
    server.server.rooms.ticketKeys.rotate()
    assert.equal((await meets('submissions', { ...own, session }))[0], false)
  }
  appendFileSync(join(server.dir, 'main.cf'), 'smtpd_tls_session_cache_timeout = 0\n')
  assert.equal(await server.server.reload(), undefined)
  const plain = connect({
    host: '127.0.0.1',
    port: server.port('imaps'),
    rejectUnauthorized: false,
    maxVersion: 'TLSv1.2',
  })
  await once(plain, 'data')
  const kept = plain.getSession()
  plain.destroy()
  assert.ok(kept)
  const later = connect({ host: '127.0.0.1', port: server.port('imaps'), rejectUnauthorized: false, session: kept })
  await once(later, 'data')
  assert.equal(later.isSessionReused(), false)
  later.destroy()
})

test('certificate files that changed are shown by every service, and a wrong one by none', async (t) => {
  const [before, after] = [made('mail.example.test'), made('mail.example.test')]
  const server = await startServer(t, {
    mainCf: 'smtpd_tls_chain_files = $config_directory/main.pem\n',
    files: { 'main.pem': before.key + before.cert },
  })
  const plain: Readonly<Record<string, readonly string[]>> = {
    smtp: ['EHLO x', 'STARTTLS'],
    submission: ['EHLO x', 'STARTTLS'],
    imap: ['a STARTTLS'],
    pop3: ['STLS'],
  }
  const shown = async (service: string): Promise<string | undefined> => {
    const socket = netConnect(server.port(service), '127.0.0.1')
    if (plain[service] !== undefined) await once(socket, 'data')
    for (const line of plain[service] ?? []) {
      socket.write(`${line}\r\n`)
      await once(socket, 'data')
    }
    const secure = connect({ socket, rejectUnauthorized: false })
    await once(secure, 'secureConnect')
    const fingerprint = secure.getPeerX509Certificate()?.fingerprint256
    secure.destroy()
    socket.destroy()
    return fingerprint
  }
  const services = [...Object.keys(plain), 'submissions', 'imaps', 'pop3s']
  const all = async (): Promise<Set<string | undefined>> => new Set(await Promise.all(services.map(shown)))
  const of = (pem: string): string => new X509Certificate(pem).fingerprint256
  assert.deepEqual(await all(), new Set([of(before.cert)]))
  for (const [text, expected] of [
    [after.key + after.cert, after.cert],
    ['nothing', after.cert],
  ] as const) {
    writeFileSync(join(server.dir, 'main.pem'), text)
    await server.server.takeCertificates().catch((error: unknown) => assert.match(String(error), /no private key/))
    assert.deepEqual(await all(), new Set([of(expected)]))
  }
})
