/** The table of mechanisms, what may be offered of it, and the start of an exchange of either side. */
import type {
  ClientCredentials,
  ExchangeOptions,
  SaslBackend,
  SaslChannel,
  SaslClientExchange,
  SaslExchange,
} from './contract.ts'
import { BearerServer } from './bearer.ts'
import { CramMd5Client, CramMd5Server } from './cram-md5.ts'
import { DigestMd5Client, DigestMd5Server } from './digest-md5.ts'
import { Exchange, type ServerMechanism } from './exchange.ts'
import { ExternalServer } from './external.ts'
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

type ServerOptions = Required<Omit<ExchangeOptions, 'client'>>
type ClientSide = Required<Omit<ClientOptions, 'channel'>> & Pick<ClientOptions, 'channel'>

interface Row {
  readonly name: string
  /** What proves who the client is. */
  readonly by: 'password' | 'certificate' | 'token'
  readonly properties: MechanismProperties
  /** What the connection must have for it. */
  readonly needs?: (channel: SaslChannel) => boolean
  readonly server: (backend: SaslBackend, options: ServerOptions) => ServerMechanism
  /** Absent where only the server's side is spoken here. */
  readonly client?: (credentials: ClientCredentials, options: ClientSide) => SaslClientExchange
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

const CERTIFICATE: MechanismProperties = { ...SCRAM, dictionary: false, mutualAuth: false }
/** A token is as good as a password to whoever hears it, and nothing that can be guessed. */
const TOKEN: MechanismProperties = { ...PLAINTEXT, dictionary: false }

const scram = (hash: 'sha-1' | 'sha-256'): Row => ({
  name: `SCRAM-${hash.toUpperCase()}`,
  by: 'password',
  properties: SCRAM,
  server: (backend, { nonce, plusOffered }) => new ScramServer(backend, { hash, nonce, plusOffered }),
  client: (credentials, { nonce, channel, couldBind }) =>
    new ScramClient(hash, credentials, { nonce: nonce(), couldBind: couldBind && channel?.exporter !== undefined }),
})

const scramPlus = (hash: 'sha-1' | 'sha-256'): Row => ({
  name: `SCRAM-${hash.toUpperCase()}-PLUS`,
  by: 'password',
  properties: SCRAM,
  needs: ({ exporter }) => exporter !== undefined,
  server: (backend, { nonce, plusOffered, channel: { exporter } }) =>
    new ScramServer(backend, { hash, nonce, plusOffered, exporter }),
  client: (credentials, { nonce, channel }) =>
    new ScramClient(hash, credentials, { nonce: nonce(), exporter: channel?.exporter }),
})

const bearer = (name: 'OAUTHBEARER' | 'XOAUTH2'): Row => ({
  name,
  by: 'token',
  properties: TOKEN,
  needs: ({ secured }) => secured, // RFC 7628 §4: never in clear
  server: (backend) => new BearerServer(backend, name),
})

/** In the order in which they are offered: as Postfix with Cyrus does. Properties: Cyrus's saslpluginviewer. */
const TABLE: readonly Row[] = [
  {
    name: 'PLAIN',
    by: 'password',
    properties: PLAINTEXT,
    server: (backend) => new PlainServer(backend),
    client: (credentials) => new PlainClient(credentials),
  },
  {
    name: 'LOGIN',
    by: 'password',
    properties: PLAINTEXT,
    server: (backend) => new LoginServer(backend),
    client: (credentials) => new LoginClient(credentials),
  },
  {
    name: 'DIGEST-MD5',
    by: 'password',
    properties: DIGEST,
    server: (backend, { service, nonce }) => new DigestMd5Server(backend, service, nonce()),
    client: (credentials, { service, host, nonce }) => new DigestMd5Client(credentials, service, host, nonce()),
  },
  {
    name: 'CRAM-MD5',
    by: 'password',
    properties: CRAM,
    server: (backend, { hostname }) => new CramMd5Server(backend, hostname),
    client: (credentials) => new CramMd5Client(credentials),
  },
  scram('sha-1'),
  scram('sha-256'),
  scramPlus('sha-1'),
  scramPlus('sha-256'),
  {
    name: 'EXTERNAL',
    by: 'certificate',
    properties: CERTIFICATE,
    needs: ({ certificate }) => certificate !== undefined,
    server: (backend, { channel }) => new ExternalServer(backend, channel.certificate),
  },
  bearer('OAUTHBEARER'),
  bearer('XOAUTH2'),
]

const byName = new Map(TABLE.map((row) => [row.name, row]))

/** All that can be spoken here, in the order of offering. */
export const mechanismNames: readonly string[] = TABLE.map((row) => row.name)

/** Those by which a client proves one of these. */
export function mechanismsBy(proof: Row['by']): readonly string[] {
  return TABLE.filter(({ by }) => by === proof).map(({ name }) => name)
}

/** Of mechanisms that may be offered, those that this connection has what is needed for. */
export function usableMechanisms(names: readonly string[], channel: SaslChannel): string[] {
  return names.filter((name) => byName.get(name)?.needs?.(channel) !== false)
}

/** Whether a client that can bind to its channel would have seen that here (RFC 5802 §6). */
export const offersBinding = (offered: readonly string[]): boolean => offered.some((name) => name.endsWith('-PLUS'))

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

/** A server's side of an exchange; undefined for a mechanism that is not spoken here, or not over this channel. Names are case-insensitive. */
export function startExchange(name: string, backend: SaslBackend, options: ExchangeOptions): SaslExchange | undefined {
  const row = byName.get(name.toUpperCase())
  const defaults = { plusOffered: false, nonce: randomNonce, channel: NO_CHANNEL }
  if (row?.needs?.(options.channel ?? NO_CHANNEL) === false) return undefined
  return row && new Exchange(row.name, row.server(backend, { ...defaults, ...options }))
}

const NO_CHANNEL: SaslChannel = { secured: false }

export interface ClientOptions {
  /** GSSAPI service name of the server: `smtp`. */
  readonly service: string
  /** The server's name, as the client knows it. */
  readonly host: string
  readonly securityOptions?: readonly string[]
  readonly nonce?: () => string
  readonly channel?: SaslChannel | undefined
  /** Whether a server without -PLUS is to hear that the client could bind; not where the client itself left those out. */
  readonly couldBind?: boolean
}

/** Strongest first. LOGIN comes after PLAIN: draft-murchison-sasl-login §1. */
const PREFERENCE = [
  'SCRAM-SHA-256-PLUS',
  'SCRAM-SHA-1-PLUS',
  'SCRAM-SHA-256',
  'SCRAM-SHA-1',
  'DIGEST-MD5',
  'CRAM-MD5',
  'PLAIN',
  'LOGIN',
]

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
  const channel = options.channel ?? NO_CHANNEL
  const [best] = PREFERENCE.flatMap((name) => byName.get(name) ?? []).filter(
    (row) => names.has(row.name) && row.needs?.(channel) !== false && isAllowed(row.properties, security),
  )
  const defaults = { nonce: randomNonce, couldBind: !offersBinding([...names]) }
  return best?.client?.(credentials, { ...defaults, securityOptions: security, ...options })
}
