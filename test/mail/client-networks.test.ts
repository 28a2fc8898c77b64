/** Clients as a load balancer names them: which of them count as one, and what stands in front of their log lines. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

test('smtpd_client_ipv6_prefix_length: clients of one such network are counted as one', async (t) => {
  const first = '2001:db8::1'
  const table: readonly (readonly [prefix: number, second: string, isOne: boolean])[] = [
    [84, '2001:db8:0:0:0:fff::2', true],
    [84, '2001:db8:0:0:0:1000::2', false],
    [64, '2001:db8:0:0:0:1000::2', true],
    [64, '2001:db8:0:1::1', false],
    [128, '2001:db8::2', false],
    [0, '3fff::1', true],
  ]
  for (const [prefix, second, isOne] of table) {
    const server = await startServer(t, {
      mainCf:
        'smtpd_upstream_proxy_protocol = haproxy\nsmtpd_peername_lookup = no\nsmtpd_client_message_rate_limit = 1\n' +
        `smtpd_client_ipv6_prefix_length = ${prefix}\n`,
    })
    const from = (address: string, reply: string): Promise<void> =>
      transcript(
        server.port('smtp'),
        `C: PROXY TCP6 ${address} 2001:db8::ff 1111 25
        S: 220 …
        C: MAIL FROM:<a@b.test>
        S: ${reply}`,
      )
    await from(first, '250 2.1.0 Ok')
    await from(second, isOne ? '450 4.7.1 Error: too much mail from …' : '250 2.1.0 Ok')
  }
})

test('multi_instance_name stands in front of log lines where syslog_name is not set', async (t) => {
  const table: readonly (readonly [mainCf: string, name: string])[] = [
    ['', 'postfix'],
    ['multi_instance_name = postfix-out\n', 'postfix-out'],
    ['multi_instance_name = postfix-out\nsyslog_name = mta\n', 'mta'],
  ]
  for (const [mainCf, name] of table) {
    const server = await startServer(t, { mainCf })
    await transcript(server.port('smtp'), 'S: 220 …\nC: QUIT\nS: 221 2.0.0 Bye')
    await server.logged(/ disconnect from /)
    const names = server
      .log()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => / ([\w-]+)\/\w+\[\d+\]: /.exec(line)?.[1] ?? line)
    assert.deepEqual([...new Set(names)], [name])
  }
})
