/** A server killed at one place between two writes while it is asked for all of fault-work.ts; the books after the next start. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { audit, makeTemplate } from './fault-trials.ts'

export interface DeedTrial {
  readonly places: number
  readonly killed: string | undefined
  readonly problems: readonly string[]
}

export class DeedKills {
  readonly #base = mkdtempSync(join(tmpdir(), 'postigo-deeds-'))
  #template: Promise<void> | undefined
  #made = 0

  close(): void {
    rmSync(this.#base, { recursive: true, force: true })
  }

  async run(killAt: number): Promise<DeedTrial> {
    const template = join(this.#base, 'template')
    await (this.#template ??= makeTemplate(template))
    const dir = join(this.#base, `trial${this.#made++}`)
    cpSync(template, dir, { recursive: true })
    try {
      const lines = await live(dir, killAt)
      const words = lines.map((line) => line.split(' '))
      const said = new Map(words.flatMap(([word, name = '']) => (word === 'done' ? [[name, true]] : [])))
      const failed = words.filter(([word]) => word === 'failed').map(([, name]) => `${name} failed`)
      return {
        places: Number(words.find(([word]) => word === 'places')?.[1] ?? 0),
        killed: lines.find((line) => line.startsWith('killed ')),
        problems: [...failed, ...(await audit(dir, said))],
      }
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  }
}

async function live(dir: string, killAt: number): Promise<string[]> {
  const script = join(import.meta.dirname, 'deed-life.ts')
  const child = spawn(process.execPath, [script, dir, String(killAt)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (piece: Buffer) => (text += piece.toString()))
  await once(child, 'close')
  return text.split('\n').filter((line) => line !== '')
}
