/** smtpd_sasl_type = dovecot against an installed Dovecot's authentication server. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { startServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

const isThere = spawnSync('dovecot', ['--version']).status === 0 && process.getuid?.() === 0

/** Starts Dovecot with a user `ana`, password `secret`; answers its socket. */
async function dovecot(t: TestContext): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-dovecot-'))
  writeFileSync(join(dir, 'users'), 'ana:{PLAIN}secret\n')
  writeFileSync(
    join(dir, 'dovecot.conf'),
    `base_dir = ${dir}/run\nstate_dir = ${dir}/state\nprotocols =\nlog_path = ${dir}/log\nssl = no\n` +
      'disable_plaintext_auth = no\nauth_mechanisms = plain login cram-md5 scram-sha-256\nauth_failure_delay = 0\n' +
      'default_internal_user = root\ndefault_internal_group = root\ndefault_login_user = nobody\n' +
      `passdb {\n driver = passwd-file\n args = scheme=PLAIN username_format=%u ${dir}/users\n}\n` +
      'userdb {\n driver = static\n args = uid=65534 gid=65534 home=/tmp\n}\n' +
      `service auth {\n user = root\n unix_listener ${dir}/auth {\n  mode = 0666\n }\n}\n` +
      'service anvil {\n chroot =\n unix_listener anvil-auth-penalty {\n  mode = 0\n }\n}\nservice stats {\n chroot =\n}\n',
  )
  const child = spawn('dovecot', ['-c', join(dir, 'dovecot.conf'), '-F'], { stdio: 'ignore' })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  t.after(async () => {
    child.kill()
    await ended
    rmSync(dir, { recursive: true, force: true })
  })
  for (let n = 0; n < 100 && !existsSync(join(dir, 'auth')); n++) await new Promise((wake) => setTimeout(wake, 50))
  return join(dir, 'auth')
}

test(
  'who Dovecot knows may log in',
  { skip: !isThere && 'Dovecot is not installed, or this is not root' },
  async (t) => {
    const socket = await dovecot(t)
    const server = await startServer(t, { mainCf: `smtpd_sasl_type = dovecot\nsmtpd_sasl_path = ${socket}\n` })
    const plain = (password: string): string => Buffer.from(`\0ana\0${password}`).toString('base64')
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
    S: 250-AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256
    S: 250-ENHANCEDSTATUSCODES
    S: 250-8BITMIME
    S: 250-DSN
    S: 250-SMTPUTF8
    S: 250 CHUNKING
    C: AUTH FOO
    S: 535 5.7.8 Error: authentication failed: Invalid authentication mechanism
    C: AUTH PLAIN ${plain('wrong')}
    S: 535 5.7.8 Error: authentication failed: (reason unavailable)
    C: AUTH LOGIN
    S: 334 VXNlcm5hbWU6
    C: *
    S: 501 5.7.0 Authentication aborted
    C: AUTH PLAIN ${plain('secret')}
    S: 235 2.7.0 Authentication successful
    C: MAIL FROM:<ana@example.test>
    S: 250 2.1.0 Ok
    C: RCPT TO:<b@elsewhere.test>
    S: 250 2.1.5 Ok`,
    )
    await server.logged(/sasl_method=PLAIN, sasl_username=ana/)
  },
)

test('while nobody answers at the socket, no AUTH is offered, and the log says why', async (t) => {
  const server = await startServer(t, { mainCf: 'smtpd_sasl_type = dovecot\nsmtpd_sasl_path = private/auth\n' })
  await transcript(
    server.port('smtp'),
    'S: 220 …\nC: HELO x\nS: 250 …\nC: AUTH PLAIN\nS: 503 5.5.1 Error: authentication not enabled',
  )
  await server.logged(/warning: SASL: Connect to private\/auth failed: .*private\/auth: .*ENOENT/)
})
