/** What waits, side by side: postqueue -p and -j, with mail that is deferred, held, and large. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { BIN } from '../../support/checkout.ts'
import { run } from '../../support/client.ts'
import { until } from '../../support/mailbox.ts'
import { reasonToSkip, writeView } from './namespace.ts'
import { play, type Step } from './player.ts'
import { startPostfix } from './postfix.ts'
import { startPostigo } from './postigo.ts'
import { PORT_OFFSET, type World } from './world.ts'

const MAIN_CF = `
mynetworks = 127.0.0.0/8
local_recipient_maps =
smtpd_sender_restrictions = check_sender_access inline:{ held@known.test=HOLD, { both@known.test=HOLD } }
transport_maps = inline:{ ${[1, 2, 3, 4, 5, 6, 7].map((n) => `{ down${n}.test=smtp:[127.0.0.1]:${n} }`).join(' ')} }
defer_transports =
alias_maps =
virtual_alias_maps = inline:{ { list@known.test=a@down6.test, b@down6.test } }
maximal_queue_lifetime = 1d
enable_long_queue_ids = yes
`

const mail = (from: string, to: readonly string[], size: number, words = ''): Step[] => [
  'EHLO client.example.test',
  `MAIL FROM:<${from}>${words}`,
  ...to.map((one) => `RCPT TO:<${one}>`),
  'DATA',
  { content: `Subject: x\r\n\r\n${`${'x'.repeat(60)}\r\n`.repeat(size)}` },
  'QUIT',
]

/** Each to a host of its own: who fails twice is left alone for a while, and that depends on the moment. */
const MESSAGES: readonly (readonly Step[])[] = [
  mail('one@known.test', ['a@down1.test'], 1),
  mail('two@known.test', ['a@down2.test', 'b@down2.test', 'c@down2.test'], 10),
  mail('held@known.test', ['a@down3.test', 'b@else.test'], 1),
  mail('', ['a@down4.test'], 1),
  mail('"a b"@known.test', ['"c d"@down5.test'], 1),
  mail('list-sender@known.test', ['list@known.test'], 2000),
  mail(`${'l'.repeat(60)}@known.test`, [`${'r'.repeat(60)}@down7.test`], 1),
]

