/** smtpd_sasl_service: what the service is called to those who are asked about a password, and in DIGEST-MD5. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { startClientExchange } from '#src/formats/sasl/mod.ts'
import { PASSWORD, startServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

const PLAIN = Buffer.from(`\0ana\0${PASSWORD}`).toString('base64')

interface Asked {
  readonly path: string
  readonly said: () => string
}

/** Somebody at a unix socket who answers whatever `answer` makes of all that was said. */
async function somebody(
  t: TestContext,
  greeting: string,
  answer: (said: string, socket: Socket) => void,
): Promise<Asked> {
  const directory = mkdtempSync(join(tmpdir(), 'postigo-sasl-'))
  const path = join(directory, 'socket')
  const sockets = new Set<Socket>()
  let said = ''
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    if (greeting !== '') socket.write(greeting)
    socket.on('data', (chunk) => answer((said += chunk.toString('latin1')), socket))
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
    rmSync(directory, { recursive: true })
  })
  return { path, said: () => said }
}

const SERVICE = 'smtpd_sasl_service = Submission\n'
const logIn = (port: number): Promise<void> =>
  transcript(port, `S: 220 …\nC: HELO x\nS: 250 …\nC: AUTH PLAIN ${PLAIN}\nS: 235 2.7.0 Authentication successful`)

test('saslauthd is asked about that service', async (t) => {
  const { path, said } = await somebody(t, '', (_, socket) => socket.end('\0\x02OK'))
  const server = await startServer(t, {
    mainCf: `${SERVICE}cyrus_sasl_config_path = $config_directory\n`,
    files: { 'smtpd.conf': `pwcheck_method: saslauthd\nsaslauthd_path: ${path}\nmech_list: PLAIN\n` },
  })
  await logIn(server.port('smtp'))
  assert.equal(said(), `\0\x03ana\0\x06${PASSWORD}\0\x0aSubmission\0\0`)
})

test('Dovecot is asked about that service', async (t) => {
  const greeting = 'VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t7\nCUID\t1\nDONE\n'
  const { path, said } = await somebody(t, greeting, (text, socket) => {
    const [, id] = /^AUTH\t(\d+)\t/m.exec(text) ?? []
    if (id !== undefined) socket.write(`OK\t${id}\tuser=ana\n`)
  })
  const server = await startServer(t, { mainCf: `${SERVICE}smtpd_sasl_type = dovecot\nsmtpd_sasl_path = ${path}\n` })
  await logIn(server.port('smtp'))
  assert.match(said(), /^AUTH\t1\tPLAIN\tservice=Submission\t/m)
})

/** The last reply to AUTH DIGEST-MD5 of a client that names this service. */
async function digestMd5(port: number, service: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const reply = async (): Promise<string> => String((await once(socket, 'data'))[0]).trimEnd()
  const ask = async (line: string): Promise<string> => {
    socket.write(`${line}\r\n`)
    return reply()
  }
  const client = startClientExchange(['DIGEST-MD5'], { username: 'ana', password: PASSWORD }, { service, host: 'x' })
  assert.ok(client !== undefined)
  await reply()
  let said = await ask('AUTH DIGEST-MD5')
  while (said.startsWith('334 '))
    said = await ask((await client.step(Buffer.from(said.slice(4), 'base64'))).toString('base64'))
  socket.destroy()
  return said
}

test('a DIGEST-MD5 response is for that service', async (t) => {
  const server = await startServer(t, { accounts: ['ana'], mainCf: SERVICE })
  const port = server.port('smtp')
  assert.equal(await digestMd5(port, 'submission'), '235 2.7.0 Authentication successful')
  assert.match(await digestMd5(port, 'smtp'), /^535 5\.7\.8 /)
})
