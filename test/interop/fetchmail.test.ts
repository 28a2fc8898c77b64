import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { run, sampleMessage } from '../support/client.ts'
import { contents } from '../support/mailbox.ts'
import { PASSWORD, startServer } from '../support/server.ts'

for (const [protocol, numbering] of [
  ['pop3', 'uidl'],
  ['imap', ''],
] as const) {
  test(`fetchmail: fetches by ${protocol} what is new, once, and takes it away, octet for octet`, async (t) => {
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
    /** Answers its exit code: 1 where there is nothing new. */
    const fetch = async (options: string): Promise<number> => {
      writeFileSync(
        rc,
        `poll 127.0.0.1 protocol ${protocol} port ${server.port(protocol)} auth password ${numbering} user "eva" password "${PASSWORD}" sslproto "" no rewrite ${options} mda "cat >> ${out}"\n`,
        { mode: 0o600 },
      )
      const files = ['--pidfile', join(server.dir, 'pid'), '--idfile', join(server.dir, 'ids')]
      const ran = await run('fetchmail', ['-f', rc, '--nosyslog', '--nodetach', '--invisible', ...files], {
        env: { HOME: server.dir },
      })
      assert.ok(ran.code === 0 || ran.code === 1, ran.out + ran.err)
      return ran.code
    }
    const fetched = (): string => readFileSync(out, 'latin1').replaceAll('\r\n', '\n')
    const before = await contents(server, 'eva', 'INBOX')
    assert.equal(await fetch('keep'), 0)
    for (const message of messages)
      assert.ok(fetched().includes(Buffer.from(message).toString('latin1').replaceAll('\r\n', '\n')))
    // By IMAP it marks what it fetched; the rest stays as it was.
    const mark = protocol === 'imap' ? '\\Seen' : ''
    const after = await contents(server, 'eva', 'INBOX')
    assert.deepEqual(
      [...after.values()],
      Array.from(before.values(), (held) => mark + held),
    )
    assert.equal(await fetch('keep'), 1)
    const size = fetched().length
    assert.equal(await fetch('fetchall'), 0)
    assert.equal(fetched().length, 2 * size)
    assert.equal(store.status(eva.id, 'INBOX')?.messages, 0)
  })
}
