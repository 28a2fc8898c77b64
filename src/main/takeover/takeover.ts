/**
 * Postigo takes Postfix's place on a machine, and gives it back. What was done stands in a file of root's alone before it is
 * done, so that it can be undone from anywhere. Nothing in the configuration directory or in the queue directory is touched.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config } from '../../io/config/mod.ts'
import { doStep, hasSystemd, kindOf, type Machine, type Step, textOf, undoStep, type UnitState } from './steps.ts'

/** Not below data_directory: whoever owns that would tell root what to do. */
const STATE = '/var/lib/postigo/takeover.json'
const UNIT = '/etc/systemd/system/postigo.service'
/** Those of command_directory that look at a queue; the others work on the same files whoever runs. */
const COMMANDS = ['postqueue', 'postsuper', 'postcat'] as const

export interface TakeoverOptions {
  readonly config: Config
  /** Where this program is installed. */
  readonly home: string
  readonly machine: Machine
}

/** What is to be done; nothing of it is done yet. */
export function plannedSteps({ config, home, machine }: TakeoverOptions): Step[] {
  const value = (name: string): string => config.value(name) ?? ''
  const programs = [
    [value('sendmail_path'), 'sendmail'],
    [value('mailq_path'), 'mailq'],
    [value('newaliases_path'), 'newaliases'],
    ...COMMANDS.map((name) => [join(value('command_directory'), name), name]),
  ] as const
  const steps: Step[] = programs.map(([path = '', name = '']) => ({
    kind: 'program',
    path,
    aside: `${path}.postfix`,
    target: join(home, 'bin', name),
  }))
  const unit = readFileSync(join(home, 'packaging/postigo.service'), 'utf8')
    .replaceAll('/usr/bin/postigo', join(home, 'bin/postigo'))
    .replaceAll('-c /etc/postfix', `-c ${config.directory}`)
  steps.push({ kind: 'file', path: UNIT, text: unit, before: textOf(machine.root + UNIT) })
  if (hasSystemd(machine)) {
    steps.unshift({ kind: 'unit', name: 'postfix.service', on: false, was: unitState('postfix.service', machine) })
    steps.push({ kind: 'unit', name: 'postigo.service', on: true, was: { enabled: false, active: false } })
  }
  return steps
}

function unitState(name: string, machine: Machine): UnitState {
  const says = (word: string, wanted: RegExp): boolean => {
    try {
      return wanted.test(machine.run(['systemctl', word, name]))
    } catch {
      return false // systemctl's exit code says no
    }
  }
  return { enabled: says('is-enabled', /^enabled/), active: says('is-active', /^active/) }
}

/** What stands in the way; `''`: nothing. */
export function obstacle(steps: readonly Step[], { machine }: Pick<TakeoverOptions, 'machine'>): string {
  for (const step of steps)
    if (step.kind === 'program' && kindOf(machine.root + step.aside) !== undefined)
      return `${step.aside} is there already: whose is it?`
  return ''
}

/** The steps of a takeover that holds; undefined: there is none. */
export function takenOver({ root }: Machine): readonly Step[] | undefined {
  const path = root + STATE
  if (!existsSync(path)) return undefined
  return (JSON.parse(readFileSync(path, 'utf8')) as { steps: Step[] }).steps // only root writes there
}

export function takeOver(steps: readonly Step[], machine: Machine, told: (step: Step) => void): void {
  const path = machine.root + STATE
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  writeFileSync(`${path}.new`, `${JSON.stringify({ steps }, undefined, 2)}\n`, { mode: 0o600, flush: true })
  renameSync(`${path}.new`, path)
  for (const step of steps) {
    told(step)
    doStep(step, machine)
  }
}

export function giveBack(steps: readonly Step[], machine: Machine, told: (step: Step) => void): void {
  for (const step of steps.toReversed()) {
    told(step)
    undoStep(step, machine)
  }
  rmSync(machine.root + STATE)
}
