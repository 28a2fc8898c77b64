/** Inputs that once were wrong: each file is a case for ever. `findings/TARGET/NAME` */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Finding } from './frame.ts'

const DIR = join(import.meta.dirname, 'findings')

export function savedInputs(target: string): { readonly name: string; readonly input: Buffer }[] {
  const dir = join(DIR, target)
  if (!existsSync(dir)) return []
  return readdirSync(dir).map((name) => ({ name, input: readFileSync(join(dir, name)) }))
}

/** Answers the file. */
export function saveFinding({ target, input }: Finding): string {
  const dir = join(DIR, target)
  mkdirSync(dir, { recursive: true })
  const file = join(dir, createHash('sha256').update(input).digest('hex').slice(0, 12))
  writeFileSync(file, input)
  return file
}
