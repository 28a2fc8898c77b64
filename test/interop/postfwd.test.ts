/** Debian's postfwd, a policy service over TCP: its rules see what a client says, and its answers are obeyed. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { freePort } from '../support/ports.ts'
import { isOpen } from '../support/programs.ts'
import { startServer } from '../support/server.ts'
import { until } from '../support/mailbox.ts'
import { transcript } from '../support/transcript.ts'

const PROGRAM = '/usr/sbin/postfwd1'
const isHere = existsSync(PROGRAM) && process.getuid?.() === 0
const skip = isHere ? false : 'postfwd is not installed (npm run setup:test), or this is not root'

const RULES = `id=SPAM; sender==spam@known.test; action=REJECT go away
id=LATER; client_address==127.0.0.1; sender==later@known.test; action=DEFER_IF_PERMIT come later
id=HELO; helo_name==liar.test; protocol_state==RCPT; action=550 5.7.1 you are somebody else
id=MANY; sender==many@known.test; action=rate(sender/2/600/450 4.7.1 too many)
id=MARK; recipient==ana@mail.example.test; action=PREPEND X-Postfwd: seen
`

test('postfwd refuses, delays, counts and marks', { skip, timeout: 60_000 }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-postfwd-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  writeFileSync(join(dir, 'rules'), RULES)
  const port = await freePort()
  const pidFile = join(dir, 'pid')
  const argv = ['--daemon', '-f', join(dir, 'rules'), '-i', '127.0.0.1', '-p', String(port), '--pidfile', pidFile]
  // It serves in the background alone.
  execFileSync(PROGRAM, [...argv, '-u', 'nobody', '-g', 'nogroup', '--nodns'], { stdio: 'ignore' })
  await until('postfwd', () => existsSync(pidFile) && isOpen('127.0.0.1', port))
  const pid = Number(readFileSync(pidFile, 'latin1'))
  t.after(() => process.kill(pid, 'SIGTERM'))
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf:
      `smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:${port}, permit\nmynetworks =\n` +
      'smtpd_relay_restrictions = reject_unauth_destination\nsmtpd_error_sleep_time = 0\n',
  })
  const from = (sender: string): string => `C: RSET\nS: 250 …\nC: MAIL FROM:<${sender}@known.test>\nS: 250 2.1.0 Ok\n`
  const to = (reply: string): string => `C: RCPT TO:<ana@mail.example.test>\nS: ${reply}\n`
  await transcript(
    server.port('smtp'),
    `S: 220 …\nC: HELO client.test\nS: 250 …\n${from('spam')}${to('554 5.7.1 <ana@mail.example.test>: Recipient address rejected: go away')}` +
      `${from('later')}${to('450 4.7.1 <ana@mail.example.test>: Recipient address rejected: come later')}` +
      `${from('many')}${to('250 2.1.5 Ok')}${from('many')}${to('250 2.1.5 Ok')}${from('many')}${to('450 4.7.1 <ana@mail.example.test>: Recipient address rejected: too many')}` +
      `${from('friend')}${to('250 2.1.5 Ok')}C: HELO liar.test\nS: 250 …\n` +
      `${from('friend')}${to('550 5.7.1 <ana@mail.example.test>: Recipient address rejected: you are somebody else')}C: QUIT\nS: 221 …`.trim(),
  )
})
