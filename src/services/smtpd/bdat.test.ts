import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dialogue, startSmtpd } from './fixture.test.ts'

const MAIL = `S: 220 …
    C: EHLO a
    X:
    C: MAIL FROM:<a@b>
    S: 250 2.1.0 Ok
    C: RCPT TO:<x@localhost>
    S: 250 2.1.5 Ok`

test('chunks in one packet with their commands', async (t) => {
  const smtpd = await startSmtpd(t)
  await dialogue(
    smtpd.port,
    `${MAIL}
    c: BDAT 5\\r\\na\\r\\n.\\rBDAT 3\\r\\n\\nb\\nBDAT 0 LAST\\r\\nQUIT\\r\\n
    S: 250 2.0.0 Ok: 5 bytes
    S: 250 2.0.0 Ok: 3 bytes
    S: 250 2.0.0 Ok: 9 bytes queued as Q1
    S: 221 2.0.0 Bye`,
  )
  assert.equal(smtpd.taken[0]?.content, 'a\r\n.\r\nb\r\n')
})

test('between chunks only some commands may come', async (t) => {
  const smtpd = await startSmtpd(t)
  await dialogue(
    smtpd.port,
    `${MAIL}
    c: BDAT 3\\r\\nabc
    S: 250 2.0.0 Ok: 3 bytes
    C: RCPT TO:<y@localhost>
    S: 503 5.5.1 Error: RCPT after BDAT
    C: MAIL FROM:<a@b>
    S: 503 5.5.1 Error: nested MAIL command
    C: DATA
    S: 503 5.5.1 Error: DATA after BDAT
    C: NOOP
    S: 250 2.0.0 Ok
    c: BDAT 5 LAST\\r\\nd\\r\\nef
    S: 250 2.0.0 Ok: 10 bytes queued as Q1
    c: BDAT 3 LAST\\r\\nabc
    S: 503 5.5.1 Error: need RCPT command`,
  )
  assert.equal(smtpd.taken[0]?.content, 'abcd\r\nef\r\n')
})

test('a refused chunk is read, and refuses those that follow', async (t) => {
  const smtpd = await startSmtpd(t, 'message_size_limit = 20\n')
  await dialogue(
    smtpd.port,
    `${MAIL}
    c: BDAT 3\\r\\nabc
    S: 250 2.0.0 Ok: 3 bytes
    c: BDAT 18\\r\\nQUIT\\r\\nQUIT\\r\\nQUIT\\r\\nBDAT 5\\r\\nRSET\\n
    S: 552 5.3.4 Chunk exceeds message size limit
    S: 551 5.0.0 Discarded 5 bytes after earlier error
    c: BDAT 3 LAST\\r\\nabcNOOP\\r\\n
    S: 551 5.0.0 Discarded 3 bytes after earlier error
    S: 250 2.0.0 Ok
    c: BDAT 0 LAST\\r\\n
    S: 503 5.5.1 Error: need RCPT command`,
  )
  assert.deepEqual(smtpd.taken, [])
})

test('an empty chunk that is not the last', async (t) => {
  const { port } = await startSmtpd(t)
  await dialogue(port, `${MAIL}\nC: BDAT 0\nS: 551 5.7.1 Null BDAT request\nC: RSET\nS: 250 2.0.0 Ok`)
})

test('a message of nothing', async (t) => {
  const smtpd = await startSmtpd(t)
  await dialogue(smtpd.port, `${MAIL}\nC: BDAT 0 LAST\nS: 250 2.0.0 Ok: 0 bytes queued as Q1`)
  assert.equal(smtpd.taken[0]?.content, '')
})

test('a command that does not say how much follows ends the session', async (t) => {
  const { port } = await startSmtpd(t)
  const other = await startSmtpd(t, 'smtpd_discard_ehlo_keywords = chunking\n')
  for (const command of ['BDAT', 'BDAT x', 'BDAT -1', 'BDAT 3 FIRST', 'BDAT 3 LAST x', 'BDAT 99999999999999999999']) {
    await dialogue(port, `${MAIL}\nC: ${command}\nS: 521 5.5.4 Syntax: BDAT count [LAST]\nS: <end>`)
  }
  await dialogue(other.port, `${MAIL}\nC: BDAT 3\nS: 521 5.5.1 Error: command not implemented\nS: <end>`)
})
