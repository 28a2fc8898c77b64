/** LOGIN, draft-murchison-sasl-login: the name, then the password. */
import type { ClientCredentials, SaslBackend, SaslClientExchange } from './contract.ts'
import { badProtocol } from './errors.ts'
import type { ServerMechanism, Turn } from './exchange.ts'
import { utf8 } from './octets.ts'
import { checkPassword } from './plain.ts'

// Not the draft's "User Name" and "Password" with NUL: old Outlook wants these words (draft §2.2), and Cyrus sends them.
const ASK_NAME = Buffer.from('Username:')
const ASK_PASSWORD = Buffer.from('Password:')

/** Only LOGIN's clients are old enough to send what their code page held; draft §2 wants UTF-8. */
function textOf(octets: Buffer): string {
  const text = utf8(octets) ?? octets.toString('latin1')
  if (text === '' || text.includes('\0')) throw badProtocol()
  return text
}

export class LoginServer implements ServerMechanism {
  readonly #backend: SaslBackend
  #name: string | undefined

  constructor(backend: SaslBackend) {
    this.#backend = backend
  }

  start(): Buffer {
    return ASK_NAME
  }

  /** An initial response is the name: RFC 4954 has no word for it, but clients send it and Cyrus takes it. */
  initial(response: Buffer): Promise<Turn> {
    return this.next(response)
  }

  async next(response: Buffer): Promise<Turn> {
    if (this.#name === undefined) {
      this.#name = textOf(response)
      return { challenge: ASK_PASSWORD }
    }
    return { identity: await checkPassword(this.#backend, this.#name, textOf(response), '') }
  }
}

export class LoginClient implements SaslClientExchange {
  readonly mechanism = 'LOGIN'
  readonly initial = undefined
  readonly complete = true
  #answers: string[]

  constructor({ username, password }: ClientCredentials) {
    this.#answers = [username, password]
  }

  /** The contents of both challenges are to be ignored (draft §2.1). */
  async step(): Promise<Buffer> {
    const answer = this.#answers.shift()
    if (answer === undefined) throw badProtocol()
    return Buffer.from(answer)
  }
}
