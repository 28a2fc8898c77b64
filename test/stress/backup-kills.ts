/**
 * `postigo backup` beside a server that takes in mail; backups, the server, or both are killed at random. After each kill the last backup is
 * whole; at the end one is restored, and has every message that was acknowledged before it began.
 *
 *     node test/stress/backup-kills.ts [--kills 40] [--seed 1]
 *
 * Leaves with 1 where something is wrong. test/mail/backup-stops.test.ts is a short form without processes.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { generationsIn } from '#src/main/backup/manifest.ts'
import { BIN } from '../support/checkout.ts'
import { run, type Ran } from '../support/client.ts'
import { handIn } from '../support/hand-in.ts'
import { install, type Installation, kill } from '../support/process.ts'
import { Random } from '../support/random.ts'

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '40' }, seed: { type: 'string', default: '1' } },
})
const ADDRESS = 'ana@mail.example.test'
const CLIENTS = 4
/** What a backup takes here, about. */
const KILL_WITHIN_MS = 4000

class Trial {
  readonly #installed: Installation
  readonly #dir: string
  readonly #random: Random
  readonly #accepted: string[] = []
  #server: ChildProcess
  #n = 0
  #stopped = false

  constructor(installed: Installation, server: ChildProcess, dir: string, seed: number) {
    this.#installed = installed
    this.#server = server
    this.#dir = dir
    this.#random = new Random(seed)
  }

  async run(kills: number): Promise<void> {
    const clients = Promise.all(Array.from({ length: CLIENTS }, () => this.#client()))
    assert.equal((await this.#backup(undefined)).code, 0)
    let ended = 0
    for (let n = 0; n < kills; n++) {
      const { code } = await this.#backup(this.#random.below(KILL_WITHIN_MS))
      if (code === 0) ended++
      const looked = await run(BIN, ['backup', '--verify', this.#dir])
      assert.equal(looked.code, 0, looked.err)
      if (n % 5 === 4) await this.#restart(n % 10 === 9)
      console.log(
        `${n + 1} kills, ${ended} came too late, ${this.#accepted.length} messages, ${generationsIn(this.#dir).length} backups`,
      )
    }
    const accepted = [...this.#accepted]
    const last = await this.#backup(undefined)
    assert.equal(last.code, 0, last.err)
    this.#stopped = true
    await clients
    await this.#restored(accepted)
  }

  /** @param afterMs when it is killed; the server dies with it, now and then */
  async #backup(afterMs: number | undefined): Promise<{ code: number | null; err: string }> {
    const child = spawn(BIN, ['backup', this.#dir, '--keep', '2', '-c', this.#installed.dir], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let err = ''
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
    const gone = once(child, 'exit')
    const both = this.#random.below(4) === 0
    if (afterMs === undefined) await gone
    else if ((await Promise.race([gone.then(() => 'ended'), sleep(afterMs)])) !== 'ended') {
      if (both) await this.#restart(true)
      else child.kill('SIGKILL')
    }
    await gone
    return { code: child.exitCode, err }
  }

  async #restart(hard: boolean): Promise<void> {
    if (hard) await kill(this.#server)
    else assert.equal((await this.#installed.postigo(['stop'])).code, 0)
    this.#server = await this.#installed.foreground()
  }

  async #client(): Promise<void> {
    while (!this.#stopped) {
      const subject = `message ${this.#n++}`
      const text = `Subject: ${subject}\r\n\r\n${'text of it\r\n'.repeat(100)}.`
      const steps = ['EHLO client.test', `MAIL FROM:<${ADDRESS}>`, `RCPT TO:<${ADDRESS}>`, 'DATA', text]
      if (await handIn(25 + this.#installed.offset, steps)) this.#accepted.push(subject)
      await sleep(5)
    }
  }

  async #restored(accepted: readonly string[]): Promise<void> {
    const to = mkdtempSync(join(tmpdir(), 'postigo-restored-'))
    try {
      writeFileSync(join(to, 'main.cf'), this.#installed.mainCf)
      const here = (words: readonly string[]): Promise<Ran> => run(BIN, [...words, '-c', to])
      for (const words of [
        ['restore', '--all', this.#dir],
        ['verify'],
        ['mailbox', 'export', '--account', 'ana', '--as', 'mbox', join(to, 'mail')],
      ]) {
        const { code, out, err } = await here(words)
        assert.equal(code, 0, out + err)
      }
      const { out } = await run('grep', ['-rhoa', '^Subject: .*', join(to, 'mail')])
      const found = new Set(out.split(/\r?\n/).map((line) => line.slice(9)))
      assert.deepEqual(
        accepted.filter((subject) => !found.has(subject)),
        [],
      )
      console.log(
        `restored: ${found.size} messages, ${accepted.length} were acknowledged before the last backup, none is missing`,
      )
    } finally {
      rmSync(to, { recursive: true, force: true })
    }
  }
}

const last: (() => unknown)[] = []
const t = { after: (fn: () => unknown): void => void last.unshift(fn) }
const dir = mkdtempSync(join(tmpdir(), 'postigo-backups-'))
t.after(() => rmSync(dir, { recursive: true, force: true }))
try {
  const installed = await install(t, 'smtpd_client_connection_count_limit = 0\n')
  assert.equal((await installed.postigo(['account', 'add', 'ana', '-p'], 'secret\n')).code, 0)
  await new Trial(installed, await installed.foreground(), dir, Number(values.seed)).run(Number(values.kills))
} finally {
  for (const fn of last) await fn()
}
