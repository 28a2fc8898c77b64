/** The SMTP client alone, where a whole server would be in the way. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { certificateMaker } from '../support/authority.ts'
import { until } from '../support/mailbox.ts'
import { startClient } from '../support/smtp-agent.ts'
import { type SinkMood, startSink } from '../support/sink.ts'
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

/** Time limits of the client are minutes: what is not there by then does not come. */
const inTime = (work: Promise<string[]>): Promise<string[]> =>
  Promise.race([work, sleep(2000, ['too late'], { ref: false })])

test('a stop is heard wherever a delivery stands, and nothing is said of its recipients', async (t) => {
  const answerTo =
    (verb: string, reply: string): ((stop: () => void) => SinkMood) =>
    (stop) => ({
      answer(command) {
        if (command !== verb) return undefined
        setImmediate(stop)
        return reply
      },
    })
  const at = ['EHLO self.test', 'MAIL FROM:<ana@self.test>', 'RCPT TO:<bob@far.test>', 'DATA']
  const silent = (): SinkMood => ({ answer: () => '…' })
  const rows: [string, mood: (stop: () => void) => SinkMood, onClock: (stop: () => void) => void, heard: string[]][] = [
    ['before it connects', silent, (stop) => stop(), []],
    ['while it connects', silent, (stop) => queueMicrotask(stop), []],
    ['while it waits for the greeting', answerTo('CONNECT', '…'), () => {}, []],
    ['while it waits for EHLO', answerTo('EHLO self.test', '…'), () => {}, at.slice(0, 1)],
    ['while it waits for MAIL', answerTo('MAIL FROM:<ana@self.test>', '…'), () => {}, at.slice(0, 2)],
    ['while the message is taken', answerTo('.', '…'), () => {}, [...at, '(15 octets)']],
  ]
  for (const [name, mood, onClock, heard] of rows)
    await t.test(name, async (sub) => {
      const stopped = new AbortController()
      const stop = (): void => stopped.abort()
      const sink = await startSink(sub, mood(stop))
      const client = startClient(sub, {})
      client.onClock = () => onClock(stop)
      const told = await inTime(client.deliver(`[127.0.0.1]:${sink.port}`, { signal: stopped.signal }))
      assert.deepEqual(told, [])
      assert.deepEqual(sink.heard.flat(), heard)
    })
  await t.test('while it looks up', async (sub) => {
    const stopped = new AbortController()
    const dns = {
      query() {
        setImmediate(() => stopped.abort())
        return new Promise<never>(() => {})
      },
    }
    assert.deepEqual(await inTime(startClient(sub, {}, dns).deliver('far.test', { signal: stopped.signal })), [])
  })
})

test('a stop is heard while a kept connection is tried, and while one ends', async (t) => {
  for (const [settings, verb, reply, results] of [
    [KEPT, 'RSET', '…', []],
    [KEPT, 'RSET', '250 ok', []],
    [{ smtp_skip_quit_response: 'no' }, 'QUIT', '…', ['sent']],
  ] as const) {
    const stopped = new AbortController()
    const answer = (command: string): string | undefined => {
      if (command !== verb) return undefined
      stopped.abort()
      return reply
    }
    const sink = await startSink(t, { answer })
    const client = startClient(t, settings)
    const nexthop = `[127.0.0.1]:${sink.port}`
    if (verb === 'RSET') assert.equal((await client.deliver(nexthop)).length, 1)
    const told = await inTime(client.deliver(nexthop, { signal: stopped.signal }))
    assert.deepEqual(
      told.map((result) => result.split(' ')[1]),
      results,
    )
    assert.equal(sink.heard.flat().filter((line) => line.startsWith('MAIL')).length, 1)
  }
})
