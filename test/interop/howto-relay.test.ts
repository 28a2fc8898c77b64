/** The how-to's rows about saslpass and ETRN, with real peers: Debian's Postfix as the provider, and fetchmail. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { buildTable } from '#src/io/tables/mod.ts'
import { run } from '../support/client.ts'
import { dovecot, withoutDovecot } from '../support/dovecot.ts'
import { submit, until } from '../support/mailbox.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { startSink } from '../support/sink.ts'
import { reasonToSkip, writeView } from './postfix/namespace.ts'
import { startPostfix } from './postfix/postfix.ts'

const PORT = 21_980

function postmap({ dir }: TestServer, name: string, text: string): void {
  writeFileSync(join(dir, name), text)
  buildTable('hash', join(dir, name), { aliases: false })
}

function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  return new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
  }).finally(() => socket.destroy())
}

test(
  'saslpass: the provider hears the log-in of its own line; a table that names this host is never asked',
  { skip: reasonToSkip() ?? withoutDovecot ?? false },
  async (t) => {
    const auth = await dovecot(t)
    const dir = mkdtempSync(join(tmpdir(), 'postigo-provider-'))
    chmodSync(dir, 0o755)
    t.after(() => rmSync(dir, { recursive: true }))
    writeView(dir, '127.0.0.1')
    const place = { dir: join(dir, 'instance'), address: '127.0.0.1', sinkPort: 9 }
    mkdirSync(place.dir)
    const mainCf =
      `smtpd_sasl_type = dovecot\nsmtpd_sasl_path = ${auth}\nsmtpd_sasl_auth_enable = yes\nmynetworks = 192.0.2.1/32\n` +
      'smtpd_relay_restrictions = permit_sasl_authenticated, reject\ndefault_transport = discard:\nlocal_header_rewrite_clients =\n'
    const world = { name: 'provider', mainCf, files: {}, indexed: [], sessions: [{ name: 'in', steps: [] }] }
    const provider = await startPostfix(world, place, PORT, dir)
    t.after(() => provider.stop())
    await until('the provider listens', () => isOpen(PORT))
    const relay = (options: string): Promise<TestServer> =>
      startServer(t, {
        mainCf:
          `relayhost = [127.0.0.1]:${PORT}\nsmtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = hash:$config_directory/saslpass\n` +
          `mynetworks = 127.0.0.0/8\n${options}`,
        files: { saslpass: '' },
      })
    const sends = async (server: TestServer, saslpass: string, expected: RegExp): Promise<void> => {
      postmap(server, 'saslpass', saslpass)
      await server.restart()
      assert.equal(await submit(server, 's@mail.example.test', ['cliente@otro.example'], 'Subject: x\n\n'), 250)
      await until(String(expected), () => expected.test(server.log()))
    }
    const own = await relay('smtp_sasl_security_options = noanonymous\n')
    await sends(own, `[127.0.0.1]:${PORT}  ana:secret\n`, /status=sent \(250 2\.0\.0 Ok: queued as /)
    assert.match(provider.log(), /client=localhost\[127\.0\.0\.1\], sasl_method=\S+, sasl_username=ana/)
    const printed = 'mail.midominio.com  dominio1@mail.midominio.com:clave\n'
    await sends(own, printed, /status=bounced \(host 127\.0\.0\.1\[127\.0\.0\.1\] said: 554 5\.7\.1 .*Access denied/)
    // Postfix's default keeps passwords off the wire in clear: PLAIN and LOGIN are out, what is left is taken.
    const usual = await relay('smtp_sasl_mechanism_filter = plain, login\n')
    await sends(
      usual,
      `127.0.0.1  ana:secret\n`,
      /status=deferred \(SASL authentication failed; cannot authenticate to server .*: no mechanism available\)/,
    )
  },
)

test('ETRN: fetchmail asks for what waits for its domain', async (t) => {
  const sink = await startSink(t)
  const server = await startServer(t, {
    mainCf:
      `relay_domains = dominio.virtual\ntransport_maps = inline:{ dominio.virtual=smtp:[127.0.0.1]:${sink.port} }\n` +
      'defer_transports = smtp\nsmtpd_reject_unlisted_recipient = no\n',
  })
  assert.equal(await submit(server, 's@else.test', ['usuario@dominio.virtual'], 'Subject: x\n\n'), 250)
  await until('it waits', () => server.log().includes('status=deferred (deferred transport)'))
  const rc = join(server.dir, 'fetchmailrc')
  const ask = (domain: string): ReturnType<typeof run> => {
    writeFileSync(rc, `poll 127.0.0.1 service ${server.port('smtp')} protocol ETRN fetchdomains ${domain}\n`, {
      mode: 0o600,
    })
    return run('fetchmail', [
      '-f',
      rc,
      '-v',
      '--nosyslog',
      '--nodetach',
      '--pidfile',
      join(server.dir, 'fetchmail.pid'),
    ])
  }
  assert.match((await ask('ajeno.example')).out, /459 <ajeno\.example>: service unavailable/)
  assert.equal(sink.heard.length, 0)
  assert.match((await ask('dominio.virtual')).out, /250 Queuing started/)
  await until(
    'it is delivered',
    () => server.log().includes('to=<usuario@dominio.virtual>, relay=127.0.0.1[127.0.0.1]') && sink.heard.length === 1,
  )
})
