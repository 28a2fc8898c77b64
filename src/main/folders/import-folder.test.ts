import assert from 'node:assert/strict'
import { chmodSync, chownSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { FolderMessage } from './contract.ts'
import type { ControlAnswer, ControlRequest } from '../server/control.ts'
import { type FolderReport, importFolder } from './import-folder.ts'

const NOBODY = { uid: 65_534, gid: 65_534 }
const MESSAGE = { known: 'a', content: Buffer.from('Subject: a\r\n\r\n'), flags: [], internalDateMs: 0 }

test('a batch is left with the rights of who owns the data: a link in its place leads nowhere', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root can act as another')
  const top = mkdtempSync(join(tmpdir(), 'postigo-import-'))
  t.after(() => rmSync(top, { recursive: true }))
  chmodSync(top, 0o755)
  const [theirs, ours, link] = ['theirs', 'ours', 'link'].map((name) => join(top, name)) as [string, string, string] // three names
  mkdirSync(theirs)
  chownSync(theirs, NOBODY.uid, NOBODY.gid)
  mkdirSync(ours, { mode: 0o700 })
  symlinkSync(ours, link)
  const run = (dir: string): Promise<FolderReport> => {
    const answers: Readonly<Record<string, (request: ControlRequest) => object>> = {
      'import-open': () => ({ target: { id: 1, mailbox: 'INBOX', takes: 1, uidValidity: 1 }, account: 1 }),
      'import-known': () => ({ known: [] }),
      'import-batch': ({ file }) => {
        const { uid, mode } = lstatSync(join(dir, String(file)))
        assert.deepEqual([uid, mode & 0o777], [NOBODY.uid, 0o600])
        return { uids: [1] }
      },
    }
    const ask = (request: ControlRequest): Promise<ControlAnswer> =>
      Promise.resolve({ ok: true, ...answers[request.command]?.(request) })
    const batches = function* (): Generator<readonly FolderMessage[]> {
      yield [MESSAGE]
    }
    const close = (): Promise<void> => Promise.resolve()
    const folder = {
      uidValidity: undefined,
      uidNext: undefined,
      expected: 1,
      batches,
      close,
    }
    const job = { account: { account: 'u' }, source: 's', mailbox: 'INBOX', folder, progress: () => {} }
    return importFolder({ ...job, step: (work) => work() }, { dir, owner: NOBODY, ask })
  }
  assert.equal((await run(theirs)).taken, 1)
  await assert.rejects(run(link), /EACCES/)
  assert.deepEqual(readdirSync(ours), [])
})
