/** Commands sent at once: those that may run together do, those that depend on one another wait. RFC 9051 §5.5. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Dialogue, dialogue } from '../support/imap.ts'
import { startServer } from '../support/server.ts'

/** So long that a search of it pauses many times; what is sought stands at its end, where no index tells. */
const LONG = `Subject: long\r\n\r\n${'all work and no play, '.repeat(40).concat('\r\n').repeat(4000)}needle\r\n`
const SHORT = 'Subject: short\r\n\r\nneedle\r\n'

/** Sends all at once; answers what is said up to the last tagged answer, without untagged lines that are not named. */
async function atOnce(imap: Dialogue, commands: readonly string[], shown: RegExp): Promise<string[]> {
  imap.send(`${commands.join('\r\n')}\r\n`)
  const tags = commands.map((command) => command.split(' ')[0] ?? '')
  let said = ''
  for (const left = new Set(tags); left.size > 0;) {
    const line = await imap.until(new RegExp(`^(?:${[...left].join('|')}) .*\\r\\n`, 'm'))
    said += line
    left.delete(/(\S+) .*\r\n$/.exec(line.slice(line.lastIndexOf('\r\n', line.length - 3) + 1))?.[1] ?? '')
  }
  return said.split('\r\n').flatMap((line) => (shown.test(line) || /^[a-z] /.test(line) ? [line.slice(0, 60)] : []))
}

const SHOWN = /^\* (?:E?SEARCH|\d|SORT|VANISHED|BYE)/

test('commands sent at once', async (t) => {
  const server = await startServer(t, { accounts: ['eva'] })
  const session = async (): Promise<Dialogue> => {
    const imap = await dialogue(t, server.port('imap'), 'eva')
    await imap.ask('SELECT INBOX')
    return imap
  }
  const first = await session()
  for (const message of [SHORT, LONG, SHORT]) await first.append('INBOX', message)

  await t.test('what reads is answered while a search goes on; its own answer is whole', async () => {
    const it = await session()
    assert.deepEqual(
      await atOnce(
        it,
        ['a SEARCH BODY needle', 'b NOOP', 'c FETCH 1:3 FLAGS', 'd SEARCH RETURN (COUNT) UNSEEN'],
        SHOWN,
      ),
      [
        'b OK Done',
        '* 1 FETCH (FLAGS ())',
        '* 2 FETCH (FLAGS ())',
        '* 3 FETCH (FLAGS ())',
        'c OK Fetch completed',
        '* ESEARCH (TAG "d") COUNT 3',
        'd OK Search completed',
        '* SEARCH 1 2 3',
        'a OK Search completed',
      ],
    )
  })

  await t.test('what a search depends on, and what depends on it, waits', async () => {
    const it = await session()
    for (const [commands, expected] of [
      [
        ['a SEARCH UNSEEN BODY needle', 'b STORE 1 +FLAGS.SILENT (\\Seen)'],
        ['* SEARCH 1 2 3', 'a OK Search completed', 'b OK Store completed'],
      ],
      [
        ['a SEARCH UNSEEN BODY needle', 'b FETCH 2 BODY[HEADER.FIELDS (Subject)]'],
        [
          '* SEARCH 2 3',
          'a OK Search completed',
          '* 2 FETCH (BODY[HEADER.FIELDS (Subject)] {17}',
          'b OK Fetch completed',
        ],
      ],
      [
        ['a SEARCH RETURN (SAVE) UNSEEN BODY needle', 'b FETCH $ FLAGS'],
        ['a OK Search completed', '* 3 FETCH (FLAGS ())', 'b OK Fetch completed'],
      ],
      [
        ['a SORT (SUBJECT) UTF-8 BODY needle', 'b CLOSE', 'c NOOP', 'd SELECT INBOX'],
        [
          '* SORT 2 1 3',
          'a OK Sort completed',
          'b OK Done',
          'c OK Done',
          '* 3 EXISTS',
          'd OK [READ-WRITE] Select completed',
        ],
      ],
      [
        ['a SEARCH BODY needle', 'b LOGOUT'],
        ['* SEARCH 1 2 3', 'a OK Search completed', '* BYE Logging out', 'b OK Done'],
      ],
    ] as const)
      assert.deepEqual(
        (await atOnce(it, commands, SHOWN)).filter((line) => line !== '* 0 RECENT'),
        expected,
      )
  })

  await t.test('no EXPUNGE is told while a search counts messages', async () => {
    const it = await session()
    const other = await session()
    await other.ask('STORE 1 +FLAGS.SILENT (\\Deleted)')
    await other.ask('EXPUNGE')
    assert.deepEqual(await atOnce(it, ['a SEARCH BODY needle', 'b NOOP', 'c UID FETCH 1:* UID'], SHOWN), [
      'b OK Done',
      '* 1 FETCH (UID 1)', // a number that the client still counts
      '* 2 FETCH (UID 2)',
      '* 3 FETCH (UID 3)',
      'c OK Fetch completed',
      '* SEARCH 1 2 3',
      'a OK [EXPUNGEISSUED] Search completed',
    ])
    assert.match(await it.ask('NOOP'), /^\* 1 EXPUNGE\r\n/)
  })

  await t.test('a search that is refused, and many at once, are answered each under its tag', async () => {
    const it = await session()
    const many = Array.from(
      'abcdefghij',
      (tag, i) => `${tag} UID SEARCH ${i % 2 ? 'RETURN (ALL) ' : ''}UID ${(i % 3) + 1} BODY needle`,
    )
    const said = await atOnce(it, ['k SEARCH NONSENSE', ...many, 'l IDLE\r\nDONE'], SHOWN)
    const text = said.join('\n')
    for (const [i, tag] of Array.from('abcdefghij').entries()) {
      const uid = (i % 3) + 1
      if (i % 2 === 1) assert.ok(text.includes(`(TAG "${tag}") UID${uid === 1 ? '\n' : ` ALL ${uid}\n`}`), text)
      else assert.ok(text.includes(`* SEARCH${uid === 1 ? '' : ` ${uid}`}\n${tag} OK`), text) // 1 was expunged
    }
    assert.equal(said.flatMap((line) => /^([acegi]) OK/.exec(line)?.[1] ?? []).join(''), 'acegi') // as they were sent
    assert.match(said[0] ?? '', /^k BAD /)
    assert.match(said.at(-1) ?? '', /^l OK /)
  })

  await t.test('a session ends while searches go on', async () => {
    const it = await session()
    it.send('a SEARCH BODY needle\r\nb SEARCH RETURN () BODY needle\r\nc NOOP\r\n')
    await it.until(/^c OK/m)
    it.close()
    const next = await session()
    assert.match(await next.ask('NOOP'), /OK/)
    assert.doesNotMatch(server.log(), /SERVERBUG|defect|panic/)
  })
})
