/** sendmail(1): what Debian's and ours put into the queue for the same words, and what they say. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import type { CliIo, Command } from '#src/main/cli/io.ts'
import { postcat } from '#src/main/cli/postcat.ts'
import { sendmail } from '#src/main/cli/sendmail.ts'
import { type Ran, run } from '../../support/client.ts'
import { until } from '../../support/mailbox.ts'
import { startServer } from '../../support/server.ts'
import { reasonToSkip, writeView } from './namespace.ts'
import { startPostfix } from './postfix.ts'

const PORT = 21_990

const HEAD = 'Subject: x\nTo: Ana <a@d.test>, b@d.test\nCc: c@d.test\nBcc: e@d.test\n\nbody\n'

interface Case {
  readonly words: string
  readonly input: string
}

const CASES: readonly Case[] = [
  { words: 'a@d.test', input: 'Subject: x\n\nhello\n' },
  { words: '-t', input: HEAD },
  { words: '-t z@d.test', input: HEAD },
  { words: '-oi -t', input: HEAD },
  { words: '-t', input: `Resent-To: r@d.test\n${HEAD}` },
  { words: 'a@d.test', input: 'Subject: dot\n\none\n.\ntwo\n' },
  { words: '-i a@d.test', input: 'Subject: dot\n\none\n.\ntwo\n' },
  { words: '-oi a@d.test', input: 'Subject: dot\n\none\n.\n..\n' },
  { words: '-f s@x.test a@d.test', input: 'Subject: x\n\n' },
  { words: '-f <> a@d.test', input: 'Subject: x\n\n' },
  { words: '-f bare a@d.test', input: 'Subject: x\n\n' },
  { words: '-r s@x.test -F Some,One a@d.test', input: 'Subject: x\n\n' },
  { words: '-F Name -f s@x.test a@d.test', input: 'From: other@x.test\nSubject: x\n\n' },
  { words: '-N success,failure a@d.test', input: 'Subject: x\n\n' },
  { words: '-N never a@d.test', input: 'Subject: x\n\n' },
  { words: '-N bad a@d.test', input: 'Subject: x\n\n' },
  { words: '-R hdrs a@d.test', input: 'Subject: x\n\n' },
  { words: '-R full a@d.test', input: 'Subject: x\n\n' },
  { words: '-R odd a@d.test', input: 'Subject: x\n\n' },
  { words: '-V id42 a@d.test', input: 'Subject: x\n\n' },
  { words: '-B 8BITMIME a@d.test', input: 'Subject: x\n\nñ\n' },
  { words: '-B odd a@d.test', input: 'Subject: x\n\n' },
  { words: '-G -f s@x.test a@d.test', input: 'Subject: x\n\n' },
  { words: '-O DeliveryMode=b -oem -om -h 5 -L label -Am -U a@d.test', input: 'Subject: x\n\n' },
  { words: '-bm a@d.test', input: 'Subject: x\n\n' },
  { words: '-XV -f list@x.test a@d.test', input: 'Subject: x\n\n' },
  { words: '-XV-= -f list@x.test a@d.test', input: 'Subject: x\n\n' },
  { words: '-XVxx -f list@x.test a@d.test', input: 'Subject: x\n\n' },
  { words: 'a@d.test', input: 'From: me\nTo: bare\nSubject: x\n\n' },
  { words: 'a@d.test,b@d.test', input: 'Subject: x\n\n' },
  { words: 'a@d.test', input: 'From me Mon Nov 24 2026\nSubject: x\n\nhello\n' },
  { words: 'a@d.test', input: 'no header at all\n' },
  { words: 'a@d.test', input: '' },
  { words: 'a@d.test', input: 'Subject: crlf\r\n\r\none\r\n' },
  { words: 'a@d.test', input: 'Subject: no end\n\nlast line' },
  { words: '', input: 'Subject: x\n\n' },
  { words: '-t', input: 'Subject: nobody\n\n' },
  { words: '-Z a@d.test', input: '' },
  { words: '-bz a@d.test', input: '' },
]

const MAIN_CF =
  'defer_transports = smtp, local, relay\nlocal_header_rewrite_clients = permit_inet_interfaces\nmyorigin = $myhostname\n'

/** What a postcat shows, without what is each one's own. */
function plain(shown: string): string[] {
  return shown
    .split('\n')
    .filter(
      (line) =>
        !/^(?:message_size|message_arrival_time|create_time|\*\*\*|named_attribute: (?:rewrite_context|log_|message_origin)|Received:|sender_fullname|\tid |(?:Resent-)?Message-Id:|(?:Resent-)?Date:|warning_message_time)/.test(
          line,
        ),
    )
    .map((line) => line.replace(/\(Postfix|\(Postigo/, '(MTA'))
    .filter((line, i, all) => line !== 'named_attribute: encoding=8bit' || all.indexOf(line) === i) // by pickup and by cleanup
}

async function commandOf(command: Command, argv: readonly string[], dir: string, input = ''): Promise<Ran> {
  let [out, err] = ['', '']
  const io: CliIo = {
    stdin: Readable.from(input === '' ? [] : [Buffer.from(input)]),
    out: (text) => void (out += text.toString('latin1')),
    err: (text) => void (err += text),
    env: { MAIL_CONFIG: dir },
    cwd: dir,
    tty: false,
  }
  return { code: await command(argv, io), out, err }
}

test('the same words, the same message and envelope', { skip: reasonToSkip() ?? false }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-sendmail-'))
  chmodSync(dir, 0o755)
  t.after(() => rmSync(dir, { recursive: true }))
  writeView(dir, '127.0.0.1')
  const place = { dir: join(dir, 'instance'), address: '127.0.0.1', sinkPort: 9 }
  mkdirSync(place.dir)
  const world = { name: 'sendmail', mainCf: MAIN_CF, files: {}, indexed: [], sessions: [{ name: 'in', steps: [] }] }
  const server = await startServer(t, { mainCf: MAIN_CF })
  const postfix = await startPostfix(world, place, PORT, dir)
  t.after(() => postfix.stop())
  const queued = async (): Promise<string[]> =>
    Array.from(
      (await run('postqueue', ['-c', place.dir, '-j'])).out.matchAll(/"deferred", "queue_id": "(\w+)"/g),
      ([, id]) => id ?? '',
    )
  const differences: string[] = []
  for (const { words, input } of CASES) {
    const argv = words.split(' ').filter((word) => word !== '')
    const before = new Set(await queued())
    const theirs = await run('/usr/sbin/sendmail', ['-C', place.dir, ...argv], { input })
    const ours = await commandOf(sendmail, argv, server.dir, input)
    // An option that there is not is told of twice there.
    const said = ({ code, err }: Ran): string => `${code} ${[...new Set(err.trim().split('\n'))].join('\n')}`
    if (said(ours) !== said(theirs)) differences.push(`${words}: said ${said(ours)} instead of ${said(theirs)}`)
    if (theirs.code !== 0 || ours.code !== 0) continue
    let id: string | undefined
    await until(
      `Postfix has queued ${words}`,
      async () => (id = (await queued()).find((one) => !before.has(one))) !== undefined,
    )
    const { desk } = server.server.rooms
    await until(`Postigo has queued ${words}`, () =>
      desk.page().messages.some(({ recipients }) => recipients.every(({ reason }) => reason !== '')),
    )
    const ourId = desk.page().messages[0]?.queueId ?? ''
    // The envelope in any order: recipients out of the header stand behind the content there.
    const shown = [
      ...plain((await commandOf(postcat, ['-eq', ourId], server.dir)).out).toSorted(),
      ...plain((await commandOf(postcat, ['-bhq', ourId], server.dir)).out),
    ]
    const expected = [
      ...plain((await run('postcat', ['-c', place.dir, '-eq', id ?? ''])).out).toSorted(),
      ...plain((await run('postcat', ['-c', place.dir, '-bhq', id ?? ''])).out),
    ]
    await desk.operate('delete', { queueIds: 'ALL', queues: ['deferred', 'active', 'incoming', 'hold'] })
    if (shown.join('\n') !== expected.join('\n'))
      differences.push(
        `${words}, ${JSON.stringify(input)}:\n${shown.join('\n')}\n--- instead of\n${expected.join('\n')}`,
      )
  }
  assert.equal(differences.join('\n\n'), '')
})
