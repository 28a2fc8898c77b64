/**
 * `sendmail -bs`: SMTP on standard input and output, for any user and without a server. What comes goes to the maildrop, as
 * with Postfix's stand-alone smtpd; restrictions do not apply, for whoever can run this may submit mail anyway.
 */
import { systemClock } from '#src/base/mod.ts'
import { type SaslBackend, startExchange } from '../../formats/sasl/mod.ts'
import type { Envelope, Reply } from '../../formats/smtp/mod.ts'
import { type Config, loadConfig } from '../../io/config/mod.ts'
import { createTables } from '../../io/tables/mod.ts'
import type { Intake, OpenOptions, Submission } from '../../mail/intake/mod.ts'
import type { Policy, PolicyMemory, Verdict } from '../../mail/policy/mod.ts'
import { createSmtpd, smtpdParams } from '../../services/smtpd/mod.ts'
import { allParams } from '../registry.ts'
import { DropWriter, type PublicPaths, publicPaths } from '../server/maildrop.ts'
import { tellDropped } from '../server/public-socket.ts'
import { type CliIo, EX } from './io.ts'
import { StdioConnection } from './stdio-connection.ts'

/** What stand-alone smtpd cannot do: there are no accounts and no key. */
const WITHOUT = new Map([
  ['smtpd_sasl_auth_enable', 'no'],
  ['smtpd_tls_security_level', 'none'],
  ['smtpd_peername_lookup', 'no'],
  // Scripts write the whole dialogue at once.
  ['smtpd_forbid_unauth_pipelining', 'no'],
])

export async function standaloneSmtp(directory: string, io: CliIo): Promise<number> {
  const config = loadConfig(directory, allParams()).with(WITHOUT)
  const connection = new StdioConnection(io.stdin, process.stdout)
  const closed = new Promise<void>((resolve) => connection.whenClosed(resolve))
  const tables = createTables({ clock: systemClock, types: {}, parameter: (name) => config.value(name) })
  const serve = createSmtpd({
    cf: config.bind(smtpdParams),
    clock: systemClock,
    resolver: {
      clientName: () =>
        Promise.resolve({ name: 'localhost', reverseName: 'localhost', nameStatus: 'ok', reverseStatus: 'ok' }),
    },
    tables,
    policy: permitAll(),
    intake: dropIntake(config),
    backend: NO_ACCOUNTS,
    startExchange,
    mechanisms: () => [],
    tlsAvailable: false,
    flush: () => Promise.resolve('denied'),
    validAddress: (address) => address === '' || !/[\0\r\n]/.test(address),
  })
  serve(connection)
  await closed
  return EX.ok
}

/** No mechanism is offered, so nothing of it is asked. */
const NO_ACCOUNTS: SaslBackend = {
  realm: '',
  verifyPassword: () => Promise.resolve(undefined),
  scram: noAccounts,
  digestMd5: noAccounts,
  cramMd5: noAccounts,
  mayActAs: () => false,
}

function noAccounts(): never {
  throw new Error('stand-alone SMTP has no accounts')
}

function permitAll(): Policy {
  const yes: Verdict = { reply: undefined, effects: [], path: [] }
  const verdict = (): Promise<Verdict> => Promise.resolve(yes)
  return {
    session: (): PolicyMemory => ({ policyMemory: true }),
    connect: verdict,
    helo: verdict,
    mail: verdict,
    rcpt: verdict,
    recipientOf: (address) => address,
    data: verdict,
    endOfData: verdict,
    etrn: verdict,
    vrfy: verdict,
    isMyNetwork: () => Promise.resolve(true),
    rewritesHeaders: () => Promise.resolve(true),
  }
}

/** Messages into the maildrop, where pickup finds them. */
function dropIntake(config: Config): Intake {
  const paths = publicPaths(config)
  return {
    open: (_arrival, options) => new DropSubmission(paths, options),
    queueId: () => 'NOQUEUE',
    noRoom: () => undefined,
  }
}

/** The envelope stands in front in the file and is known at the end: the content waits in memory, at most message_size_limit. */
class DropSubmission implements Submission {
  readonly queueId = 'NOQUEUE'
  readonly #paths: PublicPaths
  readonly #parts: Buffer[] = []
  #octets = 0

  constructor(paths: PublicPaths, _options: OpenOptions) {
    this.#paths = paths
  }

  get sizeOctets(): number {
    return this.#octets
  }

  write(chunk: Buffer): void {
    this.#octets += chunk.length
    this.#parts.push(chunk)
  }

  async finish({ sender, recipients, ret, envid, body, smtpUtf8, verp }: Envelope): Promise<Reply> {
    try {
      const drop = new DropWriter(this.#paths.maildrop, {
        sender,
        recipients,
        ...(ret !== undefined && { ret }),
        ...(envid !== undefined && { envid }),
        ...((body === '7BIT' || body === '8BITMIME') && { body }),
        ...(verp !== undefined && { verp }),
        ...(smtpUtf8 && { smtpUtf8 }),
      })
      for (const part of this.#parts) drop.write(part)
      drop.finish()
      await tellDropped(this.#paths)
      return { code: 250, enhanced: '2.0.0', lines: [`Ok: queued as ${drop.name}`] }
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      return { code: 451, enhanced: '4.3.0', lines: [`Error: ${text}`] }
    }
  }

  abort(): void {
    this.#parts.length = 0
  }
}
