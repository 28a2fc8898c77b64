/** The SMTP and the LMTP client's own certificates, anchors and caution, against a server that tells who came. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { certificateMaker } from '../support/authority.ts'
import { submit, until } from '../support/mailbox.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { startTlsSink, type TlsSink, type TlsSinkMood } from '../support/tls-sink.ts'

interface Trial {
  readonly mood: TlsSinkMood
  readonly settings: string
  readonly files: Readonly<Record<string, string>>
  /** Header fields of the message. */
  readonly fields?: string
}

const RESULT = /mtp\[\d+\]: .*dsn=([\d.]+), status=(\w+) (\(.*)$/m

/** `dsn status`, and who came. */
async function deliver(
  t: TestContext,
  { mood, settings, files, fields = '' }: Trial,
): Promise<[result: string, took: string[]]> {
  const sink: TlsSink = await startTlsSink(t, mood)
  const lmtp = settings.includes('lmtp_') ? 'lmtp:' : 'smtp:'
  const server: TestServer = await startServer(t, {
    mainCf: `default_transport = ${lmtp}[127.0.0.1]:${sink.port}\n${settings}`,
    files,
  })
  assert.equal(await submit(server, 'a@else.test', ['bob@far.test'], `${fields}Subject: x\n\nx\n`), 250)
  await until('there is a result', () => RESULT.test(server.log()))
  const [, dsn, status] = RESULT.exec(server.log()) ?? []
  return [`${dsn} ${status}`, sink.took]
}

test('the client shows what is set, and trusts whom it is told to', async (t) => {
  const { make } = certificateMaker(t)
  const [root, stranger] = [make('Root'), make('Stranger')]
  const server = make('server', { by: root, names: ['localhost', '127.0.0.1'] })
  const client = make('client.test', { names: ['client.test'] })
  const mood = { ...server, asks: true }
  const files = {
    'client.pem': client.cert + client.key,
    'client.cert': client.cert,
    'client.key': client.key,
    'root.pem': root.cert,
    'stranger.pem': stranger.cert,
  }
  const encrypt = 'smtp_tls_security_level = encrypt\n'
  const secure = 'smtp_tls_security_level = secure\nsmtp_tls_secure_cert_match = localhost\n'
  const dir = '$config_directory'
  const table: [settings: string, result: string, took: string[]][] = [
    [encrypt, '2.0.0 sent', ['tls -']],
    [`${encrypt}smtp_tls_cert_file = ${dir}/client.pem\n`, '2.0.0 sent', ['tls client.test']],
    [
      `${encrypt}smtp_tls_cert_file = ${dir}/client.cert\nsmtp_tls_key_file = ${dir}/client.key\n`,
      '2.0.0 sent',
      ['tls client.test'],
    ],
    [
      `${encrypt}smtp_tls_eccert_file = ${dir}/client.cert\nsmtp_tls_eckey_file = ${dir}/client.key\n`,
      '2.0.0 sent',
      ['tls client.test'],
    ],
    [`${encrypt}smtp_tls_chain_files = ${dir}/client.key, ${dir}/client.cert\n`, '2.0.0 sent', ['tls client.test']],
    [`${encrypt}smtp_tls_chain_files = ${dir}/client.cert\n`, '4.7.5 deferred', []],
    [`lmtp_tls_security_level = encrypt\nlmtp_tls_cert_file = ${dir}/client.pem\n`, '2.0.0 sent', ['tls client.test']],
    [`${secure}smtp_tls_trust_anchor_file = ${dir}/root.pem\n`, '2.0.0 sent', ['tls -']],
    [`${secure}smtp_tls_trust_anchor_file = ${dir}/stranger.pem\n`, '4.7.5 deferred', []],
    [`${secure}smtp_tls_trust_anchor_file = ${dir}/stranger.pem, ${dir}/root.pem\n`, '2.0.0 sent', ['tls -']],
    [
      `${secure}smtp_tls_CAfile = ${dir}/root.pem\nsmtp_tls_trust_anchor_file = ${dir}/stranger.pem\n`,
      '4.7.5 deferred',
      [],
    ],
    ['smtp_tls_per_site = inline:{127.0.0.1=MUST_NOPEERMATCH}\n', '2.0.0 sent', ['tls -']],
    ['smtp_tls_per_site = inline:{127.0.0.1=MUST}\n', '4.7.5 deferred', []],
  ]
  for (const [settings, result, took] of table)
    await t.test(settings, async (sub) => {
      assert.deepEqual(await deliver(sub, { mood, settings, files }), [result, took])
    })
  await t.test('TLS-Required: no', async (sub) => {
    const wish = 'TLS-Required: No\n'
    const maps = 'smtp_tls_policy_maps = static:verify\n'
    const rows: [settings: string, mood: TlsSinkMood, fields: string, result: string, took: string[]][] = [
      [secure, server, '', '4.7.5 deferred', []],
      [secure, server, wish, '2.0.0 sent', ['tls -']],
      [maps, server, wish, '2.0.0 sent', ['plain']],
      [encrypt, { ...server, plain: true }, wish, '2.0.0 sent', ['plain']],
      [`${secure}tls_required_enable = no\n`, server, wish, '4.7.5 deferred', []],
      ['smtp_tls_security_level = none\n', server, wish, '2.0.0 sent', ['plain']],
    ]
    for (const [settings, one, fields, result, took] of rows)
      assert.deepEqual(await deliver(sub, { mood: one, settings, files, fields }), [result, took], settings + fields)
  })
  await t.test('smtp_tls_block_early_mail_reply', async (sub) => {
    const early = { ...server, early: true }
    const refused = await deliver(sub, {
      mood: early,
      settings: `${encrypt}smtp_tls_block_early_mail_reply = yes\n`,
      files,
    })
    assert.deepEqual(refused, ['4.7.0 deferred', []])
    assert.notEqual((await deliver(sub, { mood: early, settings: encrypt, files }))[0], '4.7.0 deferred')
  })
})

test('which TLS, with whom, and what is noted', async (t) => {
  const { make } = certificateMaker(t)
  const server = make('server', { by: make('Root'), names: ['localhost'] })
  const { fingerprint, fingerprint256 } = new X509Certificate(server.cert)
  const old = { ...server, context: { maxVersion: 'TLSv1.2' as const, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' } }
  const encrypt = 'smtp_tls_security_level = encrypt\n'
  const byPrint = (digest: string, print: string): string =>
    `smtp_tls_security_level = fingerprint\nsmtp_tls_fingerprint_digest = ${digest}\nsmtp_tls_fingerprint_cert_match = ${print}\n`
  const none = 'smtp_tls_security_level =\n'
  const rows: [settings: string, mood: TlsSinkMood, result: string, took: string[]][] = [
    [`${none}smtp_use_tls = yes\n`, server, '2.0.0 sent', ['tls -']],
    [`${none}smtp_use_tls = no\n`, server, '2.0.0 sent', ['plain']],
    [`${none}smtp_enforce_tls = yes\n`, server, '4.7.5 deferred', []],
    [`${none}smtp_enforce_tls = yes\nsmtp_tls_enforce_peername = no\n`, server, '2.0.0 sent', ['tls -']],
    [encrypt, old, '2.0.0 sent', ['tls -']],
    [`${encrypt}smtp_tls_mandatory_protocols = >=TLSv1.3\n`, old, '4.7.5 deferred', []],
    [`${encrypt}smtp_tls_mandatory_exclude_ciphers = AES128\n`, old, '4.7.5 deferred', []],
    [`${encrypt}smtp_tls_exclude_ciphers = AES128\n`, old, '4.7.5 deferred', []],
    [`${encrypt}smtp_tls_mandatory_ciphers = high\ntls_high_cipherlist = AES256\n`, old, '4.7.5 deferred', []],
    [byPrint('sha1', fingerprint), server, '2.0.0 sent', ['tls -']],
    [byPrint('sha256', fingerprint256), server, '2.0.0 sent', ['tls -']],
    [byPrint('sha256', fingerprint), server, '4.7.5 deferred', []],
  ]
  for (const [settings, mood, result, took] of rows)
    await t.test(settings, async (sub) => {
      assert.deepEqual(await deliver(sub, { mood, settings, files: {} }), [result, took])
    })

  for (const [settings, asked, noted] of [
    [`${encrypt}smtp_tls_servername = hostname\n`, ['localhost'], false],
    [encrypt, [], false],
    ['smtp_tls_security_level = none\nsmtp_tls_note_starttls_offer = yes\n', [], true],
  ] as const) {
    const sink = await startTlsSink(t, server)
    const mainCf = `smtp_host_lookup = native\ndefault_transport = smtp:[localhost]:${sink.port}\n${settings}`
    const one = await startServer(t, { mainCf })
    await submit(one, 'a@else.test', ['bob@far.test'], 'Subject: x\n\nx\n')
    await until('there is a result', () => RESULT.test(one.log()))
    assert.deepEqual(sink.asked, asked, settings)
    assert.equal(/Host offered STARTTLS: \[localhost\]/.test(one.log()), noted, settings)
  }
})

test('a session that breaks off under TLS goes on without, once the mail has waited', async (t) => {
  const { make } = certificateMaker(t)
  for (const breaksAt of ['EHLO', 'MAIL']) {
    const sink = await startTlsSink(t, { ...make('server', { names: ['localhost'] }), breaksAt })
    const mainCf = `relayhost = [127.0.0.1]:${sink.port}\nsmtp_tls_security_level = may\nminimal_backoff_time = 1s\nqueue_run_delay = 1s\n`
    const server = await startServer(t, { mainCf })
    await submit(server, 'ana@mail.example.test', ['bob@far.test'], 'Subject: x\n\nx\n')
    await server.logged(/status=deferred \(lost connection with 127\.0\.0\.1\[127\.0\.0\.1\] while /)
    await until('it is delivered', () => sink.took.length > 0)
    assert.deepEqual(sink.took, ['plain'], breaksAt)
  }
})

test('a TLS session that is resumed is trusted as it was', async (t) => {
  const { make } = certificateMaker(t)
  const [root, stranger] = [make('Root'), make('Stranger')]
  const mood = make('server', { by: root, names: ['localhost'] })
  const files = { 'root.pem': root.cert, 'stranger.pem': stranger.cert }
  for (const [authority, status, trust] of [
    ['smtp_tls_CAfile = $config_directory/root.pem', 'sent', 'Verified'],
    ['smtp_tls_trust_anchor_file = $config_directory/root.pem', 'sent', 'Verified'],
    ['smtp_tls_CAfile = $config_directory/stranger.pem', 'deferred', 'Untrusted'],
    ['smtp_tls_security_level = may', 'sent', 'Untrusted'],
  ] as const) {
    const sink = await startTlsSink(t, mood)
    const mainCf = `relayhost = [127.0.0.1]:${sink.port}
smtp_tls_security_level = secure
smtp_tls_secure_cert_match = localhost
${authority}
smtp_tls_session_cache_database = btree:x
smtp_tls_loglevel = 2
`
    const server = await startServer(t, { mainCf, files })
    for (const n of [1, 2]) {
      await submit(server, 'a@else.test', [`bob${n}@far.test`], 'Subject: x\n\nx\n')
      await server.logged(new RegExp(`to=<bob${n}@far\\.test>.* status=${status} `))
    }
    const log = server.log()
    assert.equal(log.match(/: Reusing old session/g)?.length, 1, authority)
    assert.equal(log.match(new RegExp(`: ${trust} TLS connection established`, 'g'))?.length, 2, authority)
  }
})
