/**
 * The screen's own SMTP: for clients that failed a test, who hear the reason at RCPT, and for new ones whose way of
 * speaking is looked at. No recipient is ever accepted. Postfix: postscreen_smtpd.c.
 */
import { DISCARDABLE } from '../../../formats/smtp/mod.ts'
import { escaped } from '../escaped.ts'
import { listWords } from '../../../mail/policy/mod.ts'
import { unquote } from '../../../mail/routing/mod.ts'
import { LOGGED_OCTETS, softened, type Screening, timesOf } from './screening.ts'

const LF = 0x0a
const CR = 0x0d

/** Rules, words and replies of one command; `last` ends the session. */
interface Answer {
  readonly reply: string
  readonly last?: true
}

const PRE_TLS = new Set(['HELO', 'EHLO', 'STARTTLS', 'NOOP', 'QUIT'])
const KNOWN = new Set([
  ...PRE_TLS,
  'MAIL',
  'RCPT',
  'DATA',
  'BDAT',
  'RSET',
  'VRFY',
  'ETRN',
  // known, so that they are no signs of a spambot, and not to be had here
  'XCLIENT',
  'XFORWARD',
  'AUTH',
])
const NOT_HERE = new Set(['XCLIENT', 'XFORWARD', 'AUTH'])
const UNIMPLEMENTED = 'UNIMPLEMENTED'
const COME_LATER = '450 4.3.2 Service currently unavailable'

export class Dialogue {
  readonly #at: Screening
  #held: Buffer = Buffer.alloc(0)
  #where = 'CONNECT'
  #count = 0
  #helo: string | undefined
  #sender: string | undefined
  #protocol = 'SMTP'
  #tls = false
  /** Since the last EHLO. */
  #discarded: ReadonlySet<string> = new Set()
  #busy = false
  #ended = false

  constructor(screening: Screening) {
    this.#at = screening
  }

  /** @param early what the client has said already; @param hasSpoken it gets no greeting: it did not wait for one */
  begin(early: Buffer, hasSpoken: boolean): void {
    const { connection, screen } = this.#at
    if (!hasSpoken) connection.write(`220 ${screen.deps.host.smtpd_banner}\r\n`)
    connection.attach({
      data: (chunk) => this.#take(chunk),
      end: () => this.#end(() => this.#at.hangup()),
      idle: () => this.#late(),
    })
    connection.idleAfter(timesOf(screen).postscreen_command_time_limit)
    this.#take(early)
    connection.resume()
  }

  #end(how: () => void): void {
    if (this.#ended) return
    this.#ended = true
    how()
  }

