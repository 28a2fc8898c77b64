/** pipe(8): entries, macros, copies and ends, as Postfix 3.7.11 has them. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { systemClock } from '#src/base/mod.ts'
import { parseConfig } from '../../../io/config/mod.ts'
import type { DeliveryJob, RecipientResult } from '../../queue/mod.ts'
import { localParams } from '../local/params.ts'
import { runAsChild } from '../local/run-as.ts'
import { createPipeAgent } from './agent.ts'
import { expandArguments, MacroError } from './arguments.ts'
import { deliveredTo, pipeCopy } from './copy.ts'
import { parsePipeService, PipeServiceError } from './service.ts'

const MESSAGE = 'Subject: x\r\n\r\nFrom here\r\n.dot\r\nend\r\n'
const EXTENSIONS = { delimiters: '+', ownerRequestSpecial: true, doubleBounceSender: 'double-bounce' }

function jobTo(
  addresses: readonly string[],
  given: Partial<DeliveryJob> & { readonly text?: string } = {},
): DeliveryJob {
  const { text = MESSAGE, ...facts } = given
  const octets = Buffer.from(text)
  return {
    queueId: '4ABC',
    transport: 'tube',
    nexthop: 'Next.Hop',
    sender: 'Send.Er@X.test',
    recipients: addresses.map((address, n) => ({ id: n + 1, address, original: '', transport: 'tube', nexthop: '' })),
    arrivalMs: 0,
    sizeOctets: octets.length,
    smtpUtf8: false,
    saslUsername: '',
    at: { segment: 0, offset: 0, length: octets.length },
    read: (from, to) => octets.subarray(from, to),
    ...facts,
  }
}

const service = (...args: string[]): ReturnType<typeof parsePipeService> => parsePipeService({ name: 'tube', args })

test('macros are filled in once, or once for each recipient', () => {
  const client = {
    address: '127.0.0.1',
    port: 4711,
    name: 'localhost',
    helo: 'client.test',
    protocol: 'ESMTP',
    saslMethod: 'PLAIN',
    saslSender: '',
  }
  const job = jobTo(['Ana+Ex@Args.test', 'bob@args.test'], { client, saslUsername: 'ana', envid: 'e1' })
  const table: [flags: string, word: string, expected: string[]][] = [
    ['', 'n=$nexthop', ['n=Next.Hop']],
    ['', 'p=$client_port', ['p=4711']],
    ['h', 'n=$nexthop', ['n=next.hop']],
    ['', 's=${sender}', ['s=Send.Er@X.test']],
    ['', 'r=${recipient}', ['r=Ana+Ex@Args.test', 'r=bob@args.test']],
    ['hu', 'r=${recipient}', ['r=ana+ex@args.test', 'r=bob@args.test']],
    ['', 'u=$user', ['u=Ana', 'u=bob']],
    ['u', 'e=$extension', ['e=ex', 'e=']],
    ['', 'm=$mailbox', ['m=Ana+Ex', 'm=bob']],
    ['', '$$x $(user)-$domain', ['$x Ana-Args.test', '$x bob-args.test']],
    ['', 'o=$original_recipient', ['o=Ana+Ex@Args.test', 'o=bob@args.test']],
    ['', '$client_address $client_hostname $client_helo', ['127.0.0.1 localhost client.test']],
    ['', '$client_protocol $sasl_method $sasl_username $sasl_sender.', ['ESMTP PLAIN ana .']],
    ['', '$queue_id $size $envid', [`4ABC ${MESSAGE.length} e1`]],
    ['', 'no macro', ['no macro']],
  ]
  for (const [flags, word, expected] of table)
    assert.deepEqual(
      expandArguments(service(`flags=${flags}`, 'user=u', 'argv=x', word), job, EXTENSIONS).slice(1),
      expected,
    )
  for (const word of ['${foo}', '${recipient?yes}', '$'])
    assert.throws(() => expandArguments(service('user=u', 'argv=x', word), job, EXTENSIONS), MacroError)
})

test('what a recipient is called stays one word', () => {
  const job = jobTo(['a b; rm -rf /@x.test'], { sender: '' })
  const got = (flags: string, more = 'user=u'): string[] =>
    expandArguments(service(`flags=${flags}`, more, 'user=u', 'argv=x', '$recipient', '$sender'), job, EXTENSIONS)
  assert.deepEqual(got(''), ['x', 'a b; rm -rf /@x.test', 'MAILER-DAEMON'])
  assert.deepEqual(got('q', 'null_sender='), ['x', '"a b; rm -rf /"@x.test', ''])
})

test('an entry that cannot be used says so in the words of pipe(8)', () => {
  const table: [string[], string][] = [
    [['user=u'], 'missing argv= command-line attribute'],
    [['argv=/bin/true'], 'missing user= command-line attribute'],
    [['foo=bar', 'user=u', 'argv=/bin/true'], 'unknown attribute name: foo=bar'],
    [['flags=Z', 'user=u', 'argv=/bin/true'], 'unknown flag: Z (ignored)'],
    [['size=many', 'user=u', 'argv=/bin/true'], 'bad size argument: many'],
    [['chroot=/x', 'user=u', 'argv=/bin/true'], 'chroot= is not supported: run chroot(8) in argv='],
  ]
  for (const [args, message] of table) assert.throws(() => service(...args), new PipeServiceError(message))
  assert.equal(service('user=u', 'eol=\\r\\n\\101', 'argv=x').eol, '\r\nA')
})

test('the copy has the lines that the flags ask for', () => {
  const at = Date.UTC(2026, 10, 24, 13, 22, 7)
  const copy = (flags: string, more: string[] = [], sender = 's nd@X.test'): string => {
    const job = jobTo(['a@loop.test'], { sender })
    return Buffer.concat([...pipeCopy(job, service(`flags=${flags}`, ...more, 'user=u', 'argv=x'), at)])
      .toString()
      .replace(/ {2}\w{3} \w{3} [\d :]+/, '  DATE')
  }
  assert.equal(copy(''), 'Subject: x\n\nFrom here\n.dot\nend\n')
  assert.equal(copy('BF.>'), 'From "s nd"@X.test  DATE\nSubject: x\n\n>From here\n..dot\nend\n\n')
  assert.equal(
    copy('DOR'),
    'Return-Path: <"s nd"@X.test>\nX-Original-To: a@loop.test\nDelivered-To: a@loop.test\nSubject: x\n\nFrom here\n.dot\nend\n',
  )
  assert.equal(copy('R', ['eol=\\r\\n'], ''), `Return-Path: <MAILER-DAEMON>\r\n${MESSAGE}`)
  assert.equal(copy('RF', ['null_sender='], '').slice(0, 45), 'From MAILER-DAEMON  DATE\nReturn-Path: <>\nSubj')
})

test('Delivered-To counts in the header only', () => {
  const job = jobTo([], { text: 'Delivered-To:  A@b.test \r\nX: y\r\n\r\nDelivered-To: c@d.test\r\n' })
  assert.deepEqual([...deliveredTo(job)], ['a@b.test'])
})

const isRoot = process.getuid?.() === 0
const SELF = userInfo()
const USER = isRoot
  ? { name: 'nobody', uid: 65_534, gid: 65_534 }
  : { name: SELF.username, uid: SELF.uid, gid: SELF.gid }
const SCRIPT = '#!/bin/sh\n[ -n "$2" ] && echo "$2"\ncase $1 in sig) kill -9 $$ ;; sleep) sleep 20 ;; esac\nexit $1\n'

function agentWith(
  t: TestContext,
  args: readonly string[],
): { dir: string; deliver: (job: DeliveryJob) => Promise<string[]> } {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-pipe-'))
  t.after(() => rmSync(dir, { recursive: true }))
  chmodSync(dir, 0o777)
  writeFileSync(join(dir, 'x'), SCRIPT, { mode: 0o755 })
  const words = args.map((word) => word.replaceAll('DIR', dir).replaceAll('USER', USER.name))
  const config = parseConfig(`queue_directory = ${dir}\nrecipient_delimiter = +\n`)
  const [master] = parseConfig('', new Map(), { masterCf: `tube unix - n n - - pipe ${words.join(' ')}\n` }).master
  const agent = createPipeAgent({
    clock: systemClock,
    run: runAsChild,
    cf: () => config.bind(localParams),
    own: () => ({ TZ: undefined, MAIL_CONFIG: '/etc/postfix' }),
    service: () => master,
    timeLimitMs: () => 400,
    mailOwner: () => 'owner',
    user: (name) => {
      const ids = name === 'root' ? { uid: 0, gid: 0 } : { uid: USER.uid, gid: USER.gid }
      return Promise.resolve(name === 'nosuch' ? undefined : { name, ...ids, home: '/', shell: '/bin/sh' })
    },
    group: () => Promise.resolve(undefined),
  })
  const deliver = async (job: DeliveryJob): Promise<string[]> => {
    const said: string[] = []
    const take = (id: number, result: RecipientResult, relay: string): void =>
      void said.push(`${id} ${relay} ${result.dsn} ${result.status} ${result.text.replaceAll(dir, 'DIR')}`)
    await agent.deliver(job, take, new AbortController().signal)
    return said
  }
  return { dir, deliver }
}

// Each line as Postfix logged it for the same entry.
const ends: readonly (readonly [entry: string, expected: string])[] = [
  ['user=USER argv=DIR/x 0', '2.0.0 sent delivered via tube service'],
  ['user=USER argv=DIR/x 0 {hello there}', '2.0.0 sent delivered via tube service (hello there)'],
  ['user=USER argv=DIR/x 67 {some text}', '5.1.1 bounced user unknown. Command output: some text '],
  ['user=USER argv=DIR/x 75', '4.3.0 deferred temporary failure'],
  ['user=USER argv=DIR/x 1 out', '5.3.0 bounced Command died with status 1: "DIR/x". Command output: out '],
  ['user=USER argv=DIR/x 99', '5.3.0 bounced Command died with status 99: "DIR/x"'],
  ['user=USER argv=DIR/x sig', '4.3.0 deferred Command died with signal 9: "DIR/x"'],
  [
    'user=USER argv=DIR/x sleep waiting',
    '5.3.0 bounced Command time limit exceeded: "DIR/x". Command output: waiting ',
  ],
  ['user=USER argv=DIR/x 67 {4.2.2 mailbox is full}', '4.2.2 deferred mailbox is full '],
  [
    'user=USER argv=DIR/gone',
    '4.3.0 deferred temporary failure. Command output: pipe: fatal: pipe_command: execvp DIR/gone: No such file or directory ',
  ],
  ['user=USER argv=true', '2.0.0 sent delivered via tube service'],
  ['user=USER argv=/bin/true ${foo}', '4.3.5 deferred mail system configuration error'],
  ['user=USER size=10 argv=/bin/true', '5.2.3 bounced message too large'],
  ['user=USER directory=/nonexistent argv=/bin/true', '4.3.0 deferred temporary failure'],
  ['user=root argv=/bin/true', '4.3.0 deferred unknown mail transport error'],
  ['user=owner argv=/bin/true', '4.3.0 deferred unknown mail transport error'],
  ['user=nosuch argv=/bin/true', '4.3.0 deferred unknown mail transport error'],
  ['flags=Z user=USER argv=/bin/true', '4.3.0 deferred unknown mail transport error'],
]

test('the end of a service is what Postfix makes of it', async (t) => {
  for (const [entry, expected] of ends) {
    const { deliver } = agentWith(t, entry.split(' '))
    assert.deepEqual(await deliver(jobTo(['a@b.test'])), [`1 tube ${expected}`], entry)
  }
})

test('all recipients go to one command, with the environment of pipe(8) and no more', async (t) => {
  const { dir, deliver } = agentWith(t, ['user=USER', 'argv=/bin/sh', '-c', '{env >DIR/env; cat >DIR/$$1}', '$user'])
  const said = await deliver(jobTo(['ana+x@b.test', 'eva@b.test']))
  assert.deepEqual(said, [
    '1 tube 2.0.0 sent delivered via tube service',
    '2 tube 2.0.0 sent delivered via tube service',
  ])
  assert.equal(readFileSync(join(dir, 'eva'), 'utf8'), MESSAGE.replaceAll('\r', ''))
  const env = readFileSync(join(dir, 'env'), 'utf8').match(/^(LANG|MAIL_CONFIG|PATH|HOME|USER)=.*$/gm)
  assert.deepEqual(env?.toSorted(), ['LANG=C', 'MAIL_CONFIG=/etc/postfix', 'PATH=/usr/bin:/bin'])
})

test('a message does not go twice to the same recipient with the D flag, nor to two at once', async (t) => {
  const { deliver } = agentWith(t, ['flags=D', 'user=USER', 'argv=/bin/true'])
  const text = `Delivered-To: A@loop.test\r\n${MESSAGE}`
  assert.deepEqual(await deliver(jobTo(['a@loop.test'], { text })), [
    '1 tube 5.4.6 bounced mail forwarding loop for a@loop.test',
  ])
  assert.deepEqual(await deliver(jobTo(['a@b.test', 'c@d.test'])), [
    '1 tube 4.3.5 deferred mail system configuration error',
    '2 tube 4.3.5 deferred mail system configuration error',
  ])
})
