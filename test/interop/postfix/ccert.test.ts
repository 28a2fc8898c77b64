/** Client certificates, side by side: who is known by one, by which digest, and what the tables say. */
import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { connect as netConnect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect as tlsConnect } from 'node:tls'
import { type Certified, certificateMaker } from '../../support/authority.ts'
import { until } from '../../support/mailbox.ts'
import { reasonToSkip, writeView } from './namespace.ts'
import { startPostfix } from './postfix.ts'
import { startPostigo } from './postigo.ts'
import { PORT_OFFSET, portsOf, type World } from './world.ts'

const colons = (hex: string): string => hex.toUpperCase().replace(/(..)(?=.)/g, '$1:')
const ofCertificate = ({ cert }: Certified, digest: string): string =>
  colons(createHash(digest).update(new X509Certificate(cert).raw).digest('hex'))
const ofKey = ({ cert }: Certified, digest: string): string =>
  colons(
    createHash(digest)
      .update(new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' }))
      .digest('hex'),
  )

interface Case {
  readonly overrides: Readonly<Record<string, string>>
}

const permit = (rule: string): Readonly<Record<string, string>> => ({ smtpd_relay_restrictions: `${rule}, reject` })
const CASES: readonly Case[] = [
  ...['sha256', 'sha1', 'md5'].flatMap((digest) => [
    { overrides: { ...permit('permit_tls_clientcerts'), smtpd_tls_fingerprint_digest: digest } },
    {
      overrides: { ...permit('check_ccert_access hash:$config_directory/ccert'), smtpd_tls_fingerprint_digest: digest },
    },
  ]),
  { overrides: permit('permit_tls_all_clientcerts') },
  ...[
    'search_order=pubkey_fingerprint',
    'search_order=cert_fingerprint',
    '{ search_order = cert_fingerprint, pubkey_fingerprint }',
    '{ search_order = PUBKEY_FINGERPRINT }',
    'search_order=name',
    'search_order=',
    'order=pubkey_fingerprint',
  ].map((order) => ({ overrides: permit(`check_ccert_access { hash:$config_directory/ccert, ${order} }`) })),
  { overrides: { ...permit('permit_tls_clientcerts'), smtpd_tls_ask_ccert: 'no' } },
  { overrides: { ...permit('permit_tls_all_clientcerts'), smtpd_tls_ccert_verifydepth: '1' } },
  {
    overrides: {
      ...permit('permit_tls_all_clientcerts'),
      smtpd_tls_req_ccert: 'yes',
      smtpd_tls_security_level: 'encrypt',
    },
  },
]

/** How long a reply may take before the session goes on without it. */
const PATIENCE = 5000

/** One reply, over whatever the connection has become. */
const ask = (socket: Socket, line: string | undefined): Promise<string> =>
  new Promise((resolve) => {
    let text = ''
    const done = (how: string): void => {
      clearTimeout(timer)
      socket.off('data', read).off('close', closed)
      resolve(text.trimEnd() + how)
    }
    const read = (chunk: Buffer): void => {
      text += chunk.toString('latin1')
      if (/^\d{3} .*\r\n$/m.test(text)) done('')
    }
    const closed = (): void => done('<closed>')
    const timer = setTimeout(() => done('<silent>'), PATIENCE)
    if (socket.destroyed) return done('<closed>')
    socket.on('data', read).on('close', closed)
    if (line !== undefined) socket.write(`${line}\r\n`)
  })

async function session(port: number, client: Certified | undefined): Promise<string[]> {
  const plain = netConnect({ host: '127.0.0.1', port, localAddress: '127.0.0.2' })
  plain.on('error', () => {})
  await ask(plain, undefined)
  await ask(plain, 'EHLO c.test')
  const go = await ask(plain, 'STARTTLS')
  if (!go.startsWith('220')) {
    plain.destroy()
    return [go]
  }
  const pair = client === undefined ? {} : { cert: client.cert, key: client.key }
  const secure = tlsConnect({ socket: plain, rejectUnauthorized: false, ...pair })
  secure.on('error', () => {})
  await Promise.race([once(secure, 'secureConnect'), once(secure, 'close')]).catch(() => {})
  const said: string[] = []
  for (const line of ['EHLO c.test', 'MAIL FROM:<a@c.test>', 'RCPT TO:<b@far.test>']) said.push(await ask(secure, line))
  secure.destroy()
  return said.slice(1)
}

test('client certificates, side by side', { skip: reasonToSkip() ?? false, timeout: 110_000 }, async (t) => {
  const { make } = certificateMaker(t)
  const root = make('Root')
  const middle = make('Middle', { by: root })
  const clients: Readonly<Record<string, Certified | undefined>> = {
    'by certificate': make('one', { by: root, names: ['one.test'] }),
    'by key': make('two', { by: root, names: ['two.test'] }),
    'in no table': make('three', { by: root, names: ['three.test'] }),
    'of a stranger': make('four', { by: make('Other'), names: ['four.test'] }),
    'below another authority': chained(make('five', { by: middle, names: ['five.test'] }), middle),
    none: undefined,
  }
  const server = make('mail.example.test', { by: root, names: ['mail.example.test'] })
  const dir = mkdtempSync(join(tmpdir(), 'postigo-ccert-'))
  chmodSync(dir, 0o755)
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  writeView(dir, '127.0.0.1')
  for (const [name, text] of Object.entries({ cert: server.cert, key: server.key, ca: root.cert }))
    writeFileSync(join(dir, `${name}.pem`), text, { mode: 0o644 })
  const digests = ['sha256', 'sha1', 'md5']
  const known = (value: string): string =>
    digests
      .flatMap((digest) => [
        `${ofCertificate(clients['by certificate']!, digest)} ${value}`,
        `${ofKey(clients['by key']!, digest)} ${value}`,
        `${ofCertificate(clients['of a stranger']!, digest)} ${value}`,
      ])
      .join('\n')
  const world: World = {
    name: 'ccert',
    mainCf: `smtpd_tls_security_level = may\nsmtpd_tls_cert_file = ${dir}/cert.pem\nsmtpd_tls_key_file = ${dir}/key.pem
smtpd_tls_CAfile = ${dir}/ca.pem\nsmtpd_tls_ask_ccert = yes\nrelay_clientcerts = hash:$config_directory/relay\nsmtpd_peername_lookup = no
smtpd_authorized_xclient_hosts =\nsmtpd_tls_session_cache_database =\n`,
    files: { relay: `${known('x')}\n`, ccert: `${known('OK')}\n` },
    indexed: ['hash:relay', 'hash:ccert'],
    sessions: CASES.map(({ overrides }, i) => ({ name: String(i), overrides, steps: [] })),
  }
  const place = (name: string): { dir: string; address: string; sinkPort: number } => ({
    dir: join(dir, name),
    address: '127.0.0.1',
    sinkPort: 9,
  })
  const base = 21_700
  const postfix = await startPostfix(world, place('postfix'), base, dir)
  try {
    const postigo = await startPostigo(world, place('postigo'), base, dir, place('postfix').dir)
    try {
      const ports = portsOf(world, base)
      await until('Postfix listens', () => postfix.log().includes('daemon started'))
      const different: string[] = []
      for (const { overrides } of CASES)
        for (const [name, client] of Object.entries(clients)) {
          const port = ports.get(JSON.stringify(overrides)) ?? 0
          const [theirs = [], ours = []] = await Promise.all(
            [port, port + PORT_OFFSET].map((at) => session(at, client)),
          )
          if (theirs.join('\n') !== ours.join('\n'))
            different.push(
              `${JSON.stringify(overrides)}, ${name}\n  Postfix: ${theirs.join(' / ')}\n  Postigo: ${ours.join(' / ')}`,
            )
        }
      assert.deepEqual(different, [])
    } finally {
      await postigo.stop()
    }
  } finally {
    await postfix.stop()
  }
})

/** Shows its issuer's certificate too. */
const chained = (one: Certified, by: Certified): Certified => ({ ...one, cert: `${one.cert}${by.cert}` })
