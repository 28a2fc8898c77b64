/** sendmail -bv: the reports of Debian's Postfix and ours about the same recipients, word by word. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { sendmail } from '#src/main/cli/sendmail.ts'
import { run } from '../../support/client.ts'
import { until } from '../../support/mailbox.ts'
import { startServer } from '../../support/server.ts'
import { type Sink, startSink } from '../../support/sink.ts'
import { reasonToSkip, writeView } from './namespace.ts'
import { startPostfix } from './postfix.ts'

const PORT = 21_980
const HERE = 'mail.example.test'

const PIPE = 'tool unix - n n - - pipe flags=R user=nobody argv=/bin/echo one ${recipient}\n'

/** Recipients of one report each. */
const CASES: readonly (readonly [string, ...string[]])[] = [
  ['good@far.test'],
  ['bad@far.test'],
  ['later@far.test'],
  ['good@far.test', 'bad@far.test', 'later@far.test'],
  [`nosuch@${HERE}`],
  [`nobody@${HERE}`],
  [`team@${HERE}`],
  [`piped@${HERE}`],
  [`filed@${HERE}`],
  ['v@virt.test'],
  ['none@virt.test'],
  ['x@closed.test'],
  ['x@gone.test'],
  ['x@tool.test'],
  ['m@box.test'],
  ['d@box.test'],
]

const FILES = {
  aliases: 'team: good@far.test, bad@far.test, nobody\npiped: "|/bin/false"\nfiled: /nonexistent/file\n',
  virtual: 'v@virt.test good@far.test\n',
}

const mainCf = (port: number, reports: number): string => `
mail_name = Mail
alias_maps = hash:$config_directory/aliases
virtual_alias_domains = virt.test
virtual_alias_maps = texthash:$config_directory/virtual
transport_maps = inline:{ {far.test = smtp:[127.0.0.1]:${port}} {report.test = smtp:[127.0.0.1]:${reports}} {closed.test = error:5.1.2 closed for good} {tool.test = tool:} {gone.test = smtp:[127.0.0.1]:9} }
myorigin = $myhostname
virtual_mailbox_domains = box.test
virtual_mailbox_base = /nonexistent
virtual_mailbox_maps = inline:{ m@box.test=m d@box.test=d/ }
virtual_uid_maps = static:1000
virtual_gid_maps = static:1000
`

function far(t: TestContext): Promise<Sink> {
  return startSink(t, {
    answer: (said) => {
      if (said.startsWith('RCPT TO:<bad@')) return '550 5.1.1 <bad@far.test>: nobody of that name'
      return said.startsWith('RCPT TO:<later@') ? '451 4.2.1 <later@far.test>: not now' : undefined
    },
  })
}

/** A report without what is each one's own: recipients stand in the order in which their fates were known. */
function plain(report: string): string {
  const lines = report.replaceAll('\r\n', '\n').split('\n')
  return lines
    .filter(
      (line) =>
        !/^(?:Received:|\tid |\tby |Date:|Arrival-Date:|Message-Id:|X-\w+-(?:Queue-ID|Sender):|\t\w{3}, )/i.test(line),
    )
    .map((line) =>
      line
        .replace(/\w+\.\d+\/mail\.example\.test/g, 'BOUNDARY')
        .replace(/\b[0-9A-Za-z]{9,}\b(?=[;)\s]|$)/g, (word) => (/\d/.test(word) ? 'ID' : word)),
    )
    .join('\n')
    .split('\n\n')
    .toSorted()
    .join('\n\n')
}

/** Lines that only one of them has; both whole where only the order differs. */
function unlike(shown: string, expected: string): string {
  const [ours, theirs] = [shown.split('\n'), expected.split('\n')]
  const lines = [
    ...ours.filter((line) => !theirs.includes(line)).map((line) => `ours:   ${line}`),
    ...theirs.filter((line) => !ours.includes(line)).map((line) => `theirs: ${line}`),
  ]
  return lines.length > 0 ? lines.join('\n') : `${shown}\n--- instead of\n${expected}`
}

test('the reports of sendmail -bv', { skip: reasonToSkip() ?? false }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-verify-'))
  chmodSync(dir, 0o755)
  t.after(() => rmSync(dir, { recursive: true }))
  writeView(dir, '127.0.0.1')
  const place = { dir: join(dir, 'instance'), address: '127.0.0.1', sinkPort: 9 }
  mkdirSync(place.dir)
  const { port } = await far(t)
  const [theirs, ours] = [await startSink(t), await startSink(t)]
  const world = {
    name: 'verify',
    mainCf: mainCf(port, theirs.port),
    files: FILES,
    indexed: ['hash:aliases'],
    sessions: [{ name: 'in', steps: [] }],
    masterCf: PIPE,
  }
  const postfix = await startPostfix(world, place, PORT, dir)
  t.after(() => postfix.stop())
  const server = await startServer(t, {
    mainCf: mainCf(port, ours.port).replace('hash:$', 'texthash:$'),
    files: {
      ...FILES,
      'master.cf': `smtp inet n - n - - smtpd\n${PIPE}`,
      aliases: FILES.aliases.replace(/^(\w+):/gm, '$1'),
    },
  })
  const differences: string[] = []
  for (const recipients of CASES) {
    const argv = ['-bv', '-f', 's@report.test', ...recipients]
    const before = [theirs.contents.length, ours.contents.length]
    const input = 'Subject: x\n\nhello\n'
    await run('/usr/sbin/sendmail', ['-C', place.dir, ...argv], { input })
    const io = {
      stdin: Readable.from([Buffer.from(input)]),
      out: () => {},
      err: () => {},
      env: { MAIL_CONFIG: server.dir },
      cwd: dir,
      tty: false,
    }
    assert.equal(await sendmail(argv, io), 0)
    const title = argv.join(' ')
    await until(
      `reports of ${title}`,
      () => theirs.contents.length > (before[0] ?? 0) && ours.contents.length > (before[1] ?? 0),
    )
    const [expected, shown] = [plain(theirs.contents.at(-1) ?? ''), plain(ours.contents.at(-1) ?? '')]
    if (shown !== expected) differences.push(`${title}:\n${unlike(shown, expected)}`)
    await run('postsuper', ['-c', place.dir, '-d', 'ALL'])
    await server.server.rooms.desk.operate('delete', {
      queueIds: 'ALL',
      queues: ['deferred', 'active', 'incoming', 'hold'],
    })
  }
  assert.equal(differences.join('\n\n'), '')
})
