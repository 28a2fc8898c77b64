import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../support/client.ts'
import { DOMAIN, PASSWORD, startServer } from '../support/server.ts'

test('pflogsumm and fail2ban read the log, and their totals are right', async (t) => {
  const server = await startServer(t, { accounts: ['ana', 'eva'] })
  const swaks = (...args: readonly string[]): Promise<unknown> =>
    run('swaks', [
      '--server',
      `127.0.0.1:${server.port('smtp')}`,
      '--helo',
      'client.test',
      '--from',
      `ana@${DOMAIN}`,
      ...args,
    ])
  for (let i = 0; i < 3; i++) await swaks('--to', `eva@${DOMAIN}`)
  await swaks('--to', `eva@${DOMAIN},ana@${DOMAIN}`)
  for (let i = 0; i < 2; i++) await swaks('--to', `nosuch@${DOMAIN}`)
  await swaks('--to', 'far@elsewhere.example')
  for (let i = 0; i < 4; i++)
    await swaks('--to', `eva@${DOMAIN}`, '-a', 'PLAIN', '-au', 'ana', '-ap', `not-${PASSWORD}`)
  const log = join(server.dir, 'mail.log')
  const summary = await run('pflogsumm', [log])
  assert.match(summary.out, /^ +4 +received$/m)
  assert.match(summary.out, /^ +5 +delivered$/m)
  assert.match(summary.out, /^ +0 +deferred$/m)
  assert.match(summary.out, /^ +3 +rejected \(/m)
  const bans = await run('fail2ban-regex', [log, 'postfix[mode=auth]'], { package: 'fail2ban' })
  assert.match(bans.out, /Lines: .* 4 matched/, bans.out + bans.err)
  const rejects = await run('fail2ban-regex', [log, 'postfix[mode=more]'], { package: 'fail2ban' })
  assert.match(rejects.out, /Lines: .* 3 matched/, rejects.out + rejects.err)
})
