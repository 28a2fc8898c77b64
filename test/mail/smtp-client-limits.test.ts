/** Settings of the SMTP client that count only while a server is slow, or known by its certificate. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { certificateMaker } from '../support/authority.ts'
import { startClient } from '../support/smtp-agent.ts'
import { startTlsSink } from '../support/tls-sink.ts'

/** A server on 127.0.0.1; answers its port. @param command a line of the client's, in plain */
async function serve(t: TestContext, command: (line: string, socket: Socket) => string | undefined): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      const reply = command(chunk.toString('latin1'), socket)
      if (reply !== undefined) socket.write(`${reply}\r\n`)
    })
    socket.write('220 slow.test ESMTP\r\n')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const at = server.address()
  assert.ok(typeof at === 'object' && at !== null)
  return at.port
}

test('smtp_starttls_timeout: a server that says nothing to STARTTLS, or nothing in the handshake', async (t) => {
  const settings = { smtp_tls_security_level: 'encrypt', smtp_starttls_timeout: '1s' } // 300s is the default
  const ehlo = '250-slow.test\r\n250 STARTTLS'
  const trial = async (toStarttls: string | undefined, expected: RegExp): Promise<void> => {
    const port = await serve(t, (line) => {
      if (line.startsWith('EHLO')) return ehlo
      return line.startsWith('STARTTLS') ? toStarttls : undefined
    })
    const client = startClient(t, settings)
    assert.match((await client.deliver(`[127.0.0.1]:${port}`))[0] ?? '', expected)
  }
  await Promise.all([
    trial(undefined, /^4\.4\.2 deferred .* timed out while receiving the STARTTLS response$/),
    trial('220 go', /^4\.7\.5 deferred .* Cannot start TLS: handshake failure$/),
  ])
})

test('smtp_min_data_rate: a slow reader is given up only where it is too slow', async (t) => {
  const message = Buffer.from(`Subject: long\r\n\r\n${`${'y'.repeat(998)}\r\n`.repeat(20_000)}`)
  let rest = ''
  let isData = false
  const port = await serve(t, (text, socket) => {
    if (!isData) {
      isData = text.startsWith('DATA')
      return isData ? '354 go' : '250 ok'
    }
    socket.pause()
    setTimeout(() => socket.resume(), 6)
    rest = (rest + text).slice(-5)
    if (rest !== '\r\n.\r\n') return undefined
    isData = false
    return '250 taken'
  })
  const limits = { smtp_per_request_deadline: 'yes', smtp_data_xfer_timeout: '1s', smtp_tls_security_level: 'none' }
  for (const [rate, expected] of [
    ['1', /^2\.0\.0 sent .* 250 taken$/],
    ['1000000000', /^4\.4\.2 deferred .* timed out while sending message body$/],
  ] as const) {
    isData = false
    const client = startClient(t, { ...limits, smtp_min_data_rate: rate })
    assert.match((await client.deliver(`[127.0.0.1]:${port}`, { message }))[0] ?? '', expected, rate)
  }
})

test('smtp_sasl_tls_verified_security_options: what a known server may be told, and others may not', async (t) => {
  const { make } = certificateMaker(t)
  const root = make('Root')
  const sink = await startTlsSink(t, { ...make('mx', { by: root, names: ['relay.test'] }), offers: ['AUTH PLAIN'] })
  const dir = mkdtempSync(join(tmpdir(), 'postigo-verified-'))
  t.after(() => rmSync(dir, { recursive: true }))
  writeFileSync(join(dir, 'root.pem'), root.cert)
  const settings = {
    smtp_tls_CAfile: join(dir, 'root.pem'),
    smtp_tls_secure_cert_match: 'relay.test',
    smtp_sasl_auth_enable: 'yes',
    smtp_sasl_password_maps: 'static:ana:secret',
    smtp_sasl_security_options: 'noanonymous, noplaintext',
  }
  const refused = /^4\.7\.0 deferred .* SASL authentication failed; cannot authenticate .* no mechanism available$/
  for (const [level, verified, expected] of [
    ['secure', 'noanonymous', /^2\.0\.0 sent /],
    ['secure', 'noanonymous, noplaintext', refused],
    ['secure', undefined, refused], // as smtp_sasl_tls_security_options
    ['encrypt', 'noanonymous', refused],
  ] as const) {
    sink.heard.length = 0
    const own = verified === undefined ? {} : { smtp_sasl_tls_verified_security_options: verified }
    const client = startClient(t, { ...settings, ...own, smtp_tls_security_level: level })
    assert.match((await client.deliver(`[127.0.0.1]:${sink.port}`))[0] ?? '', expected, `${level} ${verified}`)
    assert.equal(
      sink.heard.some((line) => line.startsWith('AUTH PLAIN ')),
      expected !== refused,
    )
  }
})
