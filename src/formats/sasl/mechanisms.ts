/** The table of mechanisms, what may be offered of it, and the start of an exchange of either side. */
import type { ClientCredentials, ExchangeOptions, SaslBackend, SaslClientExchange, SaslExchange } from './contract.ts'
import { CramMd5Client, CramMd5Server } from './cram-md5.ts'
import { DigestMd5Client, DigestMd5Server } from './digest-md5.ts'
import { Exchange, type ServerMechanism } from './exchange.ts'
import { randomNonce } from './octets.ts'
import { LoginClient, LoginServer } from './login.ts'
import { PlainClient, PlainServer } from './plain.ts'
import { ScramClient, ScramServer } from './scram.ts'

/** What a mechanism suffers from or gives; Postfix's `*_sasl_security_options` choose by it. */
export interface MechanismProperties {
  /** The password crosses the wire. */
  readonly plaintext: boolean
  /** Whoever relays or alters the exchange gains by it. */
  readonly active: boolean
  /** Whoever listens can try passwords at home. */
  readonly dictionary: boolean
  /** Lets in without a name. */
  readonly anonymous: boolean
  readonly forwardSecrecy: boolean
  readonly mutualAuth: boolean
}

interface Row {
  readonly name: string
  readonly properties: MechanismProperties
  readonly server: (backend: SaslBackend, options: Required<Omit<ExchangeOptions, 'client'>>) => ServerMechanism
  readonly client: (credentials: ClientCredentials, options: Required<ClientOptions>) => SaslClientExchange
}

const PLAINTEXT: MechanismProperties = {
  plaintext: true,
  active: true,
  dictionary: true,
  anonymous: false,
  forwardSecrecy: false,
  mutualAuth: false,
}
const CRAM: MechanismProperties = { ...PLAINTEXT, plaintext: false }
const DIGEST: MechanismProperties = { ...CRAM, mutualAuth: true }
const SCRAM: MechanismProperties = { ...DIGEST, active: false }

const scramServer =
  (hash: 'sha-1' | 'sha-256') =>
  (backend: SaslBackend, { nonce, plusOffered }: Required<Omit<ExchangeOptions, 'client'>>): ServerMechanism =>
    new ScramServer(backend, { hash, nonce, plusOffered })

/** In the order in which they are offered: as Postfix with Cyrus does. Properties: Cyrus's saslpluginviewer. */
const TABLE: readonly Row[] = [
  {
    name: 'PLAIN',
    properties: PLAINTEXT,
    server: (backend) => new PlainServer(backend),
    client: (credentials) => new PlainClient(credentials),
  },
  {
    name: 'LOGIN',
    properties: PLAINTEXT,
    server: (backend) => new LoginServer(backend),
    client: (credentials) => new LoginClient(credentials),
  },
  {
    name: 'DIGEST-MD5',
    properties: DIGEST,
    server: (backend, { service, nonce }) => new DigestMd5Server(backend, service, nonce()),
    client: (credentials, { service, host, nonce }) => new DigestMd5Client(credentials, service, host, nonce()),
  },
  {
    name: 'CRAM-MD5',
    properties: CRAM,
    server: (backend, { hostname }) => new CramMd5Server(backend, hostname),
    client: (credentials) => new CramMd5Client(credentials),
  },
  {
    name: 'SCRAM-SHA-1',
    properties: SCRAM,
    server: scramServer('sha-1'),
    client: (credentials, { nonce }) => new ScramClient('sha-1', credentials, nonce()),
  },
  {
    name: 'SCRAM-SHA-256',
    properties: SCRAM,
    server: scramServer('sha-256'),
    client: (credentials, { nonce }) => new ScramClient('sha-256', credentials, nonce()),
  },
]

const byName = new Map(TABLE.map((row) => [row.name, row]))

/** All that can be spoken here, in the order of offering. */
export const mechanismNames: readonly string[] = TABLE.map((row) => row.name)

/** Undefined for a mechanism that is not spoken here. */
export function propertiesOf(name: string): MechanismProperties | undefined {
  return byName.get(name.toUpperCase())?.properties
}

/** `smtpd_sasl_security_options` and `smtp_sasl_security_options`: each forbids what lacks or has something. */
const FORBIDS: Readonly<Record<string, (properties: MechanismProperties) => boolean>> = {
  noplaintext: (is) => is.plaintext,
  noactive: (is) => is.active,
  nodictionary: (is) => is.dictionary,
  noanonymous: (is) => is.anonymous,
  forward_secrecy: (is) => !is.forwardSecrecy,
  mutual_auth: (is) => !is.mutualAuth,
}

/** The words that Postfix knows there; another is a configuration error, to be found before. */
export const securityOptions: readonly string[] = Object.keys(FORBIDS)

/** What to offer. */
export interface Selection {
  /** What the password source can do (Accounts.mechanisms()). */
  readonly available: ReadonlySet<string>
  /** smtpd.conf's `mech_list`, in its order; undefined: all. */
  readonly mechList?: readonly string[] | undefined
  /** Throws RangeError for a word that is not in `securityOptions`. */
  readonly securityOptions: readonly string[]
}

/** The mechanisms to advertise and to accept, in order. */
export function selectMechanisms(selection: Selection): string[] {
  const wanted = selection.mechList?.map((name) => name.toUpperCase()) ?? mechanismNames
  return [...new Set(wanted)].filter((name) => {
    const properties = propertiesOf(name)
    return properties && selection.available.has(name) && isAllowed(properties, selection.securityOptions)
  })
}

function isAllowed(properties: MechanismProperties, options: readonly string[]): boolean {
  return options.every((option) => {
    const forbids = FORBIDS[option]
    if (!forbids) throw new RangeError(`unknown SASL security option: ${option}`)
    return !forbids(properties)
  })
}

/** A server's side of an exchange; undefined for a mechanism that is not spoken here. Names are case-insensitive. */
export function startExchange(name: string, backend: SaslBackend, options: ExchangeOptions): SaslExchange | undefined {
  const row = byName.get(name.toUpperCase())
  return row && new Exchange(row.name, row.server(backend, { plusOffered: false, nonce: randomNonce, ...options }))
}

export interface ClientOptions {
  /** GSSAPI service name of the server: `smtp`. */
  readonly service: string
  /** The server's name, as the client knows it. */
  readonly host: string
  readonly securityOptions?: readonly string[]
  readonly nonce?: () => string
}

/** Strongest first. LOGIN comes after PLAIN: draft-murchison-sasl-login §1. */
const PREFERENCE = ['SCRAM-SHA-256', 'SCRAM-SHA-1', 'DIGEST-MD5', 'CRAM-MD5', 'PLAIN', 'LOGIN']

/**
 * The client's side, by the strongest mechanism among those offered that the options allow; undefined when there is
 * none. Mechanisms that are not spoken here are passed over. Throws SaslError when the credentials cannot be sent.
 */
export function startClientExchange(
  offered: readonly string[],
  credentials: ClientCredentials,
  options: ClientOptions,
): SaslClientExchange | undefined {
  const names = new Set(offered.map((name) => name.toUpperCase()))
  const security = options.securityOptions ?? []
  const [best] = PREFERENCE.flatMap((name) => byName.get(name) ?? []).filter(
    (row) => names.has(row.name) && isAllowed(row.properties, security),
  )
  return best?.client(credentials, { nonce: randomNonce, securityOptions: security, ...options })
}
