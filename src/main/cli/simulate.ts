/** `postigo simulate`: what would become of a session, and why. Nothing is sent and nothing is kept. */
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Config } from '../../io/config/mod.ts'
import { type SimulatedSession, type Simulation, simulate, withLookingRooms } from '../server/simulation.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'
import { deliveryLines, verdictLines } from './print-path.ts'

const USAGE = `usage: postigo simulate --client IP [--name HOST] --helo NAME --from ADDRESS --rcpt ADDRESS …
                        [--sasl-user USER] [--tls] [--service NAME] [--message FILE] [--json] [-c DIR]
       postigo simulate --sessions FILE [--json] [-c DIR]

Goes through a session as the server would, and prints each reply with the rules that led to it, and
where the mail would go. No message is sent or stored; DNS and policy services are asked for real.
  --name HOST       the client's verified name ("unknown" for none); without it DNS is asked
  --rcpt ADDRESS    may be given several times; --from "" is the null sender
  --service NAME    smtp (default), submission, submissions …: master.cf's -o hold
  --message FILE    the message, "-" for standard input
  --sessions FILE   one JSON object a line: client, name, helo, sender, recipients, saslUser, tls,
                    service, message (text); "-" for standard input
Exit status: 0 where all was accepted, 69 where something was refused, 75 where it was deferred.
`

const EXIT: Readonly<Record<Simulation['verdict'], number>> = {
  accepted: EX.ok,
  refused: EX.unavailable,
  deferred: EX.tempFail,
  partly: EX.unavailable,
}

export const simulateCommand: Command = async (argv, io) => {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      config: { type: 'string', short: 'c' },
      client: { type: 'string' },
      name: { type: 'string' },
      helo: { type: 'string' },
      from: { type: 'string' },
      rcpt: { type: 'string', multiple: true },
      'sasl-user': { type: 'string' },
      tls: { type: 'boolean' },
      service: { type: 'string' },
      message: { type: 'string' },
      sessions: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help === true) {
    io.out(USAGE)
    return EX.ok
  }
  const sessions = values.sessions === undefined ? [await fromWords(values, io)] : await fromFile(values.sessions, io)
  const wrong = sessions.find((session) => typeof session === 'string')
  if (wrong !== undefined) {
    io.err(`postigo simulate: ${wrong}\n\n${USAGE}`)
    return EX.usage
  }
  const directory = resolve(io.cwd, configDirectory(values.config, io))
  return withLookingRooms(directory, async (rooms) => {
    let code: number = EX.ok
    for (const session of sessions as SimulatedSession[]) {
      // none is a string: found out above
      const simulation = await simulate(rooms, session)
      if (values.json === true) io.out(`${JSON.stringify({ session: told(session), ...simulation })}\n`)
      else io.out(`${lines(session, simulation, rooms.current.config).join('\n')}\n`)
      code ||= EXIT[simulation.verdict]
    }
    return code
  })
}

interface Words {
  readonly [name: string]: string | boolean | string[] | undefined
}

/** The session that the options describe; a text says what is missing. */
async function fromWords(values: Words, io: CliIo): Promise<SimulatedSession | string> {
  const { message } = values
  return checked(
    {
      client: values['client'],
      name: values['name'],
      helo: values['helo'],
      sender: values['from'],
      recipients: values['rcpt'],
      saslUser: values['sasl-user'],
      tls: values['tls'],
      service: values['service'],
    },
    typeof message === 'string' ? await octetsOf(message, io) : undefined,
  )
}

async function fromFile(file: string, io: CliIo): Promise<(SimulatedSession | string)[]> {
  const text = (await octetsOf(file, io)).toString()
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return []
    try {
      const value = JSON.parse(line) as Record<string, unknown> // looked at word by word below
      const message = typeof value['message'] === 'string' ? Buffer.from(value['message']) : undefined
      const session = checked(value, message)
      return [typeof session === 'string' ? `${file}, line ${i + 1}: ${session}` : session]
    } catch (error) {
      return [`${file}, line ${i + 1}: ${error instanceof Error ? error.message : String(error)}`]
    }
  })
}

async function octetsOf(file: string, io: CliIo): Promise<Buffer> {
  if (file !== '-') return readFileSync(resolve(io.cwd, file))
  const chunks: Buffer[] = []
  for await (const chunk of io.stdin) chunks.push(Buffer.from(chunk as Buffer | string)) // as streams give them
  return Buffer.concat(chunks)
}

function checked(value: Readonly<Record<string, unknown>>, message: Buffer | undefined): SimulatedSession | string {
  const { client, name, helo, sender, recipients, saslUser, tls, service } = value
  if (typeof client !== 'string' || isIP(client) === 0) return 'client must be an IP address (--client)'
  if (typeof helo !== 'string' || helo === '') return 'helo is missing (--helo)'
  if (typeof sender !== 'string') return 'the sender is missing (--from)'
  if (!Array.isArray(recipients) || recipients.length === 0 || !recipients.every((r) => typeof r === 'string'))
    return 'a recipient is missing (--rcpt)'
  if ([helo, sender, ...recipients].some((word) => /[\r\n]/.test(word))) return 'a word holds a line end'
  return {
    client,
    helo,
    sender,
    recipients,
    ...(typeof name === 'string' && { name }),
    ...(typeof saslUser === 'string' && { saslUser }),
    ...(typeof service === 'string' && { service }),
    tls: tls === true,
    ...(message !== undefined && { message }),
  }
}

/** The session without its message: that may be large. */
function told({ message, ...session }: SimulatedSession): object {
  return { ...session, ...(message !== undefined && { messageOctets: message.length }) }
}

function lines(session: SimulatedSession, simulation: Simulation, config: Config): string[] {
  const { client, name, saslUser, service } = session
  const who = `${name ?? ''}[${client}]${saslUser === undefined ? '' : `, logged in as ${saslUser}`}`
  const replies = simulation.replies.flatMap(({ command, reply, verdicts }) => {
    const said = (reply ?? 'the connection was closed').split('\n')
    const last = said.length > 1 ? `${said.at(-1)} (${said.length} lines)` : said[0]
    return [`  ${command}: ${last}`, ...verdicts.flatMap((verdict) => verdictLines(verdict, config))]
  })
  const deliveries = simulation.deliveries.flatMap((delivery) => deliveryLines(delivery, config))
  return [
    `${who} to ${service ?? 'smtp'}: ${simulation.verdict}`,
    ...replies,
    ...(deliveries.length === 0 ? [] : ['the mail would go to', ...deliveries]),
    '',
  ]
}
