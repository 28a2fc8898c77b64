/** SCRAM's four messages, RFC 5802 §7. Parsers throw SaslError with the server-error-value that it becomes. */
import { badProtocol } from './errors.ts'
import { decodeBase64, utf8 } from './octets.ts'

export interface ClientFirst {
  /** The header as sent, commas included: `n,,`. It comes back in client-final's `c=`. */
  readonly gs2Header: string
  /** Channel binding: not supported, supported but not seen at the server, or used by that name. */
  readonly binding: 'n' | 'y' | { readonly name: string }
  readonly authzid: string
  readonly username: string
  readonly nonce: string
  readonly bare: string
}

const NONCE = /^[\x21-\x2b\x2d-\x7e]+$/
const CB_FLAG = /^(?:n|y|p=[A-Za-z0-9.-]+)$/
const ATTR_VAL = /^[A-Za-z]=[^\0]+$/su
const POSIT_NUMBER = /^[1-9][0-9]{0,9}$/

/** `saslname`: a comma is `=2C`, an equals sign `=3D`, and no other escape exists. */
export function takeSaslname(text: string): string {
  if (text === '' || text.includes('\0') || /=(?!2C|3D)/.test(text)) throw badProtocol('invalid-username-encoding')
  return text.replaceAll('=2C', ',').replaceAll('=3D', '=')
}

export function printSaslname(name: string): string {
  return name.replaceAll('=', '=3D').replaceAll(',', '=2C')
}

/** Value of the attribute `name` in `attr-val`; another attribute or an empty value is an error. */
function takeAttribute(part: string | undefined, name: string): string {
  if (!part?.startsWith(`${name}=`) || part.length === 2) throw badProtocol('other-error')
  return part.slice(2)
}

function takeNonce(part: string | undefined): string {
  const nonce = takeAttribute(part, 'r')
  if (!NONCE.test(nonce)) throw badProtocol('other-error')
  return nonce
}

function takeBase64(part: string | undefined, name: string): Buffer {
  const octets = decodeBase64(takeAttribute(part, name))
  if (!octets) throw badProtocol('invalid-encoding')
  return octets
}

/** Extensions are ignored, mandatory ones (`m=`) are not understood here. */
function skipExtensions(parts: readonly string[]): void {
  for (const part of parts) if (!ATTR_VAL.test(part)) throw badProtocol('other-error')
}

function textOf(message: Buffer): string {
  const text = utf8(message)
  if (text === undefined) throw badProtocol('invalid-encoding')
  return text
}

function refuseMandatory(part: string | undefined): void {
  if (part?.startsWith('m=')) throw badProtocol('extensions-not-supported')
}

export function parseClientFirst(message: Buffer): ClientFirst {
  const text = textOf(message)
  const [flag = '', authzid = '', ...attributes] = text.split(',')
  if (!CB_FLAG.test(flag) || attributes.length === 0) throw badProtocol('other-error')
  if (authzid !== '' && !authzid.startsWith('a=')) throw badProtocol('other-error')
  refuseMandatory(attributes[0])
  const [name, nonce, ...extensions] = attributes
  if (!name?.startsWith('n=')) throw badProtocol('other-error')
  skipExtensions(extensions)
  return {
    gs2Header: `${flag},${authzid},`,
    binding: flag === 'n' || flag === 'y' ? flag : { name: flag.slice(2) },
    authzid: authzid === '' ? '' : takeSaslname(authzid.slice(2)),
    username: takeSaslname(name.slice(2)),
    nonce: takeNonce(nonce),
    bare: attributes.join(','),
  }
}

export function parseServerFirst(message: Buffer): { nonce: string; salt: Buffer; iterations: number } {
  const [nonce, salt, iterations, ...extensions] = textOf(message).split(',')
  refuseMandatory(nonce)
  const count = takeAttribute(iterations, 'i')
  if (!POSIT_NUMBER.test(count)) throw badProtocol('other-error')
  skipExtensions(extensions)
  return { nonce: takeNonce(nonce), salt: takeBase64(salt, 's'), iterations: Number(count) }
}

export function parseClientFinal(message: Buffer): {
  /** The decoded `c=`: gs2-header and channel binding data. */
  binding: Buffer
  nonce: string
  proof: Buffer
  withoutProof: string
} {
  const text = textOf(message)
  const parts = text.split(',')
  const proof = parts.pop()
  const [binding, nonce, ...extensions] = parts
  skipExtensions(extensions)
  return {
    binding: takeBase64(binding, 'c'),
    nonce: takeNonce(nonce),
    proof: takeBase64(proof, 'p'),
    withoutProof: parts.join(','),
  }
}

/** The server's last word: its signature, or its error. */
export function parseServerFinal(message: Buffer): { verifier: Buffer } | { error: string } {
  const [first, ...extensions] = textOf(message).split(',')
  skipExtensions(extensions)
  if (first?.startsWith('e=')) return { error: takeAttribute(first, 'e') }
  return { verifier: takeBase64(first, 'v') }
}
