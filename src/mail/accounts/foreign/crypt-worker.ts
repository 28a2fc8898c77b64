/** One hash by libcrypt's crypt_r(3), whose answer is posted to the thread that asked. */
import * as ffi from 'node:ffi'
import { parentPort, workerData } from 'node:worker_threads'

/** Octets of struct crypt_data; its answer stands at its start (libxcrypt's crypt.h). */
const CRYPT_DATA = 32_768
const OUTPUT = 384

const { setting, password } = workerData as { setting: string; password: Uint8Array } // crypt.ts sent them
const { functions } = ffi.dlopen('libcrypt.so.1', {
  crypt_r: { arguments: ['buffer', 'buffer', 'buffer'], return: 'pointer' },
} as const)
const cString = (octets: Uint8Array): Buffer => Buffer.concat([octets, Buffer.alloc(1)])
const data = Buffer.alloc(CRYPT_DATA)
const answer = functions.crypt_r(cString(password), cString(Buffer.from(setting)), data)
const output = data.subarray(0, OUTPUT)
parentPort?.postMessage(answer === 0n ? '*0' : output.toString('latin1', 0, output.indexOf(0)))
