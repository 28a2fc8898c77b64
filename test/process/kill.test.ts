/** A server that is killed while mail comes in: nothing that got 250 is missing, nothing is there twice but what got no reply. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { handIn } from '../support/hand-in.ts'
import { install, kill } from '../support/process.ts'
import { run } from '../support/client.ts'

const MESSAGES = 300
const SESSIONS = 6

/** Sends one message; answers whether its final reply came: `true`, `false` for lost on the way. */
function send(port: number, hello: string, subject: string): Promise<boolean> {
  return handIn(port, [
    `${hello} client.test`,
    'MAIL FROM:<a@client.test>',
    'RCPT TO:<ana@mail.example.test>',
    'DATA',
    `Subject: ${subject}\r\n\r\n${'x'.repeat(2000)}\r\n.`,
  ])
}

for (const { protocol, kills, ...how } of [
  { protocol: 'SMTP', port: 25, hello: 'EHLO', mainCf: '', kills: 4 },
  {
    protocol: 'LMTP',
    port: 24,
    hello: 'LHLO',
    mainCf: 'mailbox_services = imap, lmtp\nlmtpd_listen = inet:127.0.0.1:24\n',
    kills: 2,
  },
])
  test(`killed ${kills} times, a server loses nothing that it accepted by ${protocol}`, (t) =>
    killedWhile(t, kills, how))

async function killedWhile(
  t: TestContext,
  kills: number,
  { port, hello, mainCf }: { readonly port: number; readonly hello: string; readonly mainCf: string },
): Promise<void> {
  const { offset, postigo, foreground } = await install(t, mainCf)
  assert.equal((await postigo(['account', 'add', 'ana', '-p'], 'secret\n')).code, 0)
  let server = await foreground()
  let over = false
  t.after(() => (over = true))
  let next = 0
  let accepted = 0
  const retried = new Set<string>()
  const worker = async (): Promise<void> => {
    while (next < MESSAGES) {
      const subject = `m${next++}`
      while (!(await send(port + offset, hello, subject))) {
        if (over) return
        retried.add(subject)
        await new Promise((wake) => setTimeout(wake, 20))
      }
      accepted++
    }
  }
  const workers = Promise.all(Array.from({ length: SESSIONS }, worker))
  for (let n = 1; n <= kills; n++) {
    while (accepted < (n * MESSAGES) / (kills + 1)) await new Promise((wake) => setTimeout(wake, 5))
    await kill(server)
    server = await foreground()
  }
  await workers
  const script = `
import imaplib,sys
m=imaplib.IMAP4('127.0.0.1',${143 + offset}); m.login('ana','secret'); m.select()
for i,d in zip(range(10**6), m.fetch('1:*','(UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])')[1]):
    if isinstance(d,tuple): print(d[0].split()[2].decode(), d[1].decode().split(': ')[1].strip())
`
  const listed = await run('python3', ['-c', script])
  const rows = listed.out
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
  assert.equal(new Set(rows.map(([uid]) => uid)).size, rows.length, 'a UID was given twice')
  const counts = new Map<string, number>()
  for (const [, subject = ''] of rows) counts.set(subject, (counts.get(subject) ?? 0) + 1)
  for (let i = 0; i < MESSAGES; i++) assert.ok(counts.has(`m${i}`), `m${i} is missing`)
  for (const [subject, count] of counts)
    assert.ok(count === 1 || retried.has(subject), `${subject} is there ${count} times and was never retried`)
  assert.ok(retried.size > 0, 'no kill hit a message on its way')
}
