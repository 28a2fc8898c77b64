/** Mail as people have it, always the same: threads, encoded words, alternatives, attachments; 5.9 KB each on the average. */
import type { Message } from './client.ts'

const WORDS =
  'the of to and in is for on that with as mail server message please find attached report meeting invoice project update question about tomorrow thanks regards schedule budget review draft proposal customer order delivery network backup storage release version patch kernel driver compile test benchmark latency throughput memory queue index search folder contract salary holiday flight hotel weather garden kitchen music photo family school teacher lesson'.split(
    ' ',
  )
const FOREIGN = ['año', 'über', 'señal', 'naïve', 'привет', '配達']
const NAMES =
  'Ana García|José Núñez|Joel Barrios|Jürgen Groß|Zoë O’Brien|Łukasz Żółć|Ольга Иванова|健 田中|Alice Smith|Bob Jones|Carol Miller|Dave Brown|Eve Davis|Peggy Moore|Trent Clark'.split(
    '|',
  )
const SUBJECTS =
  'Meeting notes|Re-planning the release|Factura número|Prüfung der Unterlagen|Отчёт за неделю|会議の議事録|Weekly status|Bug in the parser|Holiday plans|Server maintenance window|Your order|Question about the budget'.split(
    '|',
  )
/** One message in about five minutes, from September 2020 on. */
const FIRST_MS = 1_600_000_000_000
const EVERY_MS = 317_000

/** Numbers from 0 to 1, the same for the same seed. */
function numbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

const pick = <T>(values: readonly T[], place: number): T => values[Math.floor(place) % values.length] as T // never empty
const encoded = (text: string): string =>
  /^[ -~]*$/.test(text) ? text : `=?UTF-8?B?${Buffer.from(text).toString('base64')}?=`
const base64 = (octets: Buffer): string => `${octets.toString('base64').replace(/(.{76})/g, '$1\r\n')}\r\n`
const idOf = (i: number): string =>
  `<${i.toString(36)}.${(Math.imul(i, 2_654_435_761) >>> 0).toString(36)}@bench.example>`

/** Message `i` answers an earlier one of its thread; -1: it begins one. */
function parentOf(i: number): number {
  const place = numbers(31 + i)()
  if (i === 0 || place < 0.35) return -1
  return Math.max(0, place < 0.45 ? i - 16 : i - 1 - Math.floor(place * 7))
}

function ancestors(i: number): string[] {
  const ids: string[] = []
  for (let at = parentOf(i); at >= 0 && ids.length < 20; at = parentOf(at)) ids.unshift(idOf(at))
  return ids
}

function words(random: () => number, octets: number, foreign: boolean): string {
  let text = ''
  for (let line = 0; text.length < octets;) {
    const word = foreign && random() < 0.06 ? pick(FOREIGN, random() * 6) : pick(WORDS, random() * WORDS.length)
    line += word.length + 1
    text += word + (line > 68 ? '\r\n' : ' ')
    if (line > 68) line = 0
  }
  return `${text}\r\n`
}

function quotedPrintable(text: string): string {
  const lines = text.split('\r\n').map((line) => {
    let out = ''
    let column = 0
    for (const octet of Buffer.from(line)) {
      const plain = octet > 31 && octet < 127 && octet !== 61
      const next = plain ? String.fromCharCode(octet) : `=${octet.toString(16).toUpperCase().padStart(2, '0')}`
      if (column + next.length > 75) {
        out += '=\r\n'
        column = 0
      }
      out += next
      column += next.length
    }
    return out
  })
  return lines.join('\r\n')
}

const part = (type: string, encoding: string, body: string): string =>
  `Content-Type: ${type}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${body}`
const multipart = (kind: string, boundary: string, parts: readonly string[]): string =>
  `Content-Type: multipart/${kind}; boundary="${boundary}"\r\n\r\n${parts.map((one) => `--${boundary}\r\n${one}\r\n`).join('')}--${boundary}--\r\n`

