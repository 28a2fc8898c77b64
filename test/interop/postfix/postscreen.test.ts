/** postscreen(8), side by side: what clients of each kind hear, and what the log says of them. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { until } from '../../support/mailbox.ts'
import { parseZone, startDns } from './dns.ts'
import { reasonToSkip, writeView } from './namespace.ts'
import { startPostfix } from './postfix.ts'
import { startPostigo } from './postigo.ts'
import { PORT_OFFSET, portsOf, type World } from './world.ts'

/** Clients by what is known of them: 127.8.0.N. */
const ZONE = `
2.0.0.127.rbl.test A 127.0.0.2
2.0.0.127.white.test A 127.0.0.2
${[20, 21, 22, 23].map((n) => `${n}.0.8.127.rbl.test A 127.0.0.4\n${n}.0.8.127.rbl.test A 127.0.0.9`).join('\n')}
${[24, 25].map((n) => `${n}.0.8.127.rbl.test A 127.0.0.2\n${n}.0.8.127.white.test A 127.0.3.0`).join('\n')}
`
/** Postfix counts whole seconds, so that one may be no time at all. */
const MAIN_CF = `
postscreen_greet_wait = 3s
postscreen_access_list = inline:{ 127.8.0.2=permit, 127.8.0.3=reject, 127.8.0.4=dunno, 127.8.0.5=reject }
smtpd_peername_lookup = no
postscreen_dnsbl_reply_map = inline:{ rbl.test=blocklist }
`
const LISTS = 'rbl.test*2 rbl.test=127.0.0.[9;10] white.test=127.0.[1..3].0*-5'

/** `…` sends and waits; `>…` sends alone; `?` waits. Cut at `|`. */
interface Client {
  readonly n: number
  readonly overrides?: Readonly<Record<string, string>>
  readonly script: string
}

const HELLO = '?|EHLO c.test|QUIT'
const MAIL = 'MAIL FROM:<a@c.test>|RCPT TO:<"x y"@local.test>'
const EARLY = '>EHLO early.test\r\n|?|?'
const deep = {
  postscreen_pipelining_enable: 'yes',
  postscreen_non_smtp_command_enable: 'yes',
  postscreen_bare_newline_enable: 'yes',
  postscreen_bare_newline_action: 'enforce',
}
const lists = { postscreen_dnsbl_sites: LISTS, postscreen_dnsbl_action: 'enforce' }

