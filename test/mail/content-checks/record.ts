/** Records what an installed Postfix does with the cases: `node test/mail/content-checks/record.ts`, as root. */
import { execFileSync, spawnSync } from 'node:child_process'
import { appendFileSync, chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostfix } from '../../interop/postfix/postfix.ts'
import { writeView } from '../../interop/postfix/namespace.ts'
import { groups } from './cases.ts'
import { MAIN_CF, masterCf, record, type Served } from './play.ts'

const FIRST_PORT = 23_400
const dir = mkdtempSync(join(tmpdir(), 'content-checks-'))
chmodSync(dir, 0o755)
writeView(dir, '127.0.0.1')
const world = {
  name: 'content checks',
  mainCf: `${MAIN_CF}`,
  files: {},
  indexed: [],
  sessions: [],
}
const place = { dir: join(dir, 'postfix'), address: '127.0.0.1', sinkPort: 9 }
// startPostfix writes master.cf; the listeners are added before master reads it, by a file that it includes.
const postfix = await startPostfix(world, place, FIRST_PORT, dir)
appendFileSync(
  join(place.dir, 'master.cf'),
  masterCf(groups, (i) => `127.0.0.1:${FIRST_PORT + i}`),
)
execFileSync('/usr/sbin/postfix', ['-c', place.dir, 'reload'], { stdio: 'ignore' })
await new Promise((wake) => setTimeout(wake, 1500))

const postcat = (flags: string, id: string): string =>
  spawnSync('/usr/sbin/postcat', ['-c', place.dir, flags, id], { encoding: 'utf8' }).stdout

const served: Served = {
  port: (group) => FIRST_PORT + group,
  log: () => postfix.log(),
  async queued(id) {
    for (let tries = 0; tries < 20; tries++) {
      const envelope = postcat('-eq', id)
      if (envelope !== '') {
        const all = (name: string): string[] =>
          [...envelope.matchAll(new RegExp(`^${name}: (.*)$`, 'gm'))].map(([, address = '']) => address)
        const redirected = all('redirect_to').slice(-1)
        const recipients = redirected.length > 0 ? redirected : all('recipient')
        return { text: postcat('-hbq', id), recipients }
      }
      await new Promise((wake) => setTimeout(wake, 20))
    }
    return undefined
  },
}

try {
  const sections: string[] = []
  for (const [i, { name, cases }] of groups.entries())
    for (const [one, text] of Object.entries(cases))
      sections.push([`# ${name} / ${one}`, ...(await record(served, i, text)), ''].join('\n'))
  writeFileSync(join(import.meta.dirname, 'recorded.txt'), sections.join('\n'))
} finally {
  await postfix.stop()
  rmSync(dir, { recursive: true, force: true })
}
