/**
 * How a room writes down its parameters:
 *
 *     export const smtpdParams = defineParams({
 *       smtpd_recipient_limit: int('1000', 'The most recipients of one message.', { min: 1 }),
 *       smtpd_helo_required: bool('no', 'Whether a client must say HELO or EHLO first.'),
 *     })
 *     export type SmtpdSettings = Settings<typeof smtpdParams>
 */
import type { ParamSpec, ParamSpecs, Registry } from './contract.ts'

type Common = Pick<ParamSpec<unknown>, 'oldNames'>
type Bounds = Pick<ParamSpec<unknown>, 'min' | 'max'>

/** Text with `$name` expanded. */
export function str(initial: string, doc: string, options: Common = {}): ParamSpec<string> {
  return { kind: 'string', default: initial, doc, ...options }
}

/** Text exactly as written: `$` forms are for later (`rbl_reply`, `forward_path`). */
export function raw(initial: string, doc: string, options: Common = {}): ParamSpec<string> {
  return { kind: 'raw', default: initial, doc, ...options }
}

/** `yes` or `no`. The default may be an expression (`${{$compatibility_level} <level {1} ? {yes} : {no}}`). */
export function bool(initial: string, doc: string, options: Common = {}): ParamSpec<boolean> {
  return { kind: 'bool', default: initial, doc, ...options }
}

/** A whole number. */
export function int(initial: string, doc: string, options: Common & Bounds = {}): ParamSpec<number> {
  return { kind: 'int', default: initial, doc, ...options }
}

/** A time with a unit `s m h d w`; binds to milliseconds. `unit` is meant where none is written; bounds are in ms. */
export function time(
  initial: string,
  doc: string,
  options: Common & Bounds & Pick<ParamSpec<unknown>, 'unit'> = {},
): ParamSpec<number> {
  return { kind: 'time', default: initial, doc, unit: 's', ...options }
}

/** Octets. Postfix's own sizes are plain numbers; with `suffixes` also `k`, `M`, `G`. */
export function size(
  initial: string,
  doc: string,
  options: Common & Bounds & Pick<ParamSpec<unknown>, 'suffixes'> = {},
): ParamSpec<number> {
  return { kind: 'size', default: initial, doc, ...options }
}

/**
 * Words between commas or white space; `{ … }` is kept together as one item, braces included. With `values` `check` tells of
 * words that are none of them; letter case does not matter, and they bind in lower case, as `values` are written.
 */
export function list(
  initial: string,
  doc: string,
  options: Common & Pick<ParamSpec<unknown>, 'values'> = {},
): ParamSpec<readonly string[]> {
  return { kind: 'list', default: initial, doc, ...options }
}

/** One of some words. Letter case does not matter; it binds to the word as written here. */
export function choice<const V extends string>(
  values: readonly V[],
  initial: string,
  doc: string,
  options: Common = {},
): ParamSpec<V> {
  return { kind: 'enum', default: initial, doc, values, ...options }
}

/** A room's parameters, frozen, with the exact type that `Settings` needs. */
export function defineParams<const P extends ParamSpecs>(specs: P): P {
  return Object.freeze(specs)
}

/** All rooms' parameters in one map. Two rooms may share a name if they agree on its kind, default and words. */
export function makeRegistry(...rooms: readonly ParamSpecs[]): Registry {
  const registry = new Map<string, ParamSpec<unknown>>()
  for (const specs of rooms) {
    for (const [name, spec] of Object.entries(specs)) {
      const other = registry.get(name)
      if (other !== undefined && !areAlike(other, spec))
        throw new Error(`parameter ${name} is defined twice and differently`)
      if (other === undefined) registry.set(name, spec)
    }
  }
  return registry
}

function areAlike(one: ParamSpec<unknown>, other: ParamSpec<unknown>): boolean {
  const words = ({ values = [] }: ParamSpec<unknown>): string => values.toSorted().join(' ')
  return one.kind === other.kind && one.default === other.default && words(one) === words(other)
}