/** Each from an address of its own, or after the one before from the same. */
const CLIENTS: readonly Client[] = [
  { n: 10, script: HELLO },
  { n: 10, script: HELLO },
  { n: 2, script: HELLO },
  { n: 3, script: HELLO },
  { n: 3, overrides: { postscreen_denylist_action: 'drop' }, script: '?|?' },
  { n: 3, overrides: { postscreen_denylist_action: 'enforce' }, script: `?|EHLO c.test|${MAIL}|VRFY x|QUIT` },
  { n: 4, script: HELLO },
  { n: 11, script: `${EARLY}|${MAIL}|QUIT` },
  { n: 11, script: HELLO },
  { n: 12, overrides: { postscreen_greet_action: 'enforce' }, script: `${EARLY}|${MAIL}|VRFY|ETRN|ETRN x|NOOP|DATA|?` },
  { n: 13, overrides: { postscreen_greet_action: 'drop' }, script: `>EHLO early.test\r\n|?|?` },
  { n: 14, overrides: { respectful_logging: 'no' }, script: HELLO },
  { n: 5, overrides: { respectful_logging: 'no' }, script: HELLO },
  { n: 15, overrides: { postscreen_greet_banner: '' }, script: HELLO },
  { n: 16, overrides: { postscreen_allowlist_interfaces: '!127.0.0.0/8 static:all' }, script: HELLO },
  {
    n: 16,
    overrides: { postscreen_allowlist_interfaces: '!127.0.0.0/8 static:all' },
    script: `?|EHLO c.test|${MAIL}|QUIT`,
  },
  { n: 17, overrides: { postscreen_greet_wait: '4s' }, script: '' },
  { n: 20, overrides: lists, script: `?|HELO c.test|${MAIL}|QUIT` },
  { n: 21, overrides: { postscreen_dnsbl_sites: LISTS, postscreen_dnsbl_action: 'drop' }, script: '?|?' },
  { n: 22, overrides: { postscreen_dnsbl_sites: LISTS, postscreen_dnsbl_threshold: '4' }, script: HELLO },
  { n: 23, overrides: { postscreen_dnsbl_sites: LISTS }, script: HELLO },
  { n: 24, overrides: lists, script: HELLO },
  { n: 25, overrides: { ...lists, ...deep, postscreen_dnsbl_allowlist_threshold: '-1' }, script: HELLO },
  { n: 30, overrides: deep, script: `?|${MAIL}|QUIT` },
  { n: 30, overrides: deep, script: HELLO },
  { n: 31, overrides: deep, script: `?|>EHLO c.test\r\n${MAIL.replace('|', '\r\n')}\r\n|?|?|?|QUIT` },
  { n: 32, overrides: deep, script: `?|Subject: x|?` },
  { n: 33, overrides: deep, script: `?|>EHLO c.test\n|?|${MAIL}|QUIT` },
  {
    n: 34,
    overrides: { ...deep, postscreen_non_smtp_command_action: 'ignore' },
    script: `?|CONNECT x|AUTH|XCLIENT|${MAIL}|QUIT`,
  },
  { n: 35, overrides: { ...deep, postscreen_command_count_limit: '2' }, script: '?|NOOP|NOOP|NOOP|?' },
  { n: 36, overrides: { ...deep, postscreen_command_time_limit: '1s' }, script: '?|?|?' },
  {
    n: 37,
    overrides: {
      ...deep,
      postscreen_helo_required: 'yes',
      postscreen_disable_vrfy_command: 'yes',
      postscreen_discard_ehlo_keywords: 'dsn, etrn',
    },
    script: '?|MAIL FROM:<x>|EHLO c.test|VRFY x|MAIL FROM|MAIL FROM:<x>|MAIL FROM:<y>|RCPT|RSET|RCPT TO:<x>|BDAT 3|?',
  },
  {
    n: 39,
    overrides: {
      ...deep,
      postscreen_tls_security_level: 'may',
      postscreen_discard_ehlo_keyword_address_maps: 'inline:{ {127.8.0.39=starttls chunking} }',
    },
    script: '?|EHLO c.test|STARTTLS|BDAT 3|?',
  },
  { n: 40, overrides: { ...deep, postscreen_forbidden_commands: 'FOO' }, script: '?|CONNECT x|foo bar|?' },
  {
    n: 41,
    overrides: { ...deep, postscreen_pipelining_action: 'drop' },
    script: '?|>EHLO c.test\r\nNOOP\r\n|?|?',
  },
  {
    n: 42,
    overrides: { ...deep, postscreen_pipelining_action: 'ignore' },
    script: `?|>EHLO c.test\r\n${MAIL.replace('|', '\r\n')}\r\n|?|?|?|QUIT`,
  },
  { n: 38, overrides: { ...deep, postscreen_command_filter: 'inline:{ {XFOO=NOOP} }' }, script: '?|XFOO|XBAR|QUIT' },
]

const KEEP_MS = 8000
const CLOSED = '<closed>'

/** All replies, one for each `?` and each line that waits. */
async function speak(host: string, port: number, { n, script }: Client): Promise<string[]> {
  const socket = connect({ host, port, localAddress: `127.8.0.${n}` })
  let text = ''
  let ended = false
  socket.setEncoding('latin1')
  socket.on('data', (chunk: string) => (text += chunk))
  socket.on('error', () => (ended = true))
  socket.on('close', () => (ended = true))
  const reply = async (): Promise<string> => {
    for (const end = Date.now() + KEEP_MS; Date.now() < end; await sleep(10)) {
      const [whole] = /^(?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*)?\n/.exec(text) ?? []
      if (whole !== undefined) {
        text = text.slice(whole.length)
        return whole.trimEnd().replaceAll('\r\n', ' / ')
      }
      if (ended) return CLOSED
    }
    return '<silence>'
  }
  const said: string[] = []
  if (script === '') await sleep(300)
  for (const step of script === '' ? [] : script.split('|')) {
    if (step.startsWith('>')) socket.write(Buffer.from(step.slice(1)))
    else {
      if (step !== '?') socket.write(Buffer.from(`${step}\r\n`))
      said.push(await reply())
      if (said.at(-1) === CLOSED) break
    }
  }
  socket.destroy()
  return said
}

