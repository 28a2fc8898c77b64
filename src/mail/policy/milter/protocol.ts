/** The milter protocol's numbers and names, as Sendmail's libmilter/mfdef.h has them. */

/** Events, by letter; the names are for the log. */
export const EVENTS = {
  A: 'SMFIC_ABORT',
  B: 'SMFIC_BODY',
  C: 'SMFIC_CONNECT',
  D: 'SMFIC_MACRO',
  E: 'SMFIC_BODYEOB',
  H: 'SMFIC_HELO',
  L: 'SMFIC_HEADER',
  M: 'SMFIC_MAIL',
  N: 'SMFIC_EOH',
  O: 'SMFIC_OPTNEG',
  Q: 'SMFIC_QUIT',
  R: 'SMFIC_RCPT',
  T: 'SMFIC_DATA',
  U: 'SMFIC_UNKNOWN',
} as const

export type EventLetter = keyof typeof EVENTS

/** What a filter answers, by letter. */
const REPLIES: Readonly<Record<string, string>> = {
  '+': 'SMFIR_ADDRCPT',
  '-': 'SMFIR_DELRCPT',
  '2': 'SMFIR_ADDRCPT_PAR',
  '4': 'SMFIR_SHUTDOWN',
  a: 'SMFIR_ACCEPT',
  b: 'SMFIR_REPLBODY',
  c: 'SMFIR_CONTINUE',
  d: 'SMFIR_DISCARD',
  e: 'SMFIR_CHGFROM',
  f: 'SMFIR_CONN_FAIL',
  h: 'SMFIR_ADDHEADER',
  i: 'SMFIR_INSHEADER',
  m: 'SMFIR_CHGHEADER',
  p: 'SMFIR_PROGRESS',
  q: 'SMFIR_QUARANTINE',
  r: 'SMFIR_REJECT',
  s: 'SMFIR_SKIP',
  t: 'SMFIR_TEMPFAIL',
  y: 'SMFIR_REPLYCODE',
}

export const replyName = (letter: string): string => REPLIES[letter] ?? '(unknown filter reply)'

/** Events that a filter does not want (NO…), and those that it does not answer (NR_…). */
export const SMFIP = {
  NOCONNECT: 1 << 0,
  NOHELO: 1 << 1,
  NOMAIL: 1 << 2,
  NORCPT: 1 << 3,
  NOBODY: 1 << 4,
  NOHDRS: 1 << 5,
  NOEOH: 1 << 6,
  NR_HDR: 1 << 7,
  NOUNKNOWN: 1 << 8,
  NODATA: 1 << 9,
  /** The mail server knows SMFIR_SKIP. */
  SKIP: 1 << 10,
  /** The filter wants refused recipients too. */
  RCPT_REJ: 1 << 11,
  NR_CONN: 1 << 12,
  NR_HELO: 1 << 13,
  NR_MAIL: 1 << 14,
  NR_RCPT: 1 << 15,
  NR_DATA: 1 << 16,
  NR_UNKN: 1 << 17,
  NR_EOH: 1 << 18,
  NR_BODY: 1 << 19,
  /** The blank behind a field's colon is part of its value. */
  HDR_LEADSPC: 1 << 20,
} as const

/** Every modification that there is: headers, body, recipients, quarantine, sender, macro lists. */
export const ALL_ACTIONS = 0x1ff

const V2_EVENTS = 0x7f
const V3_EVENTS = V2_EVENTS | SMFIP.NOUNKNOWN
const V4_EVENTS = V3_EVENTS | SMFIP.NODATA
const V6_EVENTS = 0x1f_ffff

/** The events of each version, youngest first. */
const VERSIONS: ReadonlyMap<number, number> = new Map([
  [6, V6_EVENTS],
  [4, V4_EVENTS],
  [3, V3_EVENTS],
  [2, V2_EVENTS],
])

/** Bits that take an event away. */
const NOSEND = V4_EVENTS

export interface Offer {
  readonly version: number
  readonly events: number
  /** Events that the version does not know: never sent. */
  readonly unknownEvents: number
}

/** milter_protocol: one version, and `no_header_reply`. Answers what is wrong with it as a text. */
export function offerOf(setting: string): Offer | string {
  let version = 0
  let events = 0
  for (const word of setting.split(/[\s,]+/).filter((w) => w !== '')) {
    const known = VERSIONS.get(Number(word))
    if (word.toLowerCase() === 'no_header_reply') events |= SMFIP.NR_HDR
    else if (known === undefined || version !== 0) return `bad protocol information: ${word}`
    else {
      version = Number(word)
      events |= known
    }
  }
  if (version === 0) return 'no protocol version information'
  return { version, events, unknownEvents: NOSEND & ~events }
}

/** What a filter of an older version does not know; undefined for a version that never was. */
export function unknownTo(version: number): number | undefined {
  const events = [...VERSIONS].find(([known]) => known <= version)?.[1]
  return events === undefined ? undefined : NOSEND & ~events
}