/** The listing with its messages in the order of their senders, without ids, sizes, ages and what differs anyway. */
function shape(listing: string): string[] {
  const [head = '', ...rest] = listing.trimEnd().split('\n')
  const messages = rest.join('\n').split('\n\n')
  const tail = messages.at(-1)?.split('\n').at(-1) ?? ''
  const plain = messages.map((message) =>
    message
      .replace(/^[0-9A-Za-z]+(?=[*!# ])/, (id) => 'ID'.padEnd(Math.max(2, Math.min(id.length, 2))))
      .replace(/^(ID[*!]?#?) +(\d+) /, '$1 SIZE ')
      .replace(/\b[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d\b/, 'DATE')
      .replace(/^-- \d+ Kbytes in (\d+) Requests?\.$/m, '-- N Kbytes in $1 Requests.'),
  )
  return [head, ...plain.toSorted(), tail.replace(/\d+ Kbytes/, 'N Kbytes')]
}

const jsonShape = (lines: string): string[] =>
  lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) =>
      line
        .replace(/"queue_id": ?"\w+"/, '"queue_id": "ID"')
        .replace(/"arrival_time": ?\d+/, '"arrival_time": N')
        .replace(/"message_size": ?\d+/, '"message_size": N'),
    )
    .toSorted()

/** What postsuper is asked to do, messages by their senders; in this order nothing is delivered meanwhile. */
const DEEDS: readonly (readonly string[])[] = [
  ['-h', 'one@known.test'],
  ['-h', 'one@known.test'],
  ['-h', 'two@known.test', 'deferred'],
  ['-h', 'list-sender@known.test', 'hold'],
  ['-e', 'list-sender@known.test'],
  ['-e', 'list-sender@known.test'],
  ['-e', 'held@known.test'],
  ['-h', 'ABCDEF'],
  ['-d', 'not/an/id'],
  ['-d', 'two@known.test', 'deferred'],
  ['-d', 'two@known.test'],
  ['-d', 'two@known.test'],
  ['-h', 'ALL', 'deferred'],
  ['-e', 'ALL', 'hold'],
  ['-d', 'ALL', 'incoming'],
  ['-d', 'ALL', 'bogus'],
  ['-x'],
  ['-d', 'one@known.test', '-h', '"a b"@known.test'],
  ['-f', 'ALL', 'deferred'],
  ['-h', 'held@known.test', 'hold'],
  ['-H', 'ALL', 'deferred'],
]

/** Recipients in all and of each domain, of qshape(1)'s table. */
function totals(table: string): string[] {
  return Array.from(table.matchAll(/^ *([\w.]+) +(\d+)(?: +\d+){10}$/gm), ([, domain, count]) => `${domain} ${count}`)
    .filter((line) => !line.startsWith('T '))
    .toSorted()
}

/** Queue ids by sender. */
function idsOf(lines: string): Map<string, string> {
  return new Map(
    Array.from(lines.matchAll(/"queue_id": ?"(\w+)".*?"sender": ?"((?:[^"\\]|\\.)*)"/g), ([, id = '', sender = '']) => [
      sender.replaceAll('\\"', '"'),
      id,
    ]),
  )
}

test('the queue as it is listed, side by side', { skip: reasonToSkip() ?? false, timeout: 90_000 }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-queue-'))
  chmodSync(dir, 0o755)
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  writeView(dir, '127.0.0.1')
  const world: World = {
    name: 'queue',
    mainCf: MAIN_CF,
    files: {},
    indexed: [],
    sessions: [{ name: 'in', steps: [] }],
  }
  const place = (name: string): { dir: string; address: string; sinkPort: number } => ({
    dir: join(dir, name),
    address: '127.0.0.1',
    sinkPort: 9,
  })
  const base = 22_760
  const postfix = await startPostfix(world, place('postfix'), base, dir)
  try {
    const postigo = await startPostigo(world, place('postigo'), base, dir, place('postfix').dir)
    try {
      await until('Postfix listens', () => postfix.log().includes('daemon started'))
      const list = async (product: 'postfix' | 'postigo', letter: string): Promise<string> => {
        const program = product === 'postfix' ? '/usr/sbin/postqueue' : join(dirname(BIN), 'postqueue')
        const ran = await run(program, ['-c', place(product).dir, letter], {})
        assert.equal(ran.code, 0, ran.err)
        return ran.out
      }
      const both = (letter: string): Promise<string[]> =>
        Promise.all([list('postfix', letter), list('postigo', letter)])
      assert.deepEqual(...((await both('-p')) as [string, string])) // empty
      for (const steps of MESSAGES)
        for (const port of [base, base + PORT_OFFSET]) await play('127.0.0.1', port, { steps, client: '' })
      const settled = async (): Promise<boolean> =>
        (await both('-j')).every(
          (out) =>
            out.split('\n').length === MESSAGES.length + 1 &&
            !out.includes('"queue_name": "active"') &&
            !out.includes('"queue_name": "incoming"') &&
            (out.match(/delay_reason/g)?.length ?? 0) === 9,
        )
      await until('all has been tried', settled)
      const [theirs = '', ours = ''] = await both('-p')
      assert.deepEqual(shape(ours), shape(theirs))
      const [theirJson = '', ourJson = ''] = await both('-j')
      assert.deepEqual(jsonShape(ourJson), jsonShape(theirJson))

      // It takes no $name in a main.cf.
      writeFileSync(join(dir, 'main.cf'), `queue_directory = ${place('postfix').dir}/spool\n`)
      const shaped = await run('/usr/sbin/qshape', ['-c', dir, 'hold', 'deferred'], {})
      const queue = await run(BIN, ['queue', '-c', place('postigo').dir], {})
      assert.deepEqual(totals(queue.out), totals(shaped.out), shaped.out + shaped.err)
      assert.match(queue.out, /^ {6}\d {2}connect to .*: Connection refused$/m)

      const ids = { postfix: idsOf(theirJson), postigo: idsOf(ourJson) }
      const superuser = async (product: 'postfix' | 'postigo', words: readonly string[]): Promise<string> => {
        const program = product === 'postfix' ? '/usr/sbin/postsuper' : join(dirname(BIN), 'postsuper')
        const argv = words.map((word) => ids[product].get(word) ?? word)
        const { code, err, out } = await run(program, ['-c', place(product).dir, ...argv], {})
        const said = [...ids[product]].reduce((text, [sender, id]) => text.replaceAll(id, sender), err + out)
        return `${code}: ${said.split('\n').toSorted().join('\n').trim()}`
      }
      for (const words of DEEDS) {
        const line = words.join(' ')
        assert.equal(await superuser('postigo', words), await superuser('postfix', words), `postsuper ${line}`)
      }
      const [their, our] = await both('-p')
      assert.deepEqual(shape(our ?? ''), shape(their ?? ''))
    } finally {
      await postigo.stop()
    }
  } finally {
    await postfix.stop()
  }
})
