/** The queue's commands as programs: sendmail by any user with and without a server, and what may be done with what waits. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { BIN as POSTIGO } from '../support/checkout.ts'
import { run, type Ran } from '../support/client.ts'
import { until } from '../support/mailbox.ts'
import { install, type Installation } from '../support/process.ts'

const BIN = dirname(POSTIGO)
const MAIN_CF =
  'transport_maps = inline:{ {down.test=smtp:[127.0.0.1]:9} {err.test=error:5.1.2 no such place} }\nrelay_domains = down.test\n'
const MESSAGE = 'Subject: one\nTo: x@down.test\n\nhello\n'

const isRoot = process.getuid?.() === 0

interface Tools extends Installation {
  readonly tool: (name: string, words: readonly string[], input?: string) => Promise<Ran>
  /** Stops the server as a user does. */
  readonly stop: () => Promise<void>
  readonly queue: () => Promise<readonly Readonly<Record<string, unknown>>[]>
}

async function tools(t: Parameters<typeof install>[0], mainCf = ''): Promise<Tools> {
  const installation = await install(t, MAIN_CF + mainCf)
  chmodSync(installation.dir, 0o755)
  const tool = (name: string, words: readonly string[], input = ''): Promise<Ran> =>
    run(join(BIN, name), words, { input, env: { MAIL_CONFIG: installation.dir } })
  return {
    ...installation,
    tool,
    stop: async () => assert.equal((await installation.postigo(['stop'])).code, 0),
    queue: async () =>
      (await tool('postqueue', ['-j'])).out
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  }
}

test('sendmail, mailq, postqueue, postcat and postsuper with a server and without', async (t) => {
  const { foreground, tool, stop, queue, postigo } = await tools(t)
  await foreground()
  assert.deepEqual(
    await tool('sendmail', ['-f', 's@x.test', 'a@down.test', 'b@down.test'], `${MESSAGE}.\nnot this\n`),
    {
      code: 0,
      out: '',
      err: '',
    },
  )
  const waits = async (): Promise<boolean> => JSON.stringify(await queue()).includes('delay_reason')
  await until('deferred', waits)
  const [message] = await queue()
  const id = String(message?.['queue_id'])
  const reason = 'connect to 127.0.0.1[127.0.0.1]:9: Connection refused'
  assert.deepEqual(
    { ...message, arrival_time: 0, message_size: 0 },
    {
      queue_name: 'deferred',
      queue_id: id,
      arrival_time: 0,
      message_size: 0,
      forced_expire: false,
      sender: 's@x.test',
      recipients: ['a@down.test', 'b@down.test'].map((address) => ({ address, delay_reason: reason })),
    },
  )
  const listing = (await tool('mailq', [])).out
  assert.match(
    listing,
    /^----Queue ID----- --Size-- ---Arrival Time---- --Sender\/Recipient------\n\w{15} {3} +\d+ \w{3} \w{3} [ \d]\d [\d:]{8} s@x\.test\n {23}\(connect to 127\.0\.0\.1\[127\.0\.0\.1\]:9: Connection refused\)\n {47}a@down\.test\n {47}b@down\.test\n\n-- 0 Kbytes in 1 Request\.\n$/,
  )
  const shown = (await tool('postcat', ['-q', id])).out
  assert.match(
    shown,
    /\nsender: s@x\.test\nnamed_attribute: dsn_orig_rcpt=rfc822;a@down\.test\noriginal_recipient: a@down\.test\nrecipient: a@down\.test\n/,
  )
  assert.match(
    shown,
    /CONTENTS deferred\/\w+ \*\*\*\nReceived: by mail\.example\.test \(Postigo, from userid \d+\)\n\tid \w+; \w{3}, /,
  )
  assert.equal((await tool('postcat', ['-bq', id])).out, '\nhello\n')
  assert.match((await tool('postcat', ['-bdoq', id])).out, /^ +\d+ {2}78 \n +\d+ {2}78 hello\n$/)
  assert.match((await tool('postcat', ['-hq', id])).out, /\nSubject: one\nTo: x@down\.test\n(?:[\w-]+: .*\n)*$/)
  assert.match((await postigo(['queue'])).out, /2 {2}connect to host:9: Connection refused\n +1 domain, next attempt/)
  assert.equal(
    (await tool('postsuper', ['-h', id])).err,
    `postsuper: ${id}: placed on hold\npostsuper: Placed on hold: 1 message\n`,
  )
  assert.match((await tool('mailq', [])).out, /\n\w{15}! /)
  await stop()
  const down = await tool('mailq', [])
  assert.match(down.out, /\n\w{15}! /)
  assert.match(down.err, /Mail system is down -- accessing queue directly/)
  assert.equal((await tool('postqueue', ['-f'])).code, 69)
  assert.equal(
    (await tool('postsuper', ['-H', '-'], `${id}\n`)).err,
    `postsuper: ${id}: released from hold\npostsuper: Released from hold: 1 message\n`,
  )
  assert.equal((await tool('sendmail', ['-t'], 'To: c@down.test\nBcc: d@down.test\n\nx\n')).code, 0)
  await foreground()
  await until('taken out of the maildrop', async () => (await queue()).length === 2)
  assert.match((await tool('postsuper', ['-r', 'ALL', 'deferred'])).err, /Requeued: \d messages?\n$/)
  assert.match((await tool('postsuper', ['-d', 'ALL'])).err, /Deleted: 2 messages\n$/)
  assert.equal((await tool('mailq', [])).out, 'Mail queue is empty\n')
})

