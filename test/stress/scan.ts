/**
 * testssl.sh against every port of a server as `postigo init` would have it: `npm run scan`. Minutes; ends with status 1 where anything
 * is not ok, vulnerable or weak. Debian calls the program `testssl`.
 */
import { spawn } from 'node:child_process'
import { startScanned } from '../support/scanned.ts'
import { until } from '../support/mailbox.ts'

const STARTTLS: Readonly<Record<string, string>> = { smtp: 'smtp', submission: 'smtp', imap: 'imap', pop3: 'pop3' }

/** Protocols, cipher categories, forward secrecy, the server's order, what it shows, and known vulnerabilities. */
const TESTS = ['-p', '-s', '-f', '-P', '-S', '-U']

const ends: (() => unknown)[] = []
const { services, caFile } = await startScanned({ after: (end) => void ends.push(end as () => unknown) }) // no test context is looked at
let faults = 0
for (const { name, port } of services) {
  const starttls = STARTTLS[name] === undefined ? [] : ['-t', STARTTLS[name]]
  const how = ['--quiet', '--color', '0', '--warnings', 'off', '--openssl-timeout', '15', '--connect-timeout', '15']
  const told = await scan([...how, '--add-ca', caFile, ...starttls, ...TESTS, `127.0.0.1:${port}`])
  const wrong = told.split('\n').filter((line) => /NOT ok|VULNERABLE|\bweak\b|\(LOW\)|\(MEDIUM\)|Fatal/.test(line))
  const isWhole = /Testing vulnerabilities/.test(told) && /LUCKY13/.test(told)
  if (!isWhole) wrong.push('it did not come to an end', told)
  console.log(`${name}: ${wrong.length === 0 ? 'nothing' : `\n${wrong.join('\n')}`}`)
  faults += wrong.length
}
for (const end of ends.toReversed()) await end()
process.exitCode = faults === 0 ? 0 : 1

/** The server runs in this process, so that it may not be waited for without giving it turns. */
async function scan(words: readonly string[]): Promise<string> {
  const child = spawn('testssl', [...words], { stdio: ['ignore', 'pipe', 'pipe'] })
  let told = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (told += chunk.toString()))
  await until('testssl has ended', () => child.exitCode !== null || child.signalCode !== null, 1_800_000)
  return told
}
