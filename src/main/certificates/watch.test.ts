import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeRegistry, parseConfig } from '../../io/config/mod.ts'
import { CertificateWatch } from './watch.ts'

test('files that changed are taken once they have stood still', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-watch-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const write = (name: string, text: string): void => writeFileSync(join(dir, name), text)
  write('cert.pem', 'one')
  const mainCf =
    `smtpd_tls_cert_file = ${dir}/cert.pem\nsmtpd_tls_key_file = ${dir}/key.pem\n` +
    `smtp_tls_key_file = ${dir}/locked/key.pem\n`
  let taken = 0
  const given = new Map([[`${dir}/locked/key.pem`, 'before']])
  const watch = new CertificateWatch({
    config: () => parseConfig(mainCf, makeRegistry()),
    handed: () => Promise.resolve(given),
    take: () => Promise.resolve(void taken++),
  })
  const look = async (): Promise<number> => {
    await watch.look()
    return taken
  }
  assert.equal(await look(), 0)
  assert.equal(await look(), 0)
  write('cert.pem', 'another')
  assert.equal(await look(), 0)
  write('key.pem', 'its key')
  assert.equal(await look(), 0)
  assert.equal(await look(), 1)
  assert.equal(await look(), 1)
  given.set(`${dir}/locked/key.pem`, 'after') // only root may read it
  assert.deepEqual([await look(), await look(), await look()], [1, 2, 2])
})
