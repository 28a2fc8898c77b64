/** Postfix, Postigo, and Postfix again on one directory, with a ledger of every message. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { BIN } from '../support/checkout.ts'
import { run, type Ran } from '../support/client.ts'
import { until } from '../support/mailbox.ts'
import { ownPostfix, withoutPostfix } from '../support/own-postfix.ts'
import { freePort } from '../support/ports.ts'
import { startSink } from '../support/sink.ts'

/** Owner and rights of all that Postfix made of its queue directory, but the messages. */
function rightsIn(spool: string): string[] {
  return readdirSync(spool)
    .map((name) => {
      const { mode, uid, gid } = statSync(join(spool, name))
      return `${name} ${mode.toString(8)} ${uid} ${gid}`
    })
    .toSorted()
}

test('each message is delivered once, whoever had it when', { skip: withoutPostfix ?? false }, async (t) => {
  const port = await freePort()
  /** Who gets mail only later. */
  let waiting = /^(?:early|held|late)/
  const delivered: string[] = []
  await startSink(t, {
    listens: { host: '127.0.0.1', port },
    answer(command) {
      const to = /^RCPT TO:<(.*?)@/i.exec(command)?.[1]
      if (to !== undefined && waiting.test(to)) return '451 4.3.0 later'
      if (to !== undefined) delivered.push(to) // who is taken gets the message, which is never refused
      return undefined
    },
  })
  const mainCf = `relayhost = [127.0.0.1]:${port}\nminimal_backoff_time = 1h\nsmtp_tls_security_level =\nmax_idle = 1s\nsmtp_connection_cache_on_demand = no\n`
  const postfix = await ownPostfix(t, mainCf)
  const machine = mkdtempSync(join(tmpdir(), 'postigo-machine-'))
  t.after(() => rmSync(machine, { recursive: true }))
  for (const path of ['usr/bin', 'usr/sbin']) mkdirSync(join(machine, path), { recursive: true })
  writeFileSync(join(machine, 'usr/sbin/sendmail'), '')
  const postigo = (...argv: readonly string[]): Promise<Ran> => run(BIN, argv, { env: { MAIL_CONFIG: postfix.etc } })
  const ok = async (...argv: readonly string[]): Promise<string> => {
    const ran = await postigo(...argv)
    assert.equal(ran.code, 0, ran.err)
    return ran.out
  }
  const lines = (text: string): number => text.split('\n').filter((line) => line.startsWith('{')).length
  const letter = (name: string): string => `Subject: ${name}\n\n${name}\n${'long '.repeat(100)}\n`

  await postfix.start()
  const waits = (n: number): Promise<void> =>
    until(`${n} wait in Postfix`, () => postfix.run('postqueue', ['-j']).split('delay_reason').length === n + 1)
  postfix.sendmail(['-f', 'ana@example.com', 'first@far.example'], letter('first'))
  postfix.sendmail(['-f', 'ana@example.com', 'early@far.example', 'late1@far.example'], letter('early'))
  postfix.sendmail(['-f', 'ana@example.com', 'held@far.example'], letter('held'))
  await waits(3)
  const held = /"queue_id": "(\w+)".*held@/.exec(
    postfix
      .run('postqueue', ['-j'])
      .split('\n')
      .find((line) => line.includes('held@')) ?? '',
  )?.[1]
  postfix.run('postsuper', ['-h', held ?? ''])
  await until('the first is delivered', () => lines(postfix.run('postqueue', ['-j'])) === 2)
  await postfix.stop()
  postfix.sendmail(['-f', 'ana@example.com', 'dropped@far.example'], letter('dropped'))
  const rights = rightsIn(postfix.spool)
  const files = readdirSync(machine, { recursive: true })

  assert.match(await ok('takeover', '--dry-run', '--root', machine), /^would: .*sendmail is put aside/)
  assert.match(await ok('takeover', '--root', machine), /holds 3 messages/)
  assert.match(await ok('queue', 'import'), /^3 messages taken in/)
  assert.match(await ok('start'), /ready\n$/)
  const sendmail = join(machine, 'usr/sbin/sendmail')
  for (const name of ['second', 'late2']) {
    const env = { MAIL_CONFIG: postfix.etc }
    const sent = await run(sendmail, ['-f', 'ana@example.com', `${name}@far.example`], { input: letter(name), env })
    assert.equal(sent.code, 0, sent.err)
  }
  waiting = /^(?:held|late)/
  await postigo('postqueue', '-f')
  await until('what Postigo can deliver is', () => ['early', 'dropped', 'second'].every((to) => delivered.includes(to)))
  await until('the others wait', async () => lines(await ok('postqueue', '-j')) === 3)
  await ok('stop')

  assert.match(await ok('giveback', '--root', machine), /^3 messages went to Postfix's queue, 0 stay/)
  assert.deepEqual(rightsIn(postfix.spool), rights)
  assert.deepEqual(
    readdirSync(machine, { recursive: true }).filter((name) => !/^(?:var|etc)/.test(String(name))),
    files,
  )
  waiting = /^$/
  await postfix.start()
  postfix.run('postsuper', ['-H', 'ALL'])
  postfix.run('postqueue', ['-f'])
  await until('Postfix has nothing left', () => postfix.run('postqueue', ['-j']).trim() === '')
  assert.deepEqual(delivered.toSorted(), ['dropped', 'early', 'first', 'held', 'late1', 'late2', 'second'])
})
