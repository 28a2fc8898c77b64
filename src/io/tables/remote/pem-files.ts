/** Certificates of a directory, as OpenSSL's c_rehash leaves them: each by itself, and linked by its hash. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The most certificates that are read. */
const MOST_FILES = 2000

/** The texts of all hashed files (`9d66eef0.0`); none where there is no such directory. */
export function pemFiles(directory: string): string[] {
  if (directory === '') return []
  try {
    const names = readdirSync(directory).filter((name) => /^[0-9a-f]{8}\.\d+$/.test(name))
    return names.slice(0, MOST_FILES).map((name) => readFileSync(join(directory, name), 'utf8'))
  } catch {
    return []
  }
}
