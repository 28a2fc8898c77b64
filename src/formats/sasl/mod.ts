/**
 * SASL mechanisms as exchanges, server and client side: PLAIN, LOGIN, DIGEST-MD5, CRAM-MD5, SCRAM-SHA-1 and SCRAM-SHA-256,
 * both with and without channel binding; the server's side alone of EXTERNAL, OAUTHBEARER and XOAUTH2.
 * In: a client's responses as octets, and a SaslBackend that knows what is kept of passwords. Out: challenges, then whom
 * the exchange proved. Of a connection, a database or base64 lines nothing is known here.
 * Also: SASLprep, and what each mechanism keeps instead of a password.
 * Standards: RFC 4422; RFC 4616, draft-murchison-sasl-login, RFC 2195, RFC 2831, RFC 5802, RFC 7677,
 * RFC 9266, RFC 7628; RFC 4013.
 */
export type * from './contract.ts'
export { AUTHENTICATION_FAILURE, BAD_PROTOCOL, SaslError, SaslUnavailable } from './errors.ts'
export {
  mechanismNames,
  mechanismsBy,
  offersBinding,
  propertiesOf,
  securityOptions,
  selectMechanisms,
  startClientExchange,
  startExchange,
  usableMechanisms,
  type ClientOptions,
  type MechanismProperties,
  type Selection,
} from './mechanisms.ts'
export { decodeBase64 } from './octets.ts'
export { saslprep } from './saslprep.ts'
export { scramKeys } from './scram-keys.ts'
export { digestMd5Ha1s } from './digest-md5.ts'
export { cramMd5Digest, cramMd5States } from './cram-md5.ts'