test('what goes wrong is said in Postfix’s words and codes', async (t) => {
  const { foreground, tool } = await tools(t, 'message_size_limit = 2000\n')
  await foreground()
  const table: readonly (readonly [string, readonly string[], string, number, RegExp])[] = [
    [
      'sendmail',
      [],
      MESSAGE,
      75,
      /^sendmail: fatal: \w+\(\d+\): Recipient addresses must be specified on the command line or via the -t option\n$/,
    ],
    ['sendmail', ['-t'], 'Subject: x\n\nx\n', 75, /: No recipient addresses found in message header\n$/],
    ['sendmail', ['-Z'], '', 75, /^sendmail: invalid option -- 'Z'\nsendmail: fatal: usage: sendmail \[options\]\n$/],
    ['sendmail', ['a@down.test'], 'x'.repeat(3000), 69, /^sendmail: fatal: \w+\(\d+\): message file too big\n$/],
    ['postqueue', [], '', 69, /^postqueue: fatal: usage: postqueue -f \| /],
    ['postqueue', ['-i', 'A.b'], '', 69, /^postqueue: fatal: Cannot flush queue ID - invalid name: "A\.b"\n$/],
    [
      'postqueue',
      ['-s', 'else.test'],
      '',
      69,
      /^postqueue: fatal: Flush service is not configured for destination "else\.test"\n$/,
    ],
    ['postqueue', ['-s', 'down.test'], '', 0, /^$/],
    ['postcat', ['-q', 'nosuch'], '', 1, /^postcat: fatal: open queue file nosuch: No such file or directory\n$/],
    ['postsuper', ['-d', 'NOSUCH'], '', 0, /^postsuper: Deleted: 0 messages\n$/],
    ['postsuper', ['-d'], '', 1, /^postsuper: option requires an argument -- 'd'\npostsuper: fatal: usage: postsuper /],
  ]
  for (const [name, words, input, code, err] of table) {
    const ran = await tool(name, words, input)
    assert.match(ran.err, err, `${name} ${words.join(' ')}`)
    assert.equal(ran.code, code, `${name} ${words.join(' ')}`)
  }
})

test('sendmail -bs speaks SMTP and needs no server', async (t) => {
  const { foreground, tool, stop, queue } = await tools(t)
  await foreground()
  await stop()
  const dialogue =
    'EHLO x\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@down.test>\r\nDATA\r\nSubject: bs\r\n\r\n..dot\r\n.\r\nQUIT\r\n'
  const ran = await tool('sendmail', ['-bs'], dialogue)
  assert.match(
    ran.out,
    /^220 mail\.example\.test ESMTP .*\r\n250-[^]*\r\n354 .*\r\n250 2\.0\.0 Ok: queued as \w+\r\n221 2\.0\.0 Bye\r\n$/,
  )
  await foreground()
  await until('picked up', async () => (await queue()).some((message) => message['sender'] === 'a@x.test'))
})

