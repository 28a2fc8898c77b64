/**
 * A server that is killed while it sends and reports: no recipient is missing, a report comes once, and what another host gets
 * twice are only deliveries whose last reply was on its way.
 */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:net'
import { test, type TestContext } from 'node:test'
import { handIn } from '../support/hand-in.ts'
import { install, kill } from '../support/process.ts'
import { run } from '../support/client.ts'
import { until } from '../support/mailbox.ts'

const MESSAGES = 80
const KILLS = 5

/** A host that takes mail for all but one, a little slowly, and remembers how often each subject came. */
async function farHost(t: TestContext): Promise<{ port: number; seen: Map<string, number> }> {
  const seen = new Map<string, number>()
  const server: Server = createServer((socket) => {
    let text = ''
    let inData = false
    const say = (line: string): void => void setTimeout(() => socket.write(`${line}\r\n`), 5)
    socket.on('error', () => socket.destroy())
    socket.write('220 far.test\r\n')
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      for (let end; (end = text.indexOf(inData ? '\r\n.\r\n' : '\r\n')) >= 0;) {
        const line = text.slice(0, end)
        text = text.slice(end + (inData ? 5 : 2))
        if (inData) {
          const subject = /^Subject: (.*)$/m.exec(line)?.[1]?.trim() ?? '?'
          seen.set(subject, (seen.get(subject) ?? 0) + 1)
          inData = false
          say('250 2.0.0 Ok')
        } else if (/^DATA/i.test(line)) {
          inData = true
          say('354 go')
        } else if (/^RCPT TO:<y@/i.test(line)) say('550 5.1.1 no such user')
        else say(/^QUIT/i.test(line) ? '221 bye' : '250 Ok')
      }
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', () => listening()))
  t.after(() => server.close())
  const at = server.address()
  return { port: typeof at === 'object' && at !== null ? at.port : 0, seen }
}

/** One message for two addresses, one of which the far host refuses; true once it was accepted. */
function send(port: number, subject: string): Promise<boolean> {
  return handIn(port, [
    'EHLO client.test',
    'MAIL FROM:<ana@mail.example.test>',
    'RCPT TO:<x@far.test>',
    'RCPT TO:<y@far.test>',
    'DATA',
    `Subject: ${subject}\r\n\r\nx\r\n.`,
  ])
}

test('killed five times, the queue loses nobody and reports each failure once', async (t) => {
  const far = await farHost(t)
  const { offset, postigo, foreground } = await install(
    t,
    `transport_maps = inline:{ {far.test=smtp:[127.0.0.1]:${far.port}} }\n` +
      'minimal_backoff_time = 1s\nmaximal_backoff_time = 1s\nqueue_run_delay = 1s\ndefault_destination_concurrency_limit = 2\n',
  )
  assert.equal((await postigo(['account', 'add', 'ana', '-p'], 'secret\n')).code, 0)
  let server = await foreground()
  const retried = new Set<string>()
  let accepted = 0
  const sending = (async () => {
    for (let n = 0; n < MESSAGES; n++) {
      while (!(await send(25 + offset, `m${n}`))) {
        retried.add(`m${n}`)
        await new Promise((wake) => setTimeout(wake, 20))
      }
      accepted++
    }
  })()
  for (let n = 1; n <= KILLS; n++) {
    while (accepted < (n * MESSAGES) / (KILLS + 1)) await new Promise((wake) => setTimeout(wake, 3))
    await kill(server)
    server = await foreground()
  }
  await sending
  await until('all is done with', async () => (await postigo(['mailq'])).out.startsWith('Mail queue is empty'))
  const script = `
import imaplib,re
m=imaplib.IMAP4('127.0.0.1',${143 + offset}); m.login('ana','secret'); m.select()
for d in m.fetch('1:*','(BODY.PEEK[])')[1]:
    if isinstance(d,tuple): print(re.search(rb'X-Postigo-Queue-ID: (\\w+)', d[1])[1].decode(), re.findall(rb'Subject: (m\\d+)', d[1])[0].decode())
`
  const listed = await run('python3', ['-c', script])
  const reports = listed.out
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
  assert.equal(new Set(reports.map(([queueId]) => queueId)).size, reports.length, 'a message was reported twice')
  for (let n = 0; n < MESSAGES; n++) {
    const subject = `m${n}`
    assert.ok(far.seen.has(subject), `${subject} did not reach the other host`)
    const told = reports.filter(([, of]) => of === subject).length
    assert.ok(told === 1 || (told > 1 && retried.has(subject)), `${subject} was reported ${told} times`)
  }
  const doubles = [...far.seen].filter(([subject, count]) => count > 1 && !retried.has(subject))
  assert.ok(
    doubles.length <= KILLS * 2,
    `${doubles.length} deliveries were made again after ${KILLS} kills, two at a time`,
  )
})
