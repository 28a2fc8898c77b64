/** The program's version, as in package.json. */
import { readFileSync } from 'node:fs'

const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

export const version: string =
  typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : '0'

/** The language of main.cf that is spoken: Postfix's `mail_version`. */
export const POSTFIX_LANGUAGE = '3.10.0'