/** The last header fields, the blank line and the body. */
function body(random: () => number, i: number, octets: number): string {
  const kind = random()
  if (kind < 0.35)
    return part('text/plain; charset=utf-8', 'quoted-printable', quotedPrintable(words(random, octets * 0.75, true)))
  if (kind < 0.5) return part('text/plain; charset=us-ascii', '7bit', words(random, octets, false))
  const html = `<html><body><p style="margin:0">${words(random, octets / 2, true)}</p></body></html>`
  const both = (share: number, boundary: string): string =>
    multipart('alternative', boundary, [
      part('text/plain; charset=utf-8', '8bit', words(random, octets * share, true)),
      part('text/html; charset=utf-8', 'quoted-printable', quotedPrintable(html.slice(0, octets * share * 2))),
    ])
  if (kind < 0.8) return both(0.33, `=_a${i}`)
  const attached = Buffer.from(Array.from({ length: Math.round(octets * 0.4) }, () => random() * 256))
  return multipart('mixed', `=_m${i}`, [
    both(0.1, `=_n${i}`),
    part(`application/pdf; name="doc${i}"`, 'base64', base64(attached)),
  ])
}

/** @param octets about so many; without it sizes vary as mail's do */
export function content(i: number, octets?: number): Buffer {
  const random = numbers(1_000_003 + i * 7919)
  const person = (place: number): string =>
    `${encoded(pick(NAMES, place))} <user${Math.floor(place) % 97}@example.test>`
  const spread = 1.05 * Math.sqrt(-2 * Math.log(1 - random() * 0.9999)) * Math.cos(2 * Math.PI * random())
  const wanted = octets ?? Math.min(60_000, Math.round(1620 * Math.exp(spread + 0.65)))
  const date = new Date(FIRST_MS + i * EVERY_MS).toUTCString().replace('GMT', '+0000')
  const answers = ancestors(i)
  const received = [0, 1].map(
    (hop) =>
      `Received: from mx${hop}.example.test (mx${hop}.example.test [192.0.2.${1 + (i % 250)}])\r\n\tby mail.bench.example (Mailer) with ESMTPS id ${(Math.imul(i, 48_271) >>> 0).toString(16)}\r\n\tfor <user@bench.example>; ${date}`,
  )
  const head = [
    'Return-Path: <sender@example.test>',
    ...received,
    ...(random() < 0.6
      ? [
          `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.test; s=sel1;\r\n\th=from:to:subject:date:message-id; bh=c2lnbmF0dXJlLW9m;\r\n\tb=${base64(
            Buffer.alloc(128, i & 255),
          )
            .trim()
            .replaceAll('\r\n', '\r\n\t ')}`,
        ]
      : []),
    `From: ${person(random() * 97)}`,
    `To: ${person(i * 7)}`,
    ...(random() < 0.3 ? [`Cc: ${[1, 2, 3].map((k) => person(i + k)).join(',\r\n\t')}`] : []),
    `Subject: ${answers.length > 0 ? 'Re: ' : ''}${encoded(`${pick(SUBJECTS, i >> 3)} ${i >> 3}`)}`,
    `Date: ${date}`,
    `Message-ID: ${idOf(i)}`,
    ...(answers.length > 0 ? [`In-Reply-To: ${answers.at(-1)}`, `References: ${answers.join('\r\n ')}`] : []),
    'MIME-Version: 1.0',
    ...(random() < 0.3 ? ['List-Id: Bench list <list.bench.example>', 'Precedence: list'] : []),
    `X-Mailer: BenchMail ${1 + (i % 5)}.${i % 10}`,
  ]
  return Buffer.from(`${head.join('\r\n')}\r\n${body(random, i, wanted)}`)
}

/** Message `i` with flags and date: two of three are seen. */
export function message(i: number, octets?: number): Message {
  const [, day, month, year, time] = new Date(FIRST_MS + i * EVERY_MS).toUTCString().split(' ')
  const options = `(${i % 3 === 0 ? '' : '\\Seen'}) "${day}-${month}-${year} ${time} +0000"`
  return { content: content(i, octets), options }
}
