/** info_log_address_format: how the log writes an address that needs quotes. */
import assert from 'node:assert/strict'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { startServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

test('addresses in the log have quotes, until they are not wanted', async (t) => {
  const server = await startServer(t, { accounts: ['ana'], mainCf: 'recipient_delimiter = +\n' })
  const send = (): Promise<void> =>
    transcript(
      server.port('smtp'),
      `
      S: 220 …
      C: HELO client.test
      S: 250 …
      C: MAIL FROM:<"john doe"@client.test>
      S: 250 2.1.0 Ok
      C: RCPT TO:<"no one"@mail.example.test>
      S: 550 5.1.1 …
      C: RCPT TO:<"ana+big box"@mail.example.test>
      S: 250 2.1.5 Ok
      C: DATA
      S: 354 …
      C: Subject: x
      C:
      C: .
      S: 250 2.0.0 Ok: queued as …
    `,
    )
  await send()
  await server.logged(/: to=<"ana\+big box"@mail\.example\.test>, relay=local/)
  await server.logged(/ from=<"john doe"@client\.test> to=<"no one"@mail\.example\.test> proto=SMTP/)
  await server.logged(/: from=<"john doe"@client\.test>, size=/)
  assert.doesNotMatch(server.log(), /=<john doe@/)
  appendFileSync(join(server.dir, 'main.cf'), 'info_log_address_format = internal\n')
  assert.equal(await server.server.reload(), undefined)
  await send()
  await server.logged(/: to=<ana\+big box@mail\.example\.test>, relay=local/)
  await server.logged(/ from=<john doe@client\.test> to=<no one@mail\.example\.test> proto=SMTP/)
})