  #drop(reply: string): void {
    this.#end(() => this.#at.drop(reply))
  }

  #late(): void {
    const { report, screen } = this.#at
    report.say(`COMMAND TIME LIMIT from ${report.client} after ${this.#where}`)
    this.#drop(`421 4.4.2 ${screen.deps.host.myhostname} Error: timeout exceeded`)
  }

  #take(chunk: Buffer): void {
    if (this.#ended) return
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    if (this.#isOverlong) this.#tooLong()
    // One chunk behind a command shows that the client does not wait for replies; more of it waits in the kernel.
    else if (this.#busy) this.#at.connection.pause()
    else void this.#read()
  }

  /** Never rejects. From the last look at what is held to the end of `#busy` nothing is awaited, so that no chunk is left there. */
  async #read(): Promise<void> {
    this.#busy = true
    try {
      for (let lf; !this.#ended && (lf = this.#held.indexOf(LF)) >= 0;) {
        if (this.#isOverlong) return this.#tooLong()
        const bare = lf === 0 || this.#held[lf - 1] !== CR
        const line = this.#held.subarray(0, bare ? lf : lf - 1)
        this.#held = this.#held.subarray(lf + 1)
        if (bare) this.#bareNewline(line)
        if (!this.#ended) await this.#command(line)
      }
      if (!this.#ended && this.#isOverlong) this.#tooLong()
    } catch (error) {
      this.#end(() => this.#at.fail(error))
    } finally {
      this.#busy = false
      if (!this.#ended) this.#at.connection.resume()
    }
  }

  /** The next line, as far as it is there. */
  get #isOverlong(): boolean {
    const lf = this.#held.indexOf(LF)
    return (lf < 0 ? this.#held.length : lf) > this.#at.screen.deps.host.line_length_limit
  }

  #tooLong(): void {
    const { report } = this.#at
    report.say(`COMMAND LENGTH LIMIT from ${report.client} after ${this.#where}`)
    this.#drop(this.#later)
  }

  get #later(): string {
    return `421 ${this.#at.screen.deps.host.myhostname} Service unavailable - try again later`
  }

  async #command(line: Buffer): Promise<void> {
    const { report, screen, connection } = this.#at
    const { cf } = screen.deps
    const [verb = '', ...words] = (await this.#filtered(line.toString('utf8'))).split(' ').filter((word) => word !== '')
    const name = verb.toUpperCase()
    const before = this.#where
    this.#where = KNOWN.has(name) ? name : UNIMPLEMENTED
    if (!KNOWN.has(name) && (await this.#isForeign(verb))) this.#nonSmtp(verb, words.join(' '), before)
    if (!this.#ended && name !== 'BDAT' && this.#held.length > 0) this.#pipelined(verb)
    if (this.#ended) return
    if (name === 'RCPT') this.#passDeep()
    if (++this.#count > cf.postscreen_command_count_limit && name !== 'QUIT') {
      report.say(`COMMAND COUNT LIMIT from ${report.client} after ${before}`)
      return this.#drop(this.#later)
    }
    const answer = await this.#answer(name, words, line.toString('utf8').trimStart().slice(verb.length).trim())
    if (answer === undefined || this.#ended) return
    if (answer.last === true) return this.#drop(answer.reply)
    connection.write(`${softened(answer.reply, screen.deps.host.soft_bounce)}\r\n`)
    connection.idleAfter(timesOf(screen).postscreen_command_time_limit)
  }

  async #filtered(line: string): Promise<string> {
    const { cf, tables } = this.#at.screen.deps
    if (cf.postscreen_command_filter === '') return line
    const { report } = this.#at
    const found = await report.lookUp(tables.open(cf.postscreen_command_filter), line.trimStart())
    if (found === undefined) return line
    report.say(`${report.client}: replacing command "${line.slice(0, LOGGED_OCTETS)}" with "${found}"`)
    return found
  }

  /** A header field, or a command of another protocol. */
  async #isForeign(verb: string): Promise<boolean> {
    return (
      /^[!-9;-~]+:/.test(verb) || verb.includes('\ufffd') || (verb !== '' && (await this.#at.screen.isForbidden(verb)))
    )
  }

  #bareNewline(line: Buffer): void {
    const { report, screen } = this.#at
    if (!this.#looksAt('bareNewline')) return
    report.say(`BARE NEWLINE from ${report.client} after ${escaped(line.subarray(0, LOGGED_OCTETS))}`)
    this.#fail('bareNewline', screen.deps.cf.postscreen_bare_newline_action, '521 5.5.1 Protocol error')
  }

  #nonSmtp(verb: string, rest: string, before: string): void {
    const { report, screen } = this.#at
    if (!this.#looksAt('nonSmtp')) return
    const said = `${verb} ${escaped(Buffer.from(rest).subarray(0, LOGGED_OCTETS))}`
    report.say(`NON-SMTP COMMAND from ${report.client} after ${before}: ${said}`)
    const action = screen.deps.cf.postscreen_non_smtp_command_action
    this.#fail('nonSmtp', action, '521 5.7.0 Error: I can break rules, too. Goodbye.')
  }

  #pipelined(verb: string): void {
    const { report, screen } = this.#at
    if (!this.#looksAt('pipelining')) return
    const text = escaped(this.#held.subarray(0, LOGGED_OCTETS))
    report.say(`COMMAND PIPELINING from ${report.client} after ${verb.slice(0, LOGGED_OCTETS)}: ${text}`)
    this.#fail('pipelining', screen.deps.cf.postscreen_pipelining_action, '521 5.5.1 Protocol error')
  }

  readonly #skipped = new Set<string>()

  #looksAt(test: 'pipelining' | 'nonSmtp' | 'bareNewline'): boolean {
    return this.#at.results.todo.has(test) && !this.#skipped.has(test)
  }

  #fail(test: 'pipelining' | 'nonSmtp' | 'bareNewline', action: 'ignore' | 'enforce' | 'drop', goodbye: string): void {
    this.#skipped.add(test)
    const { results, screen } = this.#at
    if (action === 'ignore') return results.pass(test, screen.deps.clock.now() + screen.minTtlMs)
    results.fail(test)
    if (action === 'drop') this.#drop(goodbye)
    else this.#at.refusal = '550 5.5.1 Protocol error'
  }

  /** Who got as far as RCPT speaks well enough. */
  #passDeep(): void {
    const { results, screen } = this.#at
    const { cf, clock } = screen.deps
    const ttl = {
      pipelining: cf.postscreen_pipelining_ttl,
      nonSmtp: cf.postscreen_non_smtp_command_ttl,
      bareNewline: cf.postscreen_bare_newline_ttl,
    } as const
    for (const test of ['pipelining', 'nonSmtp', 'bareNewline'] as const)
      if (results.isOpen(test)) results.pass(test, clock.now() + ttl[test])
  }

  /** undefined: it has been said already. @param rest the line behind the verb */
  async #answer(name: string, words: readonly string[], rest: string): Promise<Answer | undefined> {
    if (!KNOWN.has(name) || NOT_HERE.has(name)) return { reply: '502 5.5.2 Error: command not recognized' }
    if (this.#level === 'encrypt' && !this.#tls && !PRE_TLS.has(name))
      return { reply: '530 5.7.0 Must issue a STARTTLS command first' }
    switch (name) {
      case 'HELO':
      case 'EHLO':
        return this.#hello(name, words[0])
      case 'STARTTLS':
        return this.#startTls(words)
      case 'MAIL':
        return this.#mail(rest)
      case 'RCPT':
        return this.#rcpt(rest)
      case 'VRFY':
        return { reply: this.#vrfy(words) }
      case 'ETRN':
        return { reply: this.#etrn(words) }
      case 'DATA':
      case 'BDAT':
        return { ...this.#content(name, words), last: true }
      case 'QUIT':
        return { reply: '221 2.0.0 Bye', last: true }
      case 'RSET':
        this.#sender = undefined
        return { reply: '250 2.0.0 Ok' }
      default:
        return { reply: '250 2.0.0 Ok' }
    }
  }

  async #hello(name: 'HELO' | 'EHLO', helo: string | undefined): Promise<Answer> {
    if (helo === undefined) return { reply: `501 Syntax: ${name} hostname` }
    this.#helo = helo
    this.#sender = undefined
    const { myhostname } = this.#at.screen.deps.host
    if (name === 'HELO') return { reply: `250 ${myhostname}` }
    this.#protocol = 'ESMTP'
    const lines = [myhostname, ...(await this.#keywords())]
    return { reply: lines.map((line, i) => `250${i === lines.length - 1 ? ' ' : '-'}${line}`).join('\r\n') }
  }

  /** Of the tables where they have the client, which is told, or the list. */
  async #toDiscard(): Promise<ReadonlySet<string>> {
    const { screen, connection, report } = this.#at
    const maps = screen.deps.cf.postscreen_discard_ehlo_keyword_address_maps
    const { address, port } = connection.remote
    const found = maps === '' ? undefined : await screen.deps.tables.maps(maps).find(address)
    if (found === undefined) return screen.ehloKeywords
    const own = new Set(listWords(found.result.toUpperCase()))
    const isOther = own.symmetricDifference(screen.ehloKeywords).size > 0
    const said = DISCARDABLE.filter((word) => own.has(word)).join(' ')
    // Postfix has no colon before the port here.
    if (isOther && own.size > 0 && !own.has('SILENT-DISCARD'))
      report.say(`[${address}]${port}: discarding EHLO keywords: ${said}`)
    return own
  }

  /** No PIPELINING: a client must wait. */
  async #keywords(): Promise<string[]> {
    const { host } = this.#at.screen.deps
    const discarded = await this.#toDiscard()
    this.#discarded = discarded
    const all = [
      host.message_size_limit > 0 ? `SIZE ${host.message_size_limit}` : 'SIZE',
      ...(host.disable_vrfy_command ? [] : ['VRFY']),
      'ETRN',
      ...(this.#level === 'none' || this.#tls ? [] : ['STARTTLS']),
      'ENHANCEDSTATUSCODES',
      '8BITMIME',
      'DSN',
      ...(host.smtputf8_enable ? ['SMTPUTF8'] : []),
      'CHUNKING',
    ]
    return all.filter((word) => !discarded.has(word.split(' ')[0] ?? ''))
  }

  get #level(): 'none' | 'may' | 'encrypt' {
    const { postscreen_tls_security_level: level, postscreen_enforce_tls, postscreen_use_tls } = this.#at.screen.deps.cf
    if (level !== '') return level
    return postscreen_enforce_tls ? 'encrypt' : postscreen_use_tls ? 'may' : 'none'
  }

  async #startTls(words: readonly string[]): Promise<Answer | undefined> {
    if (words.length > 0) return { reply: '501 5.5.4 Syntax: STARTTLS' }
    if (this.#tls) return { reply: '554 5.5.1 Error: TLS already active' }
    if (this.#level === 'none' || this.#discarded.has('STARTTLS'))
      return { reply: '502 5.5.1 Error: command not implemented' }
    const { connection } = this.#at
    // RFC 3207 §5: what came in plain behind the command is none of TLS.
    this.#held = Buffer.alloc(0)
    connection.write('220 2.0.0 Ready to start TLS\r\n')
    try {
      await connection.startTls()
      this.#tls = true
      this.#helo = this.#sender = undefined
    } catch {
      this.#end(() => this.#at.hangup())
    }
    return undefined
  }

  #mail(rest: string): Answer {
    if (this.#at.screen.deps.cf.postscreen_helo_required && this.#helo === undefined)
      return { reply: '503 5.5.1 Error: send HELO/EHLO first' }
    if (this.#sender !== undefined) return { reply: '503 5.5.1 Error: nested MAIL command' }
    if (!rest.includes(':')) return { reply: '501 5.5.4 Syntax: MAIL FROM:<address>' }
    this.#sender = addressIn(rest)
    return { reply: '250 2.1.0 Ok' }
  }

  #rcpt(rest: string): Answer {
    if (this.#sender === undefined) return { reply: '503 5.5.1 Error: need MAIL command' }
    if (!rest.includes(':')) return { reply: '501 5.5.4 Syntax: RCPT TO:<address>' }
    const { report, screen } = this.#at
    const reply = this.#at.refusal ?? COME_LATER
    report.refused({
      reply: softened(reply, screen.deps.host.soft_bounce),
      sender: this.#sender,
      recipient: addressIn(rest),
      protocol: this.#protocol,
      helo: this.#helo ?? '',
    })
    return { reply }
  }

  #vrfy(words: readonly string[]): string {
    if (words.length === 0) return '501 5.5.4 Syntax: VRFY address'
    if (this.#at.screen.deps.cf.postscreen_disable_vrfy_command) return '502 5.5.1 VRFY command is disabled'
    return this.#at.refusal ?? COME_LATER
  }

  #etrn(words: readonly string[]): string {
    if (this.#at.screen.deps.cf.postscreen_helo_required && this.#helo === undefined)
      return '503 5.5.1 Error: send HELO/EHLO first'
    return words.length === 0 ? '500 Syntax: ETRN domain' : '458 Unable to queue messages'
  }

  /** No client of good manners comes so far: no recipient was accepted. */
  #content(name: 'DATA' | 'BDAT', words: readonly string[]): { readonly reply: string } {
    const { report } = this.#at
    report.say(`${name} without valid RCPT from ${report.client}`)
    if (name === 'BDAT' && this.#discarded.has('CHUNKING')) return { reply: '502 5.5.1 Error: command not implemented' }
    if (name === 'DATA' && words.length > 0) return { reply: '501 5.5.4 Syntax: DATA' }
    if (name === 'BDAT' && words.length === 0) return { reply: '501 5.5.4 Syntax: BDAT count [LAST]' }
    if (this.#sender === undefined)
      return { reply: name === 'DATA' ? '503 5.5.1 Error: need RCPT command' : '554 5.5.1 Error: need MAIL command' }
    return { reply: '554 5.5.1 Error: no valid recipients' }
  }
}

/** What stands behind the colon, in internal form, for the log. */
function addressIn(rest: string): string {
  const behind = rest.slice(rest.indexOf(':') + 1).trimStart()
  const [, bracketed] = /^<((?:"(?:\\.|[^"\\])*"|\\.|[^>"\\])*)/s.exec(behind) ?? []
  const written = bracketed ?? behind.split(' ')[0] ?? ''
  return unquote(written.replace(/^@[^:]*:/, ''))
}
