import assert from 'node:assert/strict'
import fs, { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { logrotate } from './logrotate.ts'

test('a link that somebody puts in the place of the log meanwhile is not followed', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-logrotate-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const [log, victim] = [join(dir, 'mail.log'), join(dir, 'victim')]
  writeFileSync(join(dir, 'main.cf'), `maillog_file = ${log}\ndata_directory = ${dir}/data\nmyhostname = a.test\n`)
  writeFileSync(log, 'a line\n', { mode: 0o644 })
  writeFileSync(victim, 'precious\n', { mode: 0o600 })
  const { renameSync } = fs
  t.after(() => {
    fs.renameSync = renameSync
    syncBuiltinESMExports()
  })
  fs.renameSync = (from, to) => {
    renameSync(from, to)
    symlinkSync(victim, log)
  }
  syncBuiltinESMExports()
  let said = ''
  const io = {
    stdin: Readable.from([]),
    out: () => {},
    err: (text: string) => void (said += text),
    env: {},
    cwd: dir,
    tty: false,
  }
  assert.equal(await logrotate(['-c', dir], io), 1)
  assert.match(said, /^postigo: fatal: logfile '.*mail\.log' rotation failed: EEXIST/)
  assert.equal(readFileSync(victim, 'utf8'), 'precious\n')
  assert.equal(lstatSync(victim).mode & 0o777, 0o600)
  const [old = ''] = readdirSync(dir).filter((name) => name.startsWith('mail.log.'))
  assert.equal(readFileSync(join(dir, old), 'utf8'), 'a line\n')
})
