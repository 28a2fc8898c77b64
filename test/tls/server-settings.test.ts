/** Parameters of smtpd's TLS one by one: each is changed, and clients that speak TLS after STARTTLS or at once see it. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { connect as netConnect, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { certificateMaker } from '../support/authority.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

const AES128 = 'ECDHE-ECDSA-AES128-GCM-SHA256'
const AES256 = 'ECDHE-ECDSA-AES256-GCM-SHA384'

/** The longest that an answer may take. */
const LIMIT_MS = 8000

const reply = async (socket: Socket): Promise<string> =>
  String((await once(socket, 'data', { signal: AbortSignal.timeout(LIMIT_MS) }))[0])

/** A client on port 25 that was told to start TLS. */
async function toldToStart(server: TestServer): Promise<Socket> {
  const socket = netConnect(server.port('smtp'), '127.0.0.1')
  assert.match(await reply(socket), /^220 /)
  for (const [command, answer] of [
    ['EHLO x', /^250-[^]*\r\n250 /],
    ['STARTTLS', /^220 /],
  ] as const) {
    socket.write(`${command}\r\n`)
    assert.match(await reply(socket), answer)
  }
  return socket
}

/** With TLS after STARTTLS. Rejects where the handshake fails. */
async function startTls(server: TestServer, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const plain = await toldToStart(server)
  const socket = connect({ socket: plain, rejectUnauthorized: false, ...options })
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(LIMIT_MS) })
    return socket
  } catch (error) {
    plain.destroy()
    throw error
  }
}

/** What the handshake came to by `of`; `none` where it failed. */
async function agreed(
  server: TestServer,
  options: ConnectionOptions,
  of: (socket: TLSSocket) => string | undefined,
): Promise<string | undefined> {
  let socket: TLSSocket
  try {
    socket = await startTls(server, options)
  } catch {
    return 'none'
  }
  const value = of(socket)
  socket.destroy()
  return value
}

test('smtpd_tls_ciphers, smtpd_tls_exclude_ciphers and tls_preempt_cipherlist choose the cipher', async (t) => {
  const grades = `tls_high_cipherlist = ${AES128}\ntls_medium_cipherlist = ${AES256}\n`
  const both = [`${AES128}:${AES256}`, `${AES256}:${AES128}`] as const
  const table: readonly (readonly [mainCf: string, offered: string, cipher: string])[] = [
    [`${grades}smtpd_tls_ciphers = high\n`, both[1], AES128],
    [`${grades}smtpd_tls_ciphers = medium\n`, both[0], AES256],
    ['smtpd_tls_exclude_ciphers = MD5, AESGCM+AES256\n', both[1], AES128],
    [`smtpd_tls_exclude_ciphers = ${AES128}, aNULL\n`, both[0], AES256],
    ['smtpd_tls_exclude_ciphers = aECDSA\n', both[0], 'none'],
    ['tls_preempt_cipherlist = no\n', both[0], AES128],
    ['tls_preempt_cipherlist = yes\n', both[0], AES256],
  ]
  for (const [mainCf, ciphers, cipher] of table) {
    const server = await startServer(t, { mainCf })
    const options = { ciphers, maxVersion: 'TLSv1.2' } as const
    assert.equal(await agreed(server, options, (socket) => socket.getCipher().name), cipher, `${mainCf} ${ciphers}`)
  }
})

test('tls_ffdhe_auto_groups are the groups of TLS 1.3 beside the curves', async (t) => {
  const table: readonly (readonly [groups: string, asked: string, agreed: string])[] = [
    ['ffdhe2048 ffdhe3072', 'ffdhe3072', '3072'],
    ['ffdhe4096', 'ffdhe3072', 'none'],
    ['ffdhe4096', 'ffdhe4096', '4096'],
    ['', 'ffdhe2048', 'none'],
  ]
  for (const [groups, ecdhCurve, expected] of table) {
    const server = await startServer(t, { mainCf: `tls_ffdhe_auto_groups = ${groups}\n` })
    const size = await agreed(server, { ecdhCurve }, (socket) => {
      const info = socket.getEphemeralKeyInfo()
      return info !== null && 'size' in info ? String(info.size) : 'no key'
    })
    assert.equal(size, expected, `${groups} ${ecdhCurve}`)
  }
})

test('smtpd_tls_eccert_file and smtpd_tls_eckey_file: who takes no RSA sees the ECDSA certificate', async (t) => {
  const { make } = certificateMaker(t)
  const rsa = make('rsa', { names: ['mail.example.test'], keyType: 'rsa' })
  const ec = make('ec', { names: ['mail.example.test'] })
  const files = { 'rsa.pem': rsa.cert + rsa.key, 'ec.pem': ec.cert, 'ec.key': ec.key, 'both.pem': ec.key + ec.cert }
  const main = 'smtpd_tls_cert_file = $config_directory/rsa.pem\n'
  const eccert = 'smtpd_tls_eccert_file = $config_directory'
  const table: readonly (readonly [mainCf: string, onlyEcdsa: string])[] = [
    [main, 'none'],
    [`${main}${eccert}/both.pem\n`, ec.cert],
    [`${main}${eccert}/ec.pem\nsmtpd_tls_eckey_file = $config_directory/ec.key\n`, ec.cert],
  ]
  const shown = (socket: TLSSocket): string | undefined => socket.getPeerX509Certificate()?.fingerprint256
  const fingerprint = (pem: string): string => (pem === 'none' ? pem : new X509Certificate(pem).fingerprint256)
  for (const [mainCf, onlyEcdsa] of table) {
    const server = await startServer(t, { mainCf, files })
    const [withRsa, withEcdsa] = ['rsa_pss_rsae_sha256', 'ecdsa_secp256r1_sha256'].map((sigalgs) =>
      agreed(server, { sigalgs }, shown),
    )
    assert.equal(await withRsa, fingerprint(rsa.cert), mainCf)
    assert.equal(await withEcdsa, fingerprint(onlyEcdsa), mainCf)
  }
  await assert.rejects(
    startServer(t, { mainCf: `${main}${eccert}/ec.pem\nsmtpd_tls_eckey_file = $config_directory/none\n`, files }),
    /smtpd_tls_eckey_file: .*none: No such file or directory/,
  )
})

