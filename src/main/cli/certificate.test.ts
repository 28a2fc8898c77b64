import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { selfSigned } from '../../io/net/mod.ts'
import { certificate } from './certificate.ts'

test('postigo certificate tells what is shown, and how ACME stands', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-certificate-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const { cert, key } = selfSigned(['mail.example.test'], Date.now(), 10)
  writeFileSync(join(dir, 'chain.pem'), key + cert)
  const run = async (mainCf: string, ...words: string[]): Promise<readonly [number, string]> => {
    writeFileSync(join(dir, 'main.cf'), `data_directory = $config_directory\nmyhostname = mail.example.test\n${mainCf}`)
    let said = ''
    const say = (text: string | Buffer): void => void (said += String(text))
    const code = await certificate(['-c', dir, ...words], {
      out: say,
      err: say,
      cwd: dir,
      env: {},
      stdin: Readable.from([]),
      tty: false,
    })
    return [code, said]
  }
  const chain = 'smtpd_tls_chain_files = $config_directory/chain.pem\n'
  const acme = 'acme_directory = https://ca.test/dir\nacme_agree_to_terms = yes\n'
  assert.match(
    (await run(chain))[1],
    /chain\.pem\n {2}DNS:mail\.example\.test\n {2}until \d{4}-.*, issuer CN=mail\.example\.test\n$/,
  )
  assert.match(
    (await run(chain + acme))[1],
    /ACME\n {2}mail\.example\.test by http-01 from https:\/\/ca\.test\/dir\n {2}no certificate yet\n$/,
  )
  const json = JSON.parse((await run(acme, '--json'))[1]) as { shown: unknown[]; acme: { names: string[] } }
  assert.deepEqual([json.shown, json.acme.names], [[], ['mail.example.test']])
  assert.match((await run('smtpd_tls_cert_file = /nowhere.pem\n'))[1], /^\/nowhere\.pem: No such file or directory\n$/)
  assert.deepEqual(await run(acme, 'renew'), [69, `postigo certificate: no server runs on ${dir}\n`])
  assert.equal((await run('', 'what'))[0], 64)
})
