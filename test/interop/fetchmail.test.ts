import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { run, sampleMessage, withoutTrace } from '../support/client.ts'
import { PASSWORD, startServer } from '../support/server.ts'

for (const protocol of ['pop3', 'imap']) {
  test(`fetchmail: takes mail away by ${protocol}, octet for octet`, async (t) => {
    const server = await startServer(t, { accounts: ['eva'] })
    const { accounts, store } = server.server.rooms.current
    const eva = accounts.byLogin('eva')
    assert.ok(eva !== undefined)
    const messages = ['one', 'two', 'three'].map((subject) => sampleMessage(`fetchmail-${subject}`))
    for (const message of messages) {
      const octets = Buffer.from(message)
      await store.append(eva.id, 'INBOX', [octets], { sizeOctets: octets.length, flags: [] })
    }
    const rc = join(server.dir, 'fetchmailrc')
    const out = join(server.dir, 'fetched')
    writeFileSync(
      rc,
      `poll 127.0.0.1 protocol ${protocol} port ${server.port(protocol)} auth password user "eva" password "${PASSWORD}" sslproto "" no rewrite fetchall mda "cat >> ${out}"\n`,
      { mode: 0o600 },
    )
    const ran = await run(
      'fetchmail',
      ['-f', rc, '--nosyslog', '--nodetach', '--invisible', '--pidfile', join(server.dir, 'pid')],
      { env: { HOME: server.dir } },
    )
    assert.equal(ran.code, 0, ran.out + ran.err)
    const got = readFileSync(out, 'latin1').replaceAll('\r\n', '\n')
    for (const message of messages) {
      assert.ok(
        got.includes(withoutTrace(Buffer.from(message).toString('latin1')).replaceAll('\r\n', '\n')),
        got.slice(0, 500),
      )
    }
    assert.equal(store.status(eva.id, 'INBOX')?.messages, 0)
  })
}
