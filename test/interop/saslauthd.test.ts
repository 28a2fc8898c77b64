/** pwcheck_method: saslauthd against the installed one, which asks a passwd and a shadow of its own. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { program } from '../support/programs.ts'
import { startServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'
import { reasonToSkip as withoutView } from './postfix/namespace.ts'

const PROGRAM = '/usr/sbin/saslauthd'
const reason = existsSync(PROGRAM) ? withoutView() : 'saslauthd is not installed (npm run setup:test)'

const VIEW = 'mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/shadow" /etc/shadow && shift && exec "$@"'

/** A saslauthd that knows `ana`, password `secret word`, alone; answers its socket. */
async function saslauthd(t: TestContext): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-saslauthd-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const hash = execFileSync('openssl', ['passwd', '-6', 'secret word'], { encoding: 'utf8' }).trim()
  writeFileSync(join(dir, 'passwd'), 'root:x:0:0::/:/bin/sh\nana:x:4711:4711::/:/bin/false\n')
  writeFileSync(join(dir, 'shadow'), `root:*:19000:0:99999:7:::\nana:${hash}:19000:0:99999:7:::\n`, { mode: 0o600 })
  const socket = join(dir, 'mux')
  const argv = [PROGRAM, '-d', '-n', '1', '-a', 'shadow', '-m', dir]
  await program(t, ['unshare', '-m', 'sh', '-c', VIEW, 'sh', dir, ...argv], () => existsSync(socket))
  return socket
}

const plain = (user: string, password: string): string => Buffer.from(`\0${user}\0${password}`).toString('base64')
const base64 = (text: string): string => Buffer.from(text).toString('base64')

test('who saslauthd knows may log in', { skip: reason ?? false }, async (t) => {
  const socket = await saslauthd(t)
  const server = await startServer(t, {
    mainCf: 'cyrus_sasl_config_path = $config_directory\nsmtpd_sasl_local_domain =\nsmtpd_error_sleep_time = 0\n',
    files: {
      'smtpd.conf': `pwcheck_method: saslauthd\nsaslauthd_path: ${socket}\nmech_list: PLAIN LOGIN CRAM-MD5\n`,
    },
  })
  const opening = 'S: 220 …\nC: HELO x\nS: 250 …\n'
  const refused = 'S: 535 5.7.8 Error: authentication failed: …\n'
  await transcript(
    server.port('smtp'),
    `${opening}C: AUTH PLAIN ${plain('ana', 'wrong')}\n${refused}C: AUTH PLAIN ${plain('nobody-here', 'secret word')}\n${refused}` +
      `C: AUTH PLAIN ${plain('ana', 'secret')}\n${refused}C: AUTH PLAIN ${plain('ana', 'secret word')}\n` +
      'S: 235 2.7.0 Authentication successful\nC: MAIL FROM:<ana@example.test>\nS: 250 2.1.0 Ok\n' +
      'C: RCPT TO:<b@elsewhere.test>\nS: 250 2.1.5 Ok',
  )
  await server.logged(/sasl_method=PLAIN, sasl_username=ana/)
  await transcript(
    server.port('smtp'),
    `${opening}C: AUTH LOGIN\nS: 334 …\nC: ${base64('ana')}\nS: 334 …\nC: ${base64('secret word')}\nS: 235 2.7.0 Authentication successful`,
  )
  rmSync(socket)
  await transcript(
    server.port('smtp'),
    `${opening}C: AUTH PLAIN ${plain('ana', 'secret word')}\nS: 454 4.7.0 Temporary authentication failure: …`,
  )
  await server.logged(/saslauthd .*mux: .*ENOENT/)
})
