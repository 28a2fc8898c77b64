/** The queue of the installed Postfix becomes ours, with the same words; and goes back. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { BIN } from '../support/checkout.ts'
import { run, type Ran } from '../support/client.ts'
import { until } from '../support/mailbox.ts'
import { ownPostfix, type OwnPostfix, withoutPostfix } from '../support/own-postfix.ts'
import { freePort } from '../support/ports.ts'
import { startSink } from '../support/sink.ts'

const skip = withoutPostfix ?? false

interface Listed {
  readonly queue_name: string
  readonly queue_id: string
  readonly arrival_time: number
  readonly sender: string
  readonly recipients: readonly { readonly address: string; readonly delay_reason?: string }[]
}

function listed(text: string): Listed[] {
  const all = text.split('\n').filter((line) => line.startsWith('{'))
  return all.map((line) => JSON.parse(line) as Listed).toSorted((a, b) => (a.queue_id < b.queue_id ? -1 : 1))
}

/** What must be the same on both sides. */
const words = ({ queue_name, queue_id, arrival_time, sender, recipients }: Listed): object => ({
  queue_name,
  queue_id,
  arrival_time,
  sender,
  recipients,
})

const postigo = (postfix: OwnPostfix, ...argv: readonly string[]): Promise<Ran> =>
  run(BIN, argv, { env: { MAIL_CONFIG: postfix.etc } })

function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
}

/** Deferred mail with reports asked for, held mail, and mail that was dropped while Postfix was stopped. */
async function filled(t: TestContext, port: number): Promise<{ postfix: OwnPostfix; before: Listed[] }> {
  const postfix = await ownPostfix(
    t,
    `relayhost = [127.0.0.1]:${port}\nminimal_backoff_time = 1h\ndelay_warning_time = 1d\nsmtp_tls_security_level =\n`,
  )
  await postfix.start()
  const send = (name: string, ...argv: readonly string[]): void =>
    postfix.sendmail(
      ['-f', 'ana@example.com', ...argv],
      `Subject: ${name}\n\nFrom here: ${name}\n${'x'.repeat(3000)}\n.dot\nend`,
    )
  send('two', '-N', 'failure,delay', '-V', 'env=1', '-R', 'hdrs', 'bob@dead.example', 'carol@dead.example')
  send('held', 'held@dead.example')
  const list = (): Listed[] => listed(postfix.run('postqueue', ['-j']))
  const isDeferred = (one: Listed): boolean =>
    one.queue_name === 'deferred' && one.recipients.every((r) => r.delay_reason)
  await until('both are deferred', () => list().filter(isDeferred).length === 2)
  const held = list().find(({ recipients }) => recipients[0]?.address === 'held@dead.example')
  postfix.run('postsuper', ['-h', held?.queue_id ?? ''])
  const before = list()
  await postfix.stop()
  send('dropped', '-F', 'Ana Full', 'drop@dead.example')
  return { postfix, before }
}

test('what waited in Postfix waits in Postigo with the same words, and is delivered', { skip }, async (t) => {
  const port = await freePort()
  const { postfix, before } = await filled(t, port)
  const cut = before.find(({ recipients }) => recipients.length === 2)?.queue_id ?? ''
  assert.match((await postigo(postfix, 'check')).out, /holds 3 messages \(hold 1, deferred 1, maildrop 1\)/)
  assert.match((await postigo(postfix, 'queue', 'import')).out, /^3 messages taken in .*, 0 left\n$/)
  const ours = listed((await postigo(postfix, 'postqueue', '-j')).out)
  assert.deepEqual(ours.filter(({ queue_name }) => queue_name !== 'incoming').map(words), before.map(words))
  assert.deepEqual(
    ours.filter(({ queue_name }) => queue_name === 'incoming').map(({ recipients }) => recipients),
    [[{ address: 'drop@dead.example' }]],
  )
  const cat = (await postigo(postfix, 'postcat', '-q', cut)).out
  assert.match(cat, /envelope_id=env=1\n[^]*ret_flags=2\n[^]*notify_flags=12\n[^]*\nx{3000}\n\.dot\nend\n/)
  assert.match((await postigo(postfix, 'queue', 'import')).out, /^0 messages taken in, 0 left\n$/)
  for (const queue of ['deferred', 'hold', 'maildrop', 'defer'])
    assert.deepEqual(filesIn(join(postfix.spool, queue)), [])
  // Now there is somebody to take them.
  const sink = await startSink(t, { listens: { host: '127.0.0.1', port } })
  const reached = (): string[] => sink.heard.flat().flatMap((line) => /^RCPT TO:<(.*?)>/i.exec(line)?.[1] ?? [])
  assert.equal((await postigo(postfix, 'start')).code, 0)
  await postigo(postfix, 'postqueue', '-f')
  await until('all but the held one are delivered', () => reached().length === 3)
  await postigo(postfix, 'postsuper', '-H', 'ALL')
  await until('the held one too', () => reached().length === 4)
  assert.deepEqual(
    reached().toSorted(),
    ['bob', 'carol', 'drop', 'held'].map((name) => `${name}@dead.example`),
  )
})

