import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { run, sampleMessage } from '../support/client.ts'
import { DOMAIN, PASSWORD, startServer } from '../support/server.ts'

test('msmtp: sends with each of its mechanisms, with and without STARTTLS', async (t) => {
  const server = await startServer(t, { accounts: ['ana', 'eva'] })
  const password = join(server.dir, 'password')
  writeFileSync(password, PASSWORD, { mode: 0o600 })
  let sent = 0
  for (const mechanism of ['plain', 'login', 'cram-md5', 'digest-md5', 'scram-sha-1', 'scram-sha-256']) {
    for (const tls of ['on', 'off']) {
      const args = [
        '-C',
        '/dev/null',
        '--host=127.0.0.1',
        `--port=${server.port('submission')}`,
        `--auth=${mechanism}`,
        '--user=ana',
        `--passwordeval=cat ${password}`,
      ]
      args.push(`--tls=${tls}`, '--tls-starttls=on', '--tls-certcheck=off', `--from=ana@${DOMAIN}`, `eva@${DOMAIN}`)
      const ran = await run('msmtp', args, { input: sampleMessage(`msmtp-${mechanism}`).replaceAll('\r\n', '\n') })
      // What this build of msmtp does not have it says before it connects.
      if (/not supported|unsupported|not compiled|invalid argument/i.test(ran.err) && !/server/i.test(ran.err)) continue
      assert.equal(ran.code, 0, `${mechanism}, TLS ${tls}: ${ran.err}`)
      sent++
    }
  }
  assert.ok(sent >= 5, `only ${sent} of msmtp's mechanisms were tried`)
  const eva = server.server.rooms.current.accounts.byLogin('eva')
  assert.equal(server.server.rooms.current.store.status(eva?.id ?? 0, 'INBOX')?.messages, sent)
})
