/** What is remembered of ACME between attempts and starts, in files for their owner alone. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { newAccountKey } from '../../io/net/mod.ts'
import { certificateFile } from './settings.ts'

export interface AcmeState {
  /** Of the settings that this came of. */
  readonly stamp: string
  /** In a row. */
  readonly failures: number
  /** Nothing is tried before. */
  readonly notBeforeMs: number
  /** By the authority's word (Retry-After): not even when somebody asks for it. */
  readonly refusedUntilMs: number
  readonly triedMs: number
  /** Of the last failure. */
  readonly error: string | undefined
  readonly renewAtMs: number | undefined
  /** What the authority suggests (RFC 9773). */
  readonly window: { readonly startMs: number; readonly endMs: number } | undefined
  readonly askAtMs: number
  /** acme_directory of the certificate that is there. */
  readonly issuedBy: string
}

export const freshState = (stamp: string, issuedBy = ''): AcmeState => ({
  stamp,
  failures: 0,
  notBeforeMs: 0,
  refusedUntilMs: 0,
  triedMs: 0,
  error: undefined,
  renewAtMs: undefined,
  window: undefined,
  askAtMs: 0,
  issuedBy,
})

const stateFile = (directory: string): string => join(directory, 'state.json')

/** undefined: nothing is known, or nothing that can be read. */
export function readState(directory: string): AcmeState | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(stateFile(directory), 'utf8'))
    if (typeof value !== 'object' || value === null || !('stamp' in value)) return undefined
    return { ...freshState(''), ...(value as AcmeState) } // our own words of before
  } catch {
    return undefined
  }
}

export function writeState(directory: string, state: AcmeState): void {
  writePrivately(directory, stateFile(directory), JSON.stringify(state))
}

/** The account's key, made once. */
export function accountKeyIn(directory: string): string {
  const file = join(directory, 'account.key')
  try {
    return readFileSync(file, 'latin1')
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOENT') throw error
    const key = newAccountKey()
    writePrivately(directory, file, key)
    return key
  }
}

export function writeCertificate(directory: string, key: string, chain: string): void {
  writePrivately(directory, certificateFile(directory), `${key.trimEnd()}\n${chain.trimEnd()}\n`)
}

/** Whoever reads finds what was there or what is new, whole. */
function writePrivately(directory: string, file: string, text: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const fresh = `${file}.new`
  writeFileSync(fresh, text, { mode: 0o600, flush: true })
  renameSync(fresh, file)
}