test(
  'a running Postfix is not touched, a file cut short stays; and Postfix goes on with what waited here',
  { skip },
  async (t) => {
    const { postfix, before } = await filled(t, await freePort())
    await postfix.start()
    assert.match((await postigo(postfix, 'queue', 'import')).err, /Postfix runs \(process \d+\): "postfix stop" first/)
    await postfix.stop()
    const [first] = before.filter(({ queue_name }) => queue_name === 'deferred')
    const path = join(postfix.spool, 'deferred', first?.queue_id[0] ?? '', first?.queue_id ?? '')
    const whole = readFileSync(path)
    truncateSync(path, 700)
    // As if Postfix had told the sender of the held one that it is late.
    const [late = ''] = filesIn(join(postfix.spool, 'hold'))
    const heldPath = join(postfix.spool, 'hold', late)
    const due = readFileSync(heldPath, 'latin1')
    assert.match(due, /W. {5}[0-9]{10}/)
    writeFileSync(heldPath, due.replace(/W. {5}[0-9]{10}/, 'W\u000f             -1'), 'latin1')
    const ran = await postigo(postfix, 'queue', 'import')
    assert.equal(ran.code, 65)
    assert.match(ran.err, new RegExp(`${path}: octet \\d+: the file is cut short; it stays there`))
    assert.match(ran.out, /2 messages taken in .*, 1 left/)
    assert.ok(existsSync(path))
    writeFileSync(path, whole)
    assert.match((await postigo(postfix, 'queue', 'import')).out, /^1 messages taken in \(deferred 1\), 0 left\n$/)
    assert.match(
      (await postigo(postfix, 'queue', 'export')).out,
      /^3 messages went to Postfix's queue, 0 stay in ours\n$/,
    )
    assert.match((await postigo(postfix, 'mailq')).out, /Mail queue is empty/)
    const [held] = readdirSync(join(postfix.spool, 'hold'))
    const cat = spawnSync('postcat', ['-c', postfix.etc, join(postfix.spool, 'hold', held ?? '')], {
      encoding: 'latin1',
    })
    assert.match(cat.stdout, /\nFrom here: held\nx{3000}\n\.dot\nend\n/)
    const warnings = ['hold', 'deferred'].flatMap((queue) =>
      filesIn(join(postfix.spool, queue)).map((name) => {
        const found = readdirSync(join(postfix.spool, queue), { recursive: true, encoding: 'utf8' })
        const file = found.find((one) => one.endsWith(name)) ?? ''
        return `${queue}${/W.( {5}[0-9]{10}| {13}-1)/.exec(readFileSync(join(postfix.spool, queue, file), 'latin1'))?.[1]}`
      }),
    )
    const [day, arrival] = [86_400, first?.arrival_time ?? 0]
    assert.equal(warnings[0], 'hold             -1')
    assert.ok(warnings.includes(`deferred     ${arrival + day}`), warnings.join('\n'))
    await postfix.start()
    const list = (): Listed[] => listed(postfix.run('postqueue', ['-j']))
    const isTried = ({ queue_name, recipients: [first] }: Listed): boolean =>
      first?.delay_reason !== undefined && (queue_name === 'deferred' || queue_name === 'hold')
    let after: Listed[] = []
    await until('Postfix has tried all', () => (after = list()).length === 3 && after.every(isTried))
    const kept = ({ queue_name, arrival_time, sender, recipients }: Listed): object => ({
      queue_name,
      arrival_time,
      sender,
      to: recipients.map(({ address }) => address),
    })
    const byTo = (all: readonly Listed[]): object[] =>
      all.toSorted((a, b) => (JSON.stringify(a.recipients) < JSON.stringify(b.recipients) ? -1 : 1)).map(kept)
    assert.deepEqual(
      byTo(after.filter(({ recipients }) => recipients[0]?.address !== 'drop@dead.example')),
      byTo(before),
    )
  },
)
