/** What a database server needs for TLS at 127.0.0.1, and an authority that does not vouch for it. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { certificateMaker } from '../../support/authority.ts'

export interface ServerFiles {
  readonly cert: string
  readonly key: string
  /** Who signed `cert`, as a file. */
  readonly authority: string
  /** Another, by the same name. */
  readonly stranger: string
}

/** Files in `dir`, the server user's own. */
export function serverFiles(t: TestContext, dir: string, user: string): ServerFiles {
  const { make } = certificateMaker(t)
  const [authority, stranger] = [make('Authority'), make('Authority')]
  const { cert, key } = make('localhost', { by: authority, names: ['localhost', '127.0.0.1'] })
  const put = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text, { mode: name === 'server.key' ? 0o600 : 0o644 })
    return join(dir, name)
  }
  const files = {
    cert: put('server.pem', cert),
    key: put('server.key', key),
    authority: put('authority.pem', authority.cert),
    stranger: put('stranger.pem', stranger.cert),
  }
  execFileSync('chown', [user, files.cert, files.key])
  return files
}
