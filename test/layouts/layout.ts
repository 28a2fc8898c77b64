/**
 * A layout: a directory as a common kind of site has it, with the programs beside it and a day's mail. The installed Postfix
 * carries the day first, then Postigo, on the same files, ports and neighbours; what both said and where mail went is compared.
 */
import type { TestContext } from 'node:test'
import type { Difference } from '../interop/postfix/differences.ts'
import type { SinkMood } from '../interop/postfix/sink.ts'
import type { Session } from '../interop/postfix/world.ts'

/** What a layout's programs were given. */
export interface Site {
  /** For the programs' own files. */
  readonly dir: string
  /** This run's loopback address: DNS, and the listeners of the mail server. */
  readonly address: string
}

export interface Layout {
  readonly name: string
  readonly mainCf: string
  readonly files?: Readonly<Record<string, string>>
  /** `hash:access` and the like: what postmap or postalias indexes. */
  readonly indexed?: readonly string[]
  readonly masterCf?: string
  /** Records besides those of `hosts`. */
  readonly zone?: string
  /** Hosts of others that take mail on port 25: each has an address of its own, and is MX of `mx`. */
  readonly hosts?: Readonly<Record<string, HostMood>>
  /** Starts the programs beside the server; answers what `@NAME@` in settings and files stands for. */
  readonly neighbours?: (t: TestContext, site: Site) => Promise<Readonly<Record<string, string>>>
  /** The day: sessions in, mail out, a bounce. */
  readonly day: readonly Session[]
  /** postscreen stands in front of the listeners. */
  readonly screened?: true
  /** One session after the other. */
  readonly inOrder?: true
  /** Deliveries that the day must have, by their status, so that a day without mail proves nothing. */
  readonly expect: Readonly<Partial<Record<'sent' | 'bounced' | 'deferred', number>>>
  /** Deliveries that Postigo makes fewer, by one of `differences`. */
  readonly fewer?: number
  /** Where the two may differ, and why. */
  readonly differences?: readonly Difference[]
}

export interface HostMood extends SinkMood {
  /** Domains whose mail it takes. */
  readonly mx?: readonly string[]
  /** The site's own: mail to it is not mail out. */
  readonly inner?: true
  /** Of other ports than 25. */
  readonly port?: number
}

export const mail = (subject: string, more = '', body = `Hello, ${subject}.`): { readonly content: string } => ({
  content: `From: Ana <ana@known.test>\r\nTo: someone\r\nSubject: ${subject}\r\nDate: Tue, 24 Nov 2026 09:00:00 +0000\r\nMessage-Id: <${subject.replace(/\W/g, '-')}@known.test>\r\n${more}\r\n${body}`,
})

/** One client's session that sends one message. */
export function sends(
  name: string,
  sender: string,
  recipients: readonly string[],
  options: Omit<Session, 'name' | 'steps'> & {
    readonly more?: string
    readonly body?: string
    readonly first?: readonly string[]
  } = {},
): Session {
  const { more, body, first = [], ...session } = options
  return {
    ...session,
    name,
    steps: [
      'EHLO client.example.test',
      ...first,
      `MAIL FROM:<${sender}>`,
      ...recipients.map((one) => `RCPT TO:<${one}>`),
      'DATA',
      mail(name, more, body),
      'QUIT',
    ],
  }
}

/** A client within mynetworks of the worlds (198.51.100.0/24). */
export const INSIDE = 'ADDR=198.51.100.7 NAME=pc.example.test REVERSE_NAME=pc.example.test PORT=4712'
