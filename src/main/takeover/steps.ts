/** What a takeover changes of a machine, step by step, and how each step is undone exactly. */
import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'

/** The machine: its root directory, and how programs are run there. */
export interface Machine {
  /** `''`: this one. */
  readonly root: string
  /** Throws what went wrong. */
  run(argv: readonly string[]): string
}

export type Step =
  /** A program is put aside as `aside`, and a link to `target` takes its place. */
  | { readonly kind: 'program'; readonly path: string; readonly aside: string; readonly target: string }
  /** A file is written; `before` is what it held, undefined: it was not there. */
  | { readonly kind: 'file'; readonly path: string; readonly text: string; readonly before: string | undefined }
  /** A unit of systemd is switched on or off; what it was is kept. */
  | { readonly kind: 'unit'; readonly name: string; readonly on: boolean; readonly was: UnitState }

export interface UnitState {
  readonly enabled: boolean
  readonly active: boolean
}

export function describeStep(step: Step): string {
  switch (step.kind) {
    case 'program':
      return `${step.path} is put aside as ${step.aside}; in its place a link to ${step.target}`
    case 'file':
      return `${step.path} is written${step.before === undefined ? '' : ' anew'}`
    case 'unit':
      return `systemctl ${step.on ? 'enable' : 'disable --now'} ${step.name}`
    default:
      return step satisfies never
  }
}

export function describeUndo(step: Step): string {
  switch (step.kind) {
    case 'program':
      return `${step.aside} is ${step.path} again`
    case 'file':
      return step.before === undefined ? `${step.path} is removed` : `${step.path} is what it was`
    case 'unit':
      return `systemctl ${step.was.enabled ? 'enable' : 'disable'} ${step.name}`
    default:
      return step satisfies never
  }
}

/** Does nothing where it is done already. */
export function doStep(step: Step, machine: Machine): void {
  switch (step.kind) {
    case 'program':
      return putAside(step, machine)
    case 'file': {
      const path = machine.root + step.path
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, step.text, { mode: 0o644 })
      if (hasSystemd(machine)) machine.run(['systemctl', 'daemon-reload'])
      return
    }
    case 'unit':
      machine.run(step.on ? ['systemctl', 'enable', step.name] : ['systemctl', 'disable', '--now', step.name])
      return
    default:
      step satisfies never
  }
}

/** Does nothing where it was never done. */
export function undoStep(step: Step, machine: Machine): void {
  switch (step.kind) {
    case 'program':
      return bringBack(step, machine)
    case 'file': {
      const path = machine.root + step.path
      if (step.before === undefined) rmSync(path, { force: true })
      else writeFileSync(path, step.before)
      if (hasSystemd(machine)) machine.run(['systemctl', 'daemon-reload'])
      return
    }
    case 'unit':
      // Whether it runs is for who gives the machine back to say: two servers at once would be one too many.
      machine.run(['systemctl', step.was.enabled ? 'enable' : 'disable', step.name])
      return
    default:
      step satisfies never
  }
}

type Program = Step & { readonly kind: 'program' }

/** Where there is dpkg it must know, or the next update of the package takes the place again. */
function putAside({ path, aside, target }: Program, machine: Machine): void {
  const [at, to] = [machine.root + path, machine.root + aside]
  if (kindOf(at) === 'link' && isLinkTo(at, target)) return
  if (hasDpkg(machine)) machine.run(divert(machine, ['--divert', aside, '--add', path]))
  else if (kindOf(at) !== undefined) renameSync(at, to)
  mkdirSync(dirname(at), { recursive: true })
  symlinkSync(target, at)
}

function bringBack({ path, aside, target }: Program, machine: Machine): void {
  const [at, to] = [machine.root + path, machine.root + aside]
  // A link that somebody else has put there since is not ours to remove.
  if (kindOf(at) === 'link' && isLinkTo(at, target)) rmSync(at)
  if (kindOf(at) !== undefined) return
  if (hasDpkg(machine)) machine.run(divert(machine, ['--divert', aside, '--remove', path]))
  else if (kindOf(to) !== undefined) renameSync(to, at)
}

function divert({ root }: Machine, words: readonly string[]): string[] {
  return ['dpkg-divert', ...(root === '' ? [] : [`--root=${root}`]), '--quiet', '--local', '--rename', ...words]
}

function hasDpkg({ root }: Machine): boolean {
  return kindOf(join(root, '/var/lib/dpkg/status')) === 'other'
}

export function hasSystemd({ root }: Machine): boolean {
  return kindOf(join(root, '/run/systemd/system')) !== undefined
}

export function kindOf(path: string): 'link' | 'other' | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  return stat === undefined ? undefined : stat.isSymbolicLink() ? 'link' : 'other'
}

function isLinkTo(path: string, target: string): boolean {
  return readlinkSync(path) === target
}

export function textOf(path: string): string | undefined {
  return kindOf(path) === undefined ? undefined : readFileSync(path, 'utf8')
}