test(
  'other users submit, may list, and may do no more',
  { skip: isRoot ? false : 'needs root to be others' },
  async (t) => {
    const { dir, foreground, tool, queue } = await tools(t, 'authorized_flush_users = !nobody, static:anyone\n')
    await foreground()
    const asNobody = (command: string, input = ''): Promise<Ran> =>
      run('/bin/su', ['nobody', '-s', '/bin/sh', '-c', `MAIL_CONFIG=${dir} ${BIN}/${command}`], { input })
    assert.equal((await asNobody('sendmail a@down.test', MESSAGE)).code, 0)
    await until('queued', async () => (await queue()).length === 1)
    assert.equal((await queue())[0]?.['sender'], 'nobody@mail.example.test')
    assert.match((await asNobody('mailq')).out, /nobody@mail\.example\.test\n/)
    assert.match(
      (await asNobody('postqueue -f')).err,
      /fatal: User nobody\(\d+\) is not allowed to flush the mail queue\n$/,
    )
    assert.match((await asNobody('postsuper -d ALL')).err, /use of this command is reserved for the superuser/)
    const maildrop = join(dir, 'data/postigo-public/maildrop')
    assert.equal(statSync(maildrop).mode & 0o7777, 0o1733)
    assert.equal((await asNobody(`../nosuch; ls ${maildrop}`)).out, '')
    // What is no message is not followed and not waited for; what pretends to be one goes.
    const name = 'ab'.repeat(16)
    symlinkSync('/etc/passwd', join(maildrop, name))
    writeFileSync(join(maildrop, 'cd'.repeat(16)), 'rubbish\n', { mode: 0o744 })
    mkdirSync(join(maildrop, 'directory'))
    assert.equal((await tool('sendmail', ['b@down.test'], MESSAGE)).code, 0)
    await until('the good one is taken', async () => (await queue()).length === 2)
    await until('the bad one is gone', () => !readdirSync(maildrop).includes('cd'.repeat(16)))
  },
)

test('sendmail -XV: default_verp_delimiters, and those that verp_delimiter_filter lets through', async (t) => {
  const { foreground, tool, queue } = await tools(t, 'verp_delimiter_filter = #=\ndefault_verp_delimiters = #=\n')
  await foreground()
  assert.match((await tool('sendmail', ['-XV+=', 'a@down.test'], MESSAGE)).err, /requires two characters from #=\n$/)
  assert.equal((await tool('sendmail', ['-XV', 'a@down.test'], MESSAGE)).code, 0)
  await until('queued', async () => (await queue()).length === 1)
  const id = String((await queue())[0]?.['queue_id'])
  assert.match((await tool('postcat', ['-eq', id])).out, /\nverp_delimiters: #=\n/)
})

test(
  'authorized_submit_users and authorized_mailq_users: who is not among them neither submits nor lists',
  { skip: isRoot ? false : 'needs root to be others' },
  async (t) => {
    const { dir, write, foreground, tool, queue } = await tools(
      t,
      'authorized_submit_users = !nobody, static:anyone\nauthorized_mailq_users = !nobody, static:anyone\n',
    )
    await foreground()
    const asNobody = (command: string, config: string, input = ''): Promise<Ran> =>
      run('/bin/su', ['nobody', '-s', '/bin/sh', '-c', `MAIL_CONFIG=${config} ${BIN}/${command}`], { input })
    assert.deepEqual(await asNobody('sendmail a@down.test', dir, MESSAGE), {
      code: 75,
      out: '',
      err: 'sendmail: fatal: User nobody(65534) is not allowed to submit mail\n',
    })
    const listed = await asNobody('mailq', dir)
    assert.equal(listed.err, 'postqueue: fatal: User nobody(65534) is not allowed to view the mail queue\n')
    assert.equal(listed.code, 69)
    // A configuration of one's own does not help: the server asks its own.
    mkdirSync(join(dir, 'other'))
    write('other/main.cf', `data_directory = ${dir}/data\nqueue_directory = ${dir}\nmyhostname = mail.example.test\n`)
    assert.equal((await asNobody('sendmail a@down.test', join(dir, 'other'), MESSAGE)).code, 0)
    assert.equal((await tool('sendmail', ['-f', 's@x.test', 'b@down.test'], MESSAGE)).code, 0)
    const maildrop = join(dir, 'data/postigo-public/maildrop')
    await until('all are looked at', async () => (await queue()).length > 0 && readdirSync(maildrop).length === 0)
    assert.deepEqual(
      (await queue()).map((message) => message['sender']),
      ['s@x.test'],
    )
    assert.match(
      readFileSync(join(dir, 'mail.log'), 'utf8'),
      /warning: maildrop\/\w+: user nobody is not allowed to submit mail; it is removed\n/,
    )
  },
)
