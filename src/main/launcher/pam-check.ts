/**
 * One password asked of PAM, in a process of its own: modules may wait, keep memory, or crash. Service, user and password come
 * on standard input with NUL between; the exit code is the answer: 0 right, 1 refused, 2 not to be told.
 */
import { readFileSync } from 'node:fs'
import * as ffi from 'node:ffi'

/** security/_pam_types.h */
const PAM_SUCCESS = 0
const PAM_CONV_ERR = 19
const PAM_SILENT = 0x8000
const PAM_DISALLOW_NULL_AUTHTOK = 0x1
const PROMPT_ECHO_OFF = 1
const PROMPT_ECHO_ON = 2
/** Wrong, unknown, expired, to be changed first, too many tries: refused. Whatever else is a fault of the service. */
const REFUSALS = new Set([6, 7, 8, 10, 11, 12, 13, 27])
/** struct pam_response: a pointer, and an int with its padding. */
const RESPONSE_OCTETS = 16
const MOST_MESSAGES = 32

const [service = '', user = '', password = ''] = readFileSync(0).toString().split('\0')
const pam = ffi.dlopen('libpam.so.0', {
  pam_start: { arguments: ['string', 'string', 'buffer', 'buffer'], return: 'i32' },
  pam_authenticate: { arguments: ['pointer', 'i32'], return: 'i32' },
  pam_acct_mgmt: { arguments: ['pointer', 'i32'], return: 'i32' },
  pam_end: { arguments: ['pointer', 'i32'], return: 'i32' },
} as const)
// PAM frees what a conversation gives.
const libc = ffi.dlopen('libc.so.6', {
  calloc: { arguments: ['u64', 'u64'], return: 'pointer' },
  strdup: { arguments: ['string'], return: 'pointer' },
} as const)

/** Answers every question with the password; what is only told is passed over. */
function converse(count: number, messages: bigint, answer: bigint): number {
  if (count < 1 || count > MOST_MESSAGES) return PAM_CONV_ERR
  const responses = libc.functions.calloc(BigInt(count), BigInt(RESPONSE_OCTETS))
  for (let i = 0; i < count; i++) {
    const style = ffi.getInt32(ffi.getUint64(messages, i * 8))
    if (style === PROMPT_ECHO_OFF || style === PROMPT_ECHO_ON)
      ffi.setUint64(responses, i * RESPONSE_OCTETS, libc.functions.strdup(style === PROMPT_ECHO_OFF ? password : user))
  }
  ffi.setUint64(answer, 0, responses)
  return PAM_SUCCESS
}

function ask(): number {
  const callback = pam.lib.registerCallback(
    { arguments: ['i32', 'pointer', 'pointer', 'pointer'], return: 'i32' },
    (count, messages, answer) =>
      typeof messages === 'bigint' && typeof answer === 'bigint' ? converse(count, messages, answer) : PAM_CONV_ERR,
  )
  const conversation = Buffer.alloc(16)
  conversation.writeBigUInt64LE(callback)
  const handle = Buffer.alloc(8)
  if (pam.functions.pam_start(service, user, conversation, handle) !== PAM_SUCCESS) return 2
  const pamh = handle.readBigUInt64LE()
  let code = pam.functions.pam_authenticate(pamh, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK)
  if (code === PAM_SUCCESS) code = pam.functions.pam_acct_mgmt(pamh, PAM_SILENT)
  pam.functions.pam_end(pamh, code)
  return code === PAM_SUCCESS ? 0 : REFUSALS.has(code) ? 1 : 2
}

process.exitCode = service === '' || user === '' || password === '' ? 1 : ask()
