/** The SMTP client alone, where a whole server would be in the way. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { certificateMaker } from '../support/authority.ts'
import { until } from '../support/mailbox.ts'
import { startClient } from '../support/smtp-agent.ts'
import { startTlsSink } from '../support/tls-sink.ts'

const KEPT = {
  smtp_connection_cache_destinations: 'static:all',
  smtp_connection_cache_time_limit: '60s',
  connection_cache_ttl_limit: '60s',
}

test('a table that has no answer is warned of once, and leaves no session behind', async (t) => {
  const { make } = certificateMaker(t)
  const mood = make('server', { names: ['localhost'] })
  const sink = await startTlsSink(t, mood)
  const broken = await startTlsSink(t, { ...mood, breaksAt: 'EHLO' })
  const passwords = { smtp_sasl_auth_enable: 'yes', smtp_sasl_password_maps: 'hash:/nowhere/passwords' }
  const atMost = { ...passwords, smtp_tls_security_level: 'may' }
  const dataError = 'local data error while talking to 127.0.0.1[127.0.0.1]'
  for (const [{ port, open }, settings, warning, result] of [
    [sink, { smtp_tls_policy_maps: 'static:sure' }, /TLS policy lookup for/, '4.7.5 deferred none '],
    [sink, atMost, /nowhere\/passwords/, `4.3.0 deferred 127.0.0.1[127.0.0.1]:${sink.port} ${dataError}`],
    [broken, atMost, /nowhere\/passwords/, `4.3.0 deferred 127.0.0.1[127.0.0.1]:${broken.port} ${dataError}`],
  ] as const) {
    const client = startClient(t, { ...KEPT, ...settings })
    const [told = '', ...more] = await client.deliver(`[127.0.0.1]:${port}`)
    assert.ok(told.startsWith(result), told)
    assert.equal(more.length, 0)
    assert.equal(client.notes.filter((note) => warning.test(note)).length, 1, client.notes.join('\n'))
    await until('no connection stands', () => open() === 0)
  }
})

test('a session without TLS in place of one with it is for one message alone', async (t) => {
  const { make } = certificateMaker(t)
  for (const fault of [{ refusesHandshakes: true }, { breaksAt: 'EHLO' }, { breaksAt: 'MAIL' }]) {
    const sink = await startTlsSink(t, { ...make('server', { names: ['localhost'] }), ...fault })
    const client = startClient(t, { ...KEPT, smtp_tls_security_level: 'may' })
    const nexthop = `[127.0.0.1]:${sink.port}`
    assert.match((await client.deliver(nexthop)).join(), /^2\.0\.0 sent /)
    assert.match((await client.deliver(nexthop, { ageMs: 0 })).join(), /^4\.\d\.\d deferred /)
    assert.deepEqual(sink.took, ['plain'], JSON.stringify(fault))
  }
})
