/** What smtp(8) and lmtp(8) say of servers that behave badly: Debian's Postfix and Postigo side by side, to the letter. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { run } from '../../support/client.ts'
import { submit, until } from '../../support/mailbox.ts'
import { startServer } from '../../support/server.ts'
import { type SinkMood, startSink } from '../../support/sink.ts'
import { cutOff, type Mood, moods } from './moods.ts'
import { reasonToSkip, writeView } from './namespace.ts'
import { startPostfix } from './postfix.ts'
import type { World } from './world.ts'

/** Of the first test; the second has the next. */
const PORT = 21_970
/** The discard service, which no machine has. */
const NOBODY = 9
const SENDER = 's@sender.test'
/** How long each of the two may take for all. */
const LIMIT_MS = 60_000
/** Postfix's lines are cut at 2000 octets. */
const COMPARED = 1500

/** `to relay dsn status (text)` of each recipient of the sinks, ports masked. */
function told(log: string): Map<string, string> {
  const lines = log.matchAll(/: to=<(\w@m\d+\.test)>, relay=([^,]+), .*?dsn=([\d.]+), status=(\w+ \(.*)$/gm)
  return new Map(
    Array.from(lines, ([, to = '', relay = '', dsn, status]) => [
      to,
      `${relay} ${dsn} ${status}`
        .replace(/message size \d+/, 'message size N')
        .replaceAll(/127\.0\.\d+\.\d+(\[?)/g, '127.0.0.1$1')
        .replaceAll(/(\[127\.0\.0\.1\]):\d+/g, '$1:PORT')
        .slice(0, COMPARED),
    ]),
  )
}

/** Each domain is served by the sink of one mood. */
async function settingsFor(t: TestContext, moods: readonly Mood[]): Promise<Pick<World, 'mainCf' | 'files'>> {
  const portOf = async (mood: SinkMood | 'nobody'): Promise<number> =>
    mood === 'nobody' ? NOBODY : (await startSink(t, mood)).port
  const portsOf = (mood: Mood): Promise<number[]> => {
    const first = mood.nobody === true ? 'nobody' : mood
    return Promise.all(mood.second === undefined ? [portOf(first)] : [portOf(first), portOf(mood.second)])
  }
  const ports = await Promise.all(moods.map(portsOf))
  const place = (i: number): string =>
    ports[i]?.map((port) => `[${moods[i]?.listens?.host ?? '127.0.0.1'}]:${port}`).join(', ') ?? ''
  const transport = moods.map(({ lmtp }, i) => `m${i}.test ${lmtp === true ? 'lmtp:inet' : 'smtp'}:${place(i)}\n`)
  const policies = moods.map(({ tls }, i) => (tls === undefined ? '' : `${place(i)} ${tls}\n`))
  const passwords = moods.map(({ login }, i) => (login === true ? `${place(i)} user:secret\n` : ''))
  const waits = ['helo', 'mail', 'rcpt', 'data_init', 'data_xfer', 'data_done', 'starttls', 'rset', 'quit']
  return {
    mainCf: `${waits.map((name) => `smtp_${name}_timeout = 5s\n`).join('')}
transport_maps = texthash:$config_directory/transport
smtp_tls_policy_maps = texthash:$config_directory/policies
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = texthash:$config_directory/passwords
smtp_sasl_security_options = noanonymous
`,
    files: {
      transport: `sender.test discard:\n${transport.join('')}`,
      policies: policies.join(''),
      passwords: passwords.join(''),
    },
  }
}

async function compare(t: TestContext, moods: readonly Mood[], message: string, port: number): Promise<void> {
  const settings = await settingsFor(t, moods)
  const recipients = moods.flatMap((_, i) => [`a@m${i}.test`, `b@m${i}.test`])
  const hasTold = (log: string): boolean => told(log).size >= recipients.length
  const dir = mkdtempSync(join(tmpdir(), 'postigo-moods-'))
  chmodSync(dir, 0o755)
  t.after(() => rmSync(dir, { recursive: true }))
  writeView(dir, '127.0.0.1')
  const instance = { dir: join(dir, 'instance'), address: '127.0.0.1', sinkPort: 9 }
  mkdirSync(instance.dir)
  const world = { name: 'moods', ...settings, indexed: [], sessions: [{ name: 'in', steps: [] }] }
  const postfix = await startPostfix(world, instance, port, dir)
  try {
    const sent = await run('/usr/sbin/sendmail', ['-C', instance.dir, '-f', SENDER, ...recipients], { input: message })
    assert.equal(sent.code, 0, sent.err)
    // The log begins when the server has begun.
    const begun = (): boolean => existsSync(join(instance.dir, 'log/mail.log'))
    await until('Postfix has told of all', () => begun() && hasTold(postfix.log()), LIMIT_MS)
    const theirs = told(postfix.log())
    const server = await startServer(t, settings)
    assert.equal(await submit(server, SENDER, recipients, message), 250)
    await until('Postigo has told of all', () => hasTold(server.log()), LIMIT_MS)
    const ours = told(server.log())
    const different = recipients.flatMap((to) => {
      if (ours.get(to) === theirs.get(to)) return []
      const mood = moods[Number(/\d+/.exec(to)?.[0])]?.name
      return [`${to} ${mood}\n  Postfix: ${theirs.get(to)}\n  Postigo: ${ours.get(to)}`]
    })
    if (process.env['SHOW'] !== undefined) writeFileSync(process.env['SHOW'], different.join('\n'))
    assert.equal(different.join('\n'), '')
  } finally {
    await postfix.stop()
  }
}

const skip = reasonToSkip() ?? false

test('the words for each failure', { skip }, (t) =>
  compare(t, moods, `Subject: moods\n\n${'A line of the message.\n'.repeat(20)}`, PORT),
)

test('the words for a connection that is lost inside a large message', { skip }, (t) =>
  compare(t, cutOff, `Subject: moods\n\n${'A line of the message.\n'.repeat(200_000)}`, PORT + 1),
)