/** The lines about one connection, without ports, times and the address of the listener. */
function linesOf(log: string, from: number, address: string): string[] {
  return [...log.slice(from).matchAll(/ \w+\/(postscreen|dnsblog|smtpd)\[\d+\]: (.*)$/gm)]
    .map(([, service, text = '']) => `${service}: ${text}`)
    .filter(
      (line) =>
        (line.includes(address) || line.includes(`addr ${address.slice(1, -1)} `)) &&
        !line.includes('NOQUEUE: reject: CONNECT'),
    )
    .map((line) =>
      line
        .replace(/ to \[[\d.]+\]:\d+$/, ' to LISTENER')
        .replaceAll(/\](:?)\d+/g, ']$1PORT')
        .replace(/after [\d.]+ from/, 'after T from'),
    )
    .toSorted()
}

test('postscreen(8), side by side', { skip: reasonToSkip() ?? false, timeout: 115_000 }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-postscreen-'))
  chmodSync(dir, 0o755)
  const address = `127.78.${(process.pid >> 8) & 255}.${process.pid & 255}`
  const dns = await startDns(address, parseZone(ZONE))
  t.after(() => {
    dns.stop()
    rmSync(dir, { recursive: true, force: true })
  })
  writeView(dir, address)
  // Each listener of Postfix's is a process with a memory of its own; so are ours told apart, by addresses.
  const own = (client: Client, i: number): Readonly<Record<string, string>> => ({
    ...client.overrides,
    ...(client.overrides !== undefined && { postscreen_cache_map: `btree:$data_directory/cache-${keyOf(client, i)}` }),
  })
  const keyOf = (client: Client, i: number): number =>
    CLIENTS.findIndex((other) => JSON.stringify(other.overrides) === JSON.stringify(client.overrides)) ?? i
  const world: World = {
    name: 'postscreen',
    mainCf: MAIN_CF,
    files: {},
    indexed: [],
    screened: true,
    sessions: CLIENTS.map((client, i) => ({ name: String(i), steps: [], overrides: own(client, i) })),
  }
  const base = 22_710
  const place = (name: string): { dir: string; address: string; sinkPort: number } => ({
    dir: join(dir, name),
    address,
    sinkPort: 9,
  })
  const postfix = await startPostfix(world, place('postfix'), base, dir)
  try {
    const postigo = await startPostigo(world, place('postigo'), base, dir, place('postfix').dir)
    try {
      const ports = portsOf(world, base)
      await until('Postfix listens', () => existsSync(join(postfix.dir, 'log/mail.log')))
      const sides = [
        { side: postfix, offset: 0 },
        { side: postigo, offset: PORT_OFFSET },
      ]
      const different: string[] = []
      const compare = async (client: Client, i: number): Promise<void> => {
        const port = ports.get(JSON.stringify(own(client, i))) ?? 0
        const [theirs, ours] = await Promise.all(
          sides.map(async ({ side, offset }) => {
            const from = side.log().length
            const said = await speak(address, port + offset, client)
            const lines = (): string[] => linesOf(side.log(), from, `[127.8.0.${client.n}]`)
            await until('the client has gone', () => lines().some((line) => /DISCONNECT|disconnect from/.test(line)))
            await sleep(100) // lines of other processes
            return [...said, ...lines()].join('\n  ')
          }),
        )
        if (theirs !== ours) different.push(`${i} ${JSON.stringify(client)}\nPostfix: ${theirs}\nPostigo: ${ours}`)
      }
      // Who comes from one address comes one after the other.
      const groups = Map.groupBy(CLIENTS.entries(), ([, { n }]) => n)
      await Promise.all(
        groups.values().map(async (group) => {
          for (const [i, client] of group) await compare(client, i)
        }),
      )
      assert.equal(different.length, 0, `${different.length} of ${CLIENTS.length} differ:\n${different.join('\n')}`)
    } finally {
      await postigo.stop()
    }
  } finally {
    await postfix.stop()
  }
})
