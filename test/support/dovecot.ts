/** Dovecot's authentication server for a test, gone when it ends. */
import { spawn, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** Why there is none; undefined: there is. */
export const withoutDovecot =
  spawnSync('dovecot', ['--version']).status === 0 && process.getuid?.() === 0
    ? undefined
    : 'Dovecot is not installed (npm run setup:test), or this is not root'

/** What LMTP needs: mail of users below the directory, and a socket `lmtp`. */
const LMTP = (dir: string): string => `mail_location = maildir:${dir}/mail/%n
mail_uid = 65534
mail_gid = 65534
first_valid_uid = 1
postmaster_address = postmaster@example.test
service lmtp {
 unix_listener ${dir}/lmtp {
  mode = 0666
 }
}
`

/** Starts Dovecot with a user `ana`, password `secret`, and with LMTP if that is wanted; answers its socket `auth`. */
export async function dovecot(t: TestContext, options: { readonly lmtp?: boolean } = {}): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-dovecot-'))
  chmodSync(dir, 0o755) // the socket is for Postfix too
  mkdirSync(join(dir, 'mail'))
  chownSync(join(dir, 'mail'), 65534, 65534)
  writeFileSync(join(dir, 'users'), 'ana:{PLAIN}secret\npepe:{PLAIN}secret\n')
  writeFileSync(
    join(dir, 'dovecot.conf'),
    `base_dir = ${dir}/run\nstate_dir = ${dir}/state\nprotocols = ${options.lmtp === true ? 'lmtp' : ''}\nlog_path = ${dir}/log\nssl = no\n` +
      'disable_plaintext_auth = no\nauth_mechanisms = plain login cram-md5 scram-sha-256\nauth_failure_delay = 0\n' +
      'default_internal_user = root\ndefault_internal_group = root\ndefault_login_user = nobody\n' +
      `passdb {\n driver = passwd-file\n args = scheme=PLAIN username_format=%n ${dir}/users\n}\n` +
      'userdb {\n driver = static\n args = uid=65534 gid=65534 home=/tmp\n}\n' +
      `service auth {\n user = root\n unix_listener ${dir}/auth {\n  mode = 0666\n }\n}\n` +
      'service anvil {\n chroot =\n unix_listener anvil-auth-penalty {\n  mode = 0\n }\n}\nservice stats {\n chroot =\n}\n',
  )
  if (options.lmtp === true) appendFileSync(join(dir, 'dovecot.conf'), LMTP(dir))
  const child = spawn('dovecot', ['-c', join(dir, 'dovecot.conf'), '-F'], { stdio: 'ignore' })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  t.after(async () => {
    child.kill()
    await ended
    rmSync(dir, { recursive: true, force: true })
  })
  const sockets = ['auth', ...(options.lmtp === true ? ['lmtp'] : [])]
  const isUp = (): boolean => sockets.every((name) => existsSync(join(dir, name)))
  for (let n = 0; n < 100 && !isUp(); n++) await new Promise((wake) => setTimeout(wake, 50))
  return join(dir, 'auth')
}
