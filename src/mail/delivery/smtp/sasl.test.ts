import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SessionRecord } from '../../../formats/smtp/mod.ts'
import { clientSettingsOf, meet } from './fixture.test.ts'
import { logIn } from './sasl.ts'

test('no word of a log-in is recorded, whatever the server asks with', async (t) => {
  const cf = clientSettingsOf({ smtp_sasl_security_options: '' })
  const [user, password] = ['VXNlcm5hbWU6', 'UGFzc3dvcmQ6']
  for (const asked of [
    [`334 ${user}`, `334 ${password}`],
    [`335 ${user}`, `335 ${password}`],
    [`334 ${user}\r\n250 more`, `334 ${password}`],
    [`334 ${user}\r\n334 ${password}\r\n250 more`],
  ]) {
    const said = [...asked, '502 no']
    const limits = { perRequest: false, minDataRate: 500 }
    const dialogue = await meet(t, limits, (socket) =>
      socket.on('data', () => socket.write(`${said.shift() ?? '503 no'}\r\n`)),
    )
    dialogue.record = new SessionRecord('client')
    const credentials = { username: 'ana', password: 'secret' }
    await logIn(dialogue, ['LOGIN'], credentials, { cf, host: 'h', verified: false, couldBind: true })
    const lines = dialogue.record.take().filter((line) => line.startsWith('Out:'))
    assert.deepEqual(new Set(lines), new Set(['Out: AUTH LOGIN', 'Out: …']), asked.join())
  }
})
