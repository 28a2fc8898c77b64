import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { loadConfig } from '../../io/config/mod.ts'
import { allParams } from '../registry.ts'
import type { Machine } from './steps.ts'
import { giveBack, obstacle, plannedSteps, takenOver, takeOver, type TakeoverOptions } from './takeover.ts'

const HOME = join(import.meta.dirname, '../../..')

/** Every file with its mode and what is in it. */
function treeOf(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((name) => {
      const path = join(root, name)
      const stat = lstatSync(path)
      const content = stat.isSymbolicLink() ? readlinkSync(path) : stat.isFile() ? readFileSync(path, 'latin1') : ''
      return `${name} ${stat.mode.toString(8)} ${content}`
    })
    .toSorted()
}

interface World extends TakeoverOptions {
  readonly commands: string[]
}

function world(t: TestContext, { dpkg = false, systemd = false } = {}): World {
  const root = mkdtempSync(join(tmpdir(), 'postigo-machine-'))
  t.after(() => rmSync(root, { recursive: true }))
  for (const path of ['usr/sbin', 'usr/bin', 'etc/postfix', 'etc/systemd/system', 'var/lib/postigo'])
    mkdirSync(join(root, path), { recursive: true })
  writeFileSync(join(root, 'usr/sbin/sendmail'), 'sendmail of Postfix')
  writeFileSync(join(root, 'usr/sbin/postqueue'), 'postqueue of Postfix')
  chmodSync(join(root, 'usr/sbin/postqueue'), 0o2555)
  symlinkSync('../sbin/sendmail', join(root, 'usr/bin/mailq'))
  writeFileSync(join(root, 'etc/postfix/main.cf'), 'compatibility_level = 3.6\n')
  if (systemd) mkdirSync(join(root, 'run/systemd/system'), { recursive: true })
  if (dpkg) {
    mkdirSync(join(root, 'var/lib/dpkg/info'), { recursive: true })
    for (const name of ['status', 'diversions']) writeFileSync(join(root, 'var/lib/dpkg', name), '')
  }
  const commands: string[] = []
  const machine: Machine = {
    root,
    run(argv) {
      const [program = '', ...words] = argv
      if (program === 'systemctl') {
        commands.push(argv.join(' '))
        return words[0] === 'is-enabled' ? 'enabled\n' : 'active\n'
      }
      const ran = spawnSync(program, words, { encoding: 'utf8' })
      assert.equal(ran.status, 0, ran.stderr)
      return ran.stdout
    },
  }
  return { config: loadConfig(join(root, 'etc/postfix'), allParams()), home: HOME, machine, commands }
}

for (const dpkg of [false, true])
  test(`the machine is what it was after giveback${dpkg ? ', with dpkg' : ''}`, (t) => {
    const options = world(t, { dpkg })
    const { root } = options.machine
    const before = treeOf(root)
    const told: string[] = []
    takeOver(plannedSteps(options), options.machine, ({ kind }) => told.push(kind))
    assert.deepEqual(told, [...Array<string>(6).fill('program'), 'file'])
    assert.equal(readlinkSync(join(root, 'usr/sbin/sendmail')), join(HOME, 'bin/sendmail'))
    assert.equal(readFileSync(join(root, 'usr/sbin/sendmail.postfix'), 'utf8'), 'sendmail of Postfix')
    if (dpkg)
      assert.match(readFileSync(join(root, 'var/lib/dpkg/diversions'), 'utf8'), /\/usr\/sbin\/sendmail\.postfix\n/)
    const unit = readFileSync(join(root, 'etc/systemd/system/postigo.service'), 'utf8')
    assert.match(unit, new RegExp(`ExecStart=${HOME}/bin/postigo start --foreground -c ${root}/etc/postfix\n`))
    giveBack(takenOver(options.machine) ?? [], options.machine, () => {})
    const after = treeOf(root).filter((line) => !line.includes('-old '))
    assert.deepEqual(after, before)
  })

test('systemd’s units are switched, and Postfix’s is what it was', (t) => {
  const options = world(t, { systemd: true })
  takeOver(plannedSteps(options), options.machine, () => {})
  giveBack(takenOver(options.machine) ?? [], options.machine, () => {})
  assert.deepEqual(options.commands, [
    'systemctl is-enabled postfix.service',
    'systemctl is-active postfix.service',
    'systemctl disable --now postfix.service',
    'systemctl daemon-reload',
    'systemctl enable postigo.service',
    'systemctl disable postigo.service',
    'systemctl daemon-reload',
    'systemctl enable postfix.service',
  ])
})

test('a takeover that was stopped halfway is undone, and what is in the way is told before', (t) => {
  const options = world(t)
  const before = treeOf(options.machine.root)
  let left = 2
  assert.throws(() =>
    takeOver(plannedSteps(options), options.machine, () => {
      if (left-- === 0) throw new Error('stopped')
    }),
  )
  const steps = takenOver(options.machine) ?? []
  assert.match(obstacle(steps, options), /\/usr\/sbin\/sendmail\.postfix is there already/)
  giveBack(steps, options.machine, () => {})
  assert.deepEqual(treeOf(options.machine.root), before)
  assert.equal(takenOver(options.machine), undefined)
})
