/** Dovecot's authentication server for a test, gone when it ends. */
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** Why there is none; undefined: there is. */
export const withoutDovecot =
  spawnSync('dovecot', ['--version']).status === 0 && process.getuid?.() === 0
    ? undefined
    : 'Dovecot is not installed (npm run setup:test), or this is not root'

/** Starts Dovecot with a user `ana`, password `secret`; answers its socket. */
export async function dovecot(t: TestContext): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-dovecot-'))
  chmodSync(dir, 0o755) // the socket is for Postfix too
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
