/** Plays the cases against a server, and writes down what it did with each message. */
import { play } from '../../interop/postfix/player.ts'
import type { Group } from './cases.ts'

/** One of the two servers, on one directory of settings. */
export interface Served {
  port(group: number): number
  log(): string
  /** The message in the queue, with line ends LF, and who gets it; undefined: it is not there. */
  queued(queueId: string): Promise<{ text: string; recipients: readonly string[] } | undefined>
}

export const MAIN_CF = `
defer_transports = smtp
`

/** A listener and a cleanup service for each group, at the names that `listenerName` gives. */
export function masterCf(groups: readonly Group[], listenerName: (group: number) => string): string {
  const settings = (words: readonly string[]): string => words.map((word) => `  -o { ${word} }\n`).join('')
  return groups
    .map(
      ({ cleanup, listener = [] }, i) =>
        `${listenerName(i)} inet n - n - - smtpd\n  -o cleanup_service_name=cleanup${i}\n${settings(listener)}` +
        `cleanup${i} unix n - n - 0 cleanup\n${settings(cleanup)}`,
    )
    .join('')
}

/** A case's text with its repetitions and octets; lines end in LF. */
export function messageOf(text: string): string {
  const octets = text
    .replace(/(.)«(\d+)»/g, (_, c: string, n: string) => c.repeat(Number(n)))
    .replace(/\\x([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(octets, 'latin1').toString('utf8')
}

/** The answer, the log's lines, what became other lines of the message, and who else gets it. */
export async function record(served: Served, group: number, text: string): Promise<string[]> {
  const message = messageOf(text)
  const logged = served.log().length
  const lines = message.replace(/^\./gm, '..').replace(/\n?$/, '\n')
  const content = lines.replaceAll('\n', '\r\n') + '.\r\n'
  const steps = [
    'EHLO client.example.test',
    'MAIL FROM:<a@remote.test>',
    'RCPT TO:<b@remote.test>',
    'DATA',
    { content },
    'QUIT',
  ]
  const replies = await play('127.0.0.1', served.port(group), {
    steps,
    client: 'ADDR=198.51.100.7 NAME=client.example.test',
  })
  const reply = replies.at(-2) ?? ''
  const id = /queued as (\w+)/.exec(reply)?.[1]
  const log = await sessionLog(served, logged)
  const found = [`< ${masked(reply)}`, ...log.map((line) => `! ${masked(line)}`)]
  const queued = id === undefined ? undefined : await served.queued(id)
  if (queued === undefined) return id === undefined ? found : [...found, '* not in the queue']
  const to = queued.recipients.toSorted().join(' ')
  return [...found, ...(to === 'b@remote.test' ? [] : [`* to ${to}`]), ...changes(message, queued.text)].map(short)
}

/** What every message has; what the tables' own warnings say beside cleanup's. */
const UNCOMPARED =
  /^\w+: (resent-)?message-id=|no replacement text|an empty string result|NO RESULT in case|^error: open database|is unavailable\. open|lookup error for|^warning: hash:|file system clock|resetting file time/

/** cleanup's lines of one session, without those that every message has. */
async function sessionLog(served: Served, from: number): Promise<string[]> {
  for (const end = Date.now() + 5000; ;) {
    const text = served.log().slice(from)
    if (text.includes('disconnect from client.example.test')) {
      const lines = text.split('\n').flatMap((line) => /\/cleanup\S*: (.*)$/.exec(line)?.[1] ?? [])
      return lines.filter((line) => !UNCOMPARED.test(line))
    }
    if (Date.now() > end) throw new Error(`no end of the session in the log: ${text}`)
    await new Promise((wake) => setTimeout(wake, 10))
  }
}

/** In each line about a check, to the letter. */
const CLIENT =
  ' from client.example.test[198.51.100.7]; from=<a@remote.test> to=<b@remote.test> proto=ESMTP helo=<client.example.test>'

/** Without what differs from run to run. */
function masked(line: string): string {
  return line
    .replace(/queued as \w+/, 'queued as ID')
    .replace(/^(warning: )?[0-9A-Za-z]{8,}: /, '$1ID: ')
    .replace(/(id|as) [0-9A-Za-z]{8,}(?=[;? ])/, '$1 ID')
    .replace(/\w{3}, \d+ \w{3} 20\d\d \d\d:\d\d:\d\d \S+ \(\w+\)/, 'DATE')
    .replace(/from (\S+ \[[\d.]+\]|local)\?\(using .*?\)\)/, 'from $1')
    .replace(/ \((Postfix|Postigo|Mail)\)/, ' (Mail)')
    .replace(/( map lookup problem.*?try again later).*/, '$1')
    .replace(CLIENT, ' FROM')
}

const OURS = /^Received: from client\.example\.test [^]*?\n(?![ \t])/

/** Lines that went `-` and came `+`, by their longest common subsequence. */
function changes(sent: string, arrived: string): string[] {
  const ours = OURS.test(arrived) ? [] : ['- the Received field of this host']
  const a = sent.replace(/\n$/, '').split('\n')
  const b = arrived.replace(OURS, '').replace(/\n$/, '').split('\n')
  const common = Array.from({ length: a.length + 1 }, () => Array.from(b, () => 0).concat(0))
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      common[i]![j] = a[i] === b[j] ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!)
  const found: string[] = []
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      i++
      j++
    } else if (i < a.length && (j === b.length || common[i + 1]![j]! >= common[i]![j + 1]!)) found.push(`- ${a[i++]}`)
    else found.push(`+ ${b[j++]}`)
  }
  return [...ours, ...found.map(volatile)]
}

/** Fields that hold the time or a queue id. */
function volatile(line: string): string {
  return line.replace(/^(\+ (?:Resent-)?Message-Id: <).*@/, '$1*@').replace(/^(\+ (?:Resent-)?Date: ).*/, '$1*')
}

/** A run of one character as a count; octets outside ASCII by number. */
function short(line: string): string {
  const shorter = line.replace(/([xyz])\1{20,}/g, (run, c: string) => `${c}{${run.length}}`)
  return shorter.replace(/(?!\t)\p{Cc}/gu, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
