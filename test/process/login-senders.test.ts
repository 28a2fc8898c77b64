/** local_login_sender_maps: sendmail refuses at once, and the server what came into the maildrop without sendmail. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { DropWriter } from '#src/main/server/maildrop.ts'
import { BIN as POSTIGO } from '../support/checkout.ts'
import { run, type Ran } from '../support/client.ts'
import { until } from '../support/mailbox.ts'
import { install } from '../support/process.ts'

test('a user sends in the names that are the user’s', async (t) => {
  const { username, uid } = userInfo()
  const { dir, foreground } = await install(
    t,
    `local_login_sender_maps = inline:{ { ${username} = ${username} mine@x.test } }\ntransport_maps = static:discard\n`,
  )
  await foreground()
  const sendmail = (...words: readonly string[]): Promise<Ran> =>
    run(join(dirname(POSTIGO), 'sendmail'), words, { input: 'Subject: x\n\n', env: { MAIL_CONFIG: dir } })
  assert.deepEqual(await sendmail('-f', 'boss@x.test', 'a@y.test'), {
    code: 75,
    out: '',
    err: `sendmail: fatal: boss@x.test(${uid}): not authorized to use sender='boss@x.test'\n`,
  })
  for (const words of [['-f', 'mine@x.test', 'a@y.test'], ['a@y.test']])
    assert.equal((await sendmail(...words)).code, 0)
  const maildrop = join(dir, 'data/postigo-public/maildrop')
  const drop = new DropWriter(maildrop, { sender: 'boss@x.test', recipients: [{ address: 'a@y.test' }] })
  drop.write(Buffer.from('Subject: forged\r\n\r\n'))
  drop.finish()
  assert.equal((await sendmail('b@y.test')).code, 0) // the maildrop is looked at
  const log = (): string => readFileSync(join(dir, 'mail.log'), 'utf8')
  await until('all are looked at', async () => log().includes('to=<b@y.test>') && log().includes(`${drop.name}: `))
  assert.match(log(), /warning: maildrop\/\w+: user \w+ is not authorized to use sender='boss@x\.test'; it is removed/)
  assert.doesNotMatch(log(), / from=<boss@x\.test>/)
})
