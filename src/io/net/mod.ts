/**
 * The network: listeners, connections, TLS, certificates and those who give them (ACME), requests over HTTP.
 * In: sockets of the machine. Out: a `Connection` that a service reads by push and writes to.
 * Standards: RFC 8446 and RFC 5280 by OpenSSL, RFC 8555 (ACME), RFC 8737 (tls-alpn-01), RFC 9773 (renewal information).
 */
export type * from './contract.ts'
export { type Anchor, isNamedBy, standsOn } from './chain.ts'
export { clientContext, type ClientContextSettings } from './client-context.ts'
export { plainAddress, WRITE_HIGH_WATER } from './connection.ts'
export { connect, type ConnectOptions, holderOf, listen, ListenError, type ListenOptions } from './listen.ts'
export {
  type CertificateFiles,
  createIdentity,
  hashedFiles,
  IdentityError,
  readPem,
  type IdentitySettings,
  readKeyPairs,
  type ServerTls,
} from './identity.ts'
export { certificates, type KeyPair, keyPairs } from './pem.ts'
export {
  cipherChoice,
  type CipherSettings,
  groupChoice,
  optionBits,
  type ProtocolChoice,
  protocolChoice,
  TlsSettingError,
  type TlsVersion,
} from './tls-choices.ts'
export { type ProxyHeader, ProxyHeaderError, readProxyHeader } from './proxy-header.ts'
export { selfSigned } from './self-signed.ts'
export { TicketKeys } from './ticket-keys.ts'
export { certificateRequest } from './certificate-request.ts'
export { type HttpAnswer, type HttpRequest, type SendHttp, sendHttp } from './https.ts'
export { AcmeClient, AcmeError, type AcmeClientOptions } from './acme/client.ts'
export { newAccountKey, readAccountKey } from './acme/jws.ts'
export {
  type AccountWishes,
  type ChallengeKind,
  obtain,
  openAccount,
  type OrderWishes,
  type Responder,
} from './acme/order.ts'
export { certificateId, renewalMoment, type SuggestedWindow, suggestedWindow, waitAfter } from './acme/renewal.ts'
export { directoryResponder, httpResponder, type ResponderPlace, tlsResponder } from './acme/responders.ts'
