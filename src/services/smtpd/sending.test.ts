/** Sending limits as a session heeds them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answers, startSmtpd } from './fixture.test.ts'
import type { SmtpdDeps } from './mod.ts'

type Asked = Parameters<NonNullable<SmtpdDeps['sending']>>[0]

test('who logged in is asked about at the end of each message; others are not', async (t) => {
  const asked: Asked[] = []
  const verdicts = ['ok', 'hold', 'refuse', 'ok'] as const
  const sending: SmtpdDeps['sending'] = async (from) => verdicts[asked.push(from) - 1] ?? 'ok'
  const smtpd = await startSmtpd(t, '', { more: { sending } })
  const message = (reply: string, first = 'DATA => 354…\n    . '): string =>
    `MAIL FROM:<a@b> => 250 2.1.0 Ok
    RCPT TO:<x@localhost> => 250 2.1.5 Ok
    RCPT TO:<y@localhost> => 250 2.1.5 Ok
    ${first}=> ${reply}`
  const taken = '250 2.0.0 Ok…'
  await answers(smtpd.port, message(taken))
  assert.equal(asked.length, 0)
  await answers(
    smtpd.port,
    `AUTH PLAIN ${Buffer.from('\0usuario\0secret').toString('base64')} => 235…
    ${message(taken)}
    ${message(taken)}
    ${message('450 4.7.1 Error: too much mail from this account, try again later')}
    ${message(taken, 'BDAT 0 LAST ')}`,
  )
  assert.deepEqual(
    smtpd.taken.map(({ effects }) => effects.map(({ action }) => action)),
    [[], [], ['hold'], []],
  )
  const [first] = asked
  assert.deepEqual([first?.account, first?.username, first?.mayHold], [1, 'usuario', true])
  assert.deepEqual(first?.recipients, ['x@localhost', 'y@localhost'])
  const refused = smtpd.events.find((event) => event.event === 'smtpd.reject')
  assert.match(refused?.event === 'smtpd.reject' ? refused.text : '', /^450 4\.7\.1 /)
})
