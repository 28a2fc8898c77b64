/**
 * The network: listeners, connections, TLS, certificates.
 * In: sockets of the machine. Out: a `Connection` that a service reads by push and writes to.
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
