/** Greylisting by Debian's postgrey, a policy service over a unix socket. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import assert from 'node:assert/strict'
import { messagesIn } from '../support/mailbox.ts'
import { program } from '../support/programs.ts'
import { startServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

const isHere = existsSync('/usr/sbin/postgrey') && process.getuid?.() === 0
const skip = isHere ? false : 'postgrey is not installed (npm run setup:test), or this is not root'

/** postgrey's least, in whole seconds. */
const DELAY_S = 1

test('a stranger is told to come again, and then let in with a mark', { skip }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-postgrey-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  chmodSync(dir, 0o755)
  mkdirSync(join(dir, 'db'))
  mkdirSync(join(dir, 'run'))
  execFileSync('chown', ['postgrey', join(dir, 'db'), join(dir, 'run')])
  const socket = join(dir, 'run/socket')
  const argv = ['postgrey', `--unix=${socket}`, `--dbdir=${dir}/db`, `--delay=${DELAY_S}`, '--user=postgrey'] as const
  await program(t, [...argv, '--group=nogroup'], () => existsSync(socket))
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf: `smtpd_recipient_restrictions = check_policy_service unix:${socket}\nmynetworks =\nsmtpd_sasl_auth_enable = no\n`,
  })
  const says = (reply: string): Promise<void> =>
    transcript(
      server.port('smtp'),
      `S: 220 …
      C: HELO client.test
      S: 250 mail.example.test
      C: MAIL FROM:<friend@known.test>
      S: 250 2.1.0 Ok
      C: RCPT TO:<ana@mail.example.test>
      ${reply}`,
    )
  await says('S: 450 4.2.0 <ana@mail.example.test>: Recipient address rejected: Greylisted, see …')
  await sleep((DELAY_S + 1) * 1000)
  await says('S: 250 2.1.5 Ok\nC: DATA\nS: 354 …\nC: Subject: x\nC:\nC: y\nC: .\nS: 250 2.0.0 Ok: queued as …')
  const [message = ''] = await messagesIn(server, 'ana')
  assert.match(message, /^X-Greylist: delayed \d+ seconds by postgrey-/m)
})
