/** `accounts:`, the table of who there is. */
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import type { CliIo } from '#src/main/cli/io.ts'
import { postmap } from '#src/main/cli/postmap.ts'
import { simulate, withLookingRooms } from '#src/main/server/simulation.ts'
import { startServer } from '../support/server.ts'

test('smtpd_sender_login_maps = accounts: everybody sends as the owner of the address, and as nobody else', async (t) => {
  const mainCf =
    'smtpd_sender_login_maps = accounts:\nsmtpd_sender_restrictions = reject_sender_login_mismatch\nsmtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination\n'
  const { dir, server } = await startServer(t, { mainCf, accounts: ['ana', 'eva'] })
  await server.rooms.current.accounts.addDomain('hosted.test')
  await server.rooms.current.accounts.add('ana', 'hosted.test', 'secret')
  const rows = [
    ['ana', 'ana@mail.example.test', '250 2.1.5 Ok'],
    ['ana', 'Ana@MAIL.example.test', '250 2.1.5 Ok'],
    ['Ana@mail.example.test', 'ana@mail.example.test', '250 2.1.5 Ok'],
    ['ana@localhost', 'ana@mail.example.test', '250 2.1.5 Ok'],
    ['ana', 'eva@mail.example.test', 'Sender address rejected: not owned by user ana'],
    ['ana@hosted.test', 'ana@hosted.test', '250 2.1.5 Ok'],
    ['ana', 'ana@hosted.test', 'Sender address rejected: not owned by user ana'],
    [undefined, 'ana@mail.example.test', 'Sender address rejected: not logged in'],
    [undefined, 'b@else.test', '250 2.1.5 Ok'],
  ] as const
  await withLookingRooms(dir, async (rooms) => {
    for (const [saslUser, sender, expected] of rows) {
      const { replies } = await simulate(rooms, {
        client: '203.0.113.9',
        name: 'unknown',
        helo: 'h.test',
        sender,
        recipients: ['eva@mail.example.test'],
        ...(saslUser !== undefined && { saslUser }),
      })
      const reply = replies.find(({ command }) => command.startsWith('RCPT'))?.reply ?? ''
      assert.ok(reply.endsWith(expected), `${saslUser} ${sender}: ${reply}`)
    }
  })
})

test('postmap -q asks accounts: too', async (t) => {
  const { dir } = await startServer(t, { accounts: ['ana'] })
  const ask = async (key: string): Promise<readonly [number, string]> => {
    let out = ''
    const io: CliIo = {
      stdin: Readable.from([]),
      out: (text) => (out += text),
      err: (text) => (out += text),
      env: { MAIL_CONFIG: dir },
      cwd: dir,
      tty: false,
    }
    return [await postmap(['-q', key, 'accounts:'], io), out]
  }
  assert.deepEqual(await ask('ana@mail.example.test'), [0, 'ana, ana@mail.example.test, ana@localhost\n'])
  assert.deepEqual(await ask('nobody'), [1, ''])
  assert.deepEqual(await ask('@mail.example.test'), [1, ''])
})
