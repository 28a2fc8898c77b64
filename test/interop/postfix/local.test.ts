/** Aliases, commands and files: Debian's Postfix and Postigo deliver the same mail, and say the same of it. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Ran, run } from '../../support/client.ts'
import { submit, until } from '../../support/mailbox.ts'
import { startServer } from '../../support/server.ts'
import { makeSystemUser } from '../../support/system-user.ts'
import { reasonToSkip, writeView } from './namespace.ts'
import { startPostfix } from './postfix.ts'

const DOMAIN = 'mail.example.test'
/** Both deliver to files here, each to its own: `OUT` is the directory of one of them. */
const ALIASES = `
team USER
cmd "|cat > OUT/cmd"
env "|env | sort > OUT/env"
tempfail "|echo hi; exit 75"
status "|exit 1"
dsn "|echo 4.2.1 wait a bit; exit 1"
unknown "|exit 67"
signal "|kill -9 $$"
slow "|sleep 20"
gone "|/nonexistent/cmd a"
lost "|nonexistentcmd a"
file OUT/mbox
maildir OUT/md/
nofile OUT/none/x
list :include:OUT/list
nolist :include:OUT/nolist
relative :include:rel
home ~/x
ghost nosuch
loopa loopb
loopb loopa
`
const NAMES = ALIASES.trim()
  .split('\n')
  .map((line) => line.split(' ')[0] ?? '')
  .filter((name) => name !== 'loopb')

const SETTINGS = 'command_time_limit = 1s\nrecipient_delimiter = +\nexport_environment = LANG\n'
/** `list` has a command, which lists may not have, and nothing else. */
const LIST = '# members\n|/bin/true\n'

const MESSAGE = 'Subject: x\n\nFrom here\n'
const PORT = 21_900

/** The server may still be starting. */
async function curlUntilUp(words: readonly string[]): Promise<Ran> {
  for (let n = 1; ; n++) {
    const ran = await run('curl', ['-s', ...words], { input: MESSAGE.replaceAll('\n', '\r\n') })
    if (ran.code === 0 || n === 20) return ran
    await new Promise((wake) => setTimeout(wake, 250))
  }
}

interface Side {
  readonly log: () => string
  readonly out: string
}

/** `to dsn status (text)` of all that was told, without what is each one's own. */
function told({ log, out }: Side, user: string): string[] {
  const lines = log().matchAll(/: \w+: to=<([^>]*)>,.* dsn=([\d.]+), status=(\w+ \(.*\))$/gm)
  const plain = Array.from(lines, ([, to, dsn, status = '']) => `${to} ${dsn} ${status.replaceAll(out, 'OUT')}`)
  return [...new Set(plain.filter((line) => !line.startsWith('sender@')))]
    .map((l) => l.replaceAll(user, 'USER'))
    .toSorted()
}

test('local(8), side by side', { skip: reasonToSkip() ?? false }, async (t) => {
  const user = makeSystemUser(t)
  const dir = mkdtempSync(join(tmpdir(), 'postigo-local-'))
  chmodSync(dir, 0o755)
  t.after(() => rmSync(dir, { recursive: true }))
  const outOf = (name: string): string => {
    mkdirSync(join(dir, name))
    chmodSync(join(dir, name), 0o777)
    return join(dir, name)
  }
  const filesFor = (out: string): Record<string, string> => ({
    aliases: ALIASES.replaceAll('OUT', out).replaceAll('USER', user.name),
  })
  const [postfixOut, postigoOut] = [outOf('postfix'), outOf('postigo')]
  for (const out of [postfixOut, postigoOut]) execFileSync('sh', ['-c', `printf '%s' "$1" > ${out}/list`, 'sh', LIST])

  writeView(dir, '127.0.0.1')
  const place = { dir: join(dir, 'instance'), address: '127.0.0.1', sinkPort: 9 }
  mkdirSync(place.dir)
  const mainCf = `${SETTINGS}alias_maps = texthash:$config_directory/aliases\n`
  const world = {
    name: 'local',
    mainCf,
    files: filesFor(postfixOut),
    indexed: [],
    sessions: [{ name: 'in', steps: [] }],
  }
  const postfix = await startPostfix(world, place, PORT, dir)
  try {
    const to = NAMES.flatMap((name) => ['--mail-rcpt', `${name}@${DOMAIN}`])
    const url = `smtp://127.0.0.1:${PORT}/client.test`
    const sent = await curlUntilUp([url, '--mail-from', 'sender@else.test', ...to, '--upload-file', '-'])
    assert.equal(sent.code, 0, sent.err)
    const server = await startServer(t, {
      mainCf: `${SETTINGS}alias_maps = texthash:$config_directory/aliases\ndefer_transports = smtp\n`,
      files: filesFor(postigoOut),
    })
    assert.equal(
      await submit(
        server,
        'sender@else.test',
        NAMES.map((name) => `${name}@${DOMAIN}`),
        MESSAGE,
      ),
      250,
    )
    const theirs: Side = { log: () => postfix.log(), out: postfixOut }
    const ours: Side = { log: () => server.log(), out: postigoOut }
    await until(
      'all is told',
      () => told(theirs, user.name).length >= NAMES.length && told(ours, user.name).length >= NAMES.length,
    )
    assert.deepEqual(told(ours, user.name), told(theirs, user.name))
    assert.deepEqual(environment(postigoOut), environment(postfixOut))
    for (const file of ['mbox', 'cmd']) assert.equal(shape(join(postigoOut, file)), shape(join(postfixOut, file)), file)
  } finally {
    await postfix.stop()
  }
})

/** Names and values, but for what tells of the client, which came by SMTP here and from a program there. */
function environment(out: string): string[] {
  const lines = readFileSync(join(out, 'env'), 'utf8').split('\n')
  return lines.filter((line) => !/^(CLIENT_|PWD=|ORIGINAL_RECIPIENT|_=)/.test(line))
}

/** A delivered message without its trace of hops, dates and ids. */
function shape(path: string): string {
  return readFileSync(path, 'utf8')
    .replace(/^From (\S+) {2}.*$/gm, 'From $1  DATE')
    .replace(/^(?:Received|Message-I[dD]|Date|From): .*\n(?:[ \t].*\n)*/gm, '')
}