test('smtpd_tls_CApath: clients are trusted by the files that have a hash for a name', async (t) => {
  const { make } = certificateMaker(t)
  const [known, unnamed] = [make('known'), make('unnamed')]
  const server = await startServer(t, {
    mainCf: 'smtpd_tls_security_level = encrypt\nsmtpd_tls_req_ccert = yes\n',
  })
  const authorities = join(server.dir, 'authorities')
  mkdirSync(join(authorities, 'deadbeef.d'), { recursive: true })
  writeFileSync(join(authorities, 'unnamed.pem'), unnamed.cert)
  writeFileSync(join(authorities, 'README'), 'see c_rehash(1)\n')
  const hash = execFileSync('openssl', ['x509', '-hash', '-noout'], { input: known.cert }).toString().trim()
  writeFileSync(join(authorities, `${hash}.0`), known.cert)
  const isTrusted = async (by: typeof known): Promise<boolean> => {
    const { cert, key } = make('client', { by, names: ['client.example.test'] })
    const socket = await startTls(server, { cert, key })
    socket.write('NOOP\r\n')
    const said = await reply(socket)
    socket.destroy()
    assert.match(said, /^250 2\.0\.0 Ok|^421 4\.7\.1 .*Client certificate not trusted/)
    return said.startsWith('250')
  }
  assert.equal(await isTrusted(known), false)
  const set = (path: string): void => appendFileSync(join(server.dir, 'main.cf'), `smtpd_tls_CApath = ${path}\n`)
  set('$config_directory/authorities')
  assert.equal(await server.server.reload(), undefined)
  assert.equal(await isTrusted(known), true)
  assert.equal(await isTrusted(unnamed), false)
  set('/nowhere')
  assert.match((await server.server.reload()) ?? '', /smtpd_tls_CApath: \/nowhere: No such file or directory/)
})

test('smtpd_starttls_timeout ends a handshake that the client does not go on with', async (t) => {
  const server = await startServer(t, { mainCf: 'smtpd_starttls_timeout = 1s\n' })
  const silent = [await toldToStart(server), netConnect(server.port('submissions'), '127.0.0.1')]
  const startMs = performance.now()
  await Promise.all(
    silent.map(async (socket) => {
      socket.resume()
      await once(socket, 'close', { signal: AbortSignal.timeout(LIMIT_MS) })
    }),
  )
  assert.ok(performance.now() - startMs > 500)
  await server.logged(/SSL_accept error from localhost\[127\.0\.0\.1\]: TLS handshake timed out/)
})

test('a client that leaves in the middle of a handshake is not waited for', async (t) => {
  const server = await startServer(t)
  const socket = await toldToStart(server)
  socket.end()
  await server.logged(/SSL_accept error from localhost\[127\.0\.0\.1\]: Connection lost in the TLS handshake/)
  await server.logged(/lost connection after STARTTLS from localhost/)
})

test('smtpd_enforce_tls is smtpd_tls_security_level = encrypt where that is not set', async (t) => {
  const server = await startServer(t, {
    mainCf: 'smtpd_tls_security_level =\nsmtpd_enforce_tls = yes\nsmtpd_tls_mandatory_protocols = TLSv1.2\n',
  })
  await transcript(
    server.port('smtp'),
    `S: 220 …
    C: EHLO x
    S: 250-mail.example.test
    S: 250-PIPELINING
    S: 250-SIZE 10240000
    S: 250-VRFY
    S: 250-ETRN
    S: 250-STARTTLS
    S: 250-ENHANCEDSTATUSCODES
    S: 250-8BITMIME
    S: 250-DSN
    S: 250-SMTPUTF8
    S: 250 CHUNKING
    C: MAIL FROM:<a@b.test>
    S: 530 5.7.0 Must issue a STARTTLS command first`,
  )
  const socket = await startTls(server)
  assert.equal(socket.getProtocol(), 'TLSv1.2', 'the mandatory settings hold')
  socket.write('EHLO x\r\n')
  assert.match(await reply(socket), /^250-AUTH PLAIN/m)
  socket.write('MAIL FROM:<a@b.test>\r\n')
  assert.equal(await reply(socket), '250 2.1.0 Ok\r\n')
  socket.destroy()
  const level = await startServer(t, { mainCf: 'smtpd_enforce_tls = yes\n' })
  const mail = 'S: 220 …\nC: HELO x\nS: 250 …\nC: MAIL FROM:<a@b.test>\nS: 250 2.1.0 Ok'
  await transcript(level.port('smtp'), mail)
})
