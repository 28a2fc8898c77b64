/**
 * docs/parameters.md from the registry: every parameter of postconf(5) and every one of ours.
 * `node tools/parameters.ts` writes it; a test compares.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  classOf,
  configDoc,
  genericName,
  type ParamSpec,
  postfixParameter,
  postfixParameters,
  transportParameters,
} from '#src/io/config/mod.ts'
import { allParams } from '#src/main/registry.ts'

export const PAGE = join(import.meta.dirname, '..', 'docs', 'parameters.md')

const HEAD = `# Parameters

Every parameter of postconf(5) in Postfix 3.10, and Postigo's own. Made by \`node tools/parameters.ts\` from what the
rooms define; \`postconf -d\` prints the defaults, \`postigo check\` says which of these classes the parameters of a
configuration are in. Text in \`$\` or braces is expanded as postconf(5) says. A transport of master.cf named *x* has
parameters of its own, \`x_destination_concurrency_limit\` and so on: here \`*_destination_concurrency_limit\`.
`

interface Row {
  readonly name: string
  readonly initial: string
  readonly text: string
}

/** A cell of a table: one line, no column ends. */
const cell = (text: string): string => text.replace(/\s+/g, ' ').replaceAll('|', '\\|')
const code = (text: string): string => (text === '' ? '' : `\`${cell(text).replaceAll('`', "'")}\``)

function table(rows: readonly Row[], third: string): string {
  const lines = rows
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, initial, text }) => `| \`${name}\` | ${code(initial)} | ${cell(text)} |`)
  return [`| parameter | default | ${third} |`, '| --- | --- | --- |', ...lines].join('\n')
}

/** What the values may be, behind what the parameter does. */
function docOf(spec: ParamSpec<unknown>): string {
  const shown = (n: number): string => (spec.kind === 'time' ? `${n / 1000}s` : String(n))
  const bounds = [
    spec.values === undefined || spec.kind === 'list'
      ? ''
      : `One of ${spec.values.map((v) => v || '(empty)').join(', ')}.`,
    spec.min === undefined || spec.min === 0 ? '' : `At least ${shown(spec.min)}.`,
    spec.max === undefined ? '' : `At most ${shown(spec.max)}.`,
  ]
  return [spec.doc, ...bounds].filter((text) => text !== '').join(' ')
}

export function parametersPage(): string {
  const registry = allParams()
  const rows: Record<'honoured' | 'without-effect' | 'not-supported', Row[]> = {
    honoured: [],
    'without-effect': [],
    'not-supported': [],
  }
  for (const { name, default: initial } of [...postfixParameters, ...transportParameters]) {
    const ofTransports = name.startsWith('_')
    const what = classOf(ofTransports ? `x${name}` : name, registry)
    const shown = ofTransports ? `*${name}` : name
    const spec = registry.get(name) ?? registry.get(genericName(name))
    if (what.kind === 'honoured')
      rows.honoured.push({
        name: shown,
        initial: ofTransports ? initial : (spec?.default ?? initial),
        text: spec ? docOf(spec) : (configDoc(name) ?? ''),
      })
    else if (what.kind === 'without-effect') rows['without-effect'].push({ name: shown, initial, text: what.reason })
    else rows['not-supported'].push({ name: shown, initial, text: '' })
  }
  const own = [...registry]
    .filter(([name]) => postfixParameter(name) === undefined)
    .map(([name, spec]) => ({ name, initial: spec.default, text: docOf(spec) }))
  return [
    HEAD,
    `## Honoured\n\n${table(rows.honoured, 'what it does')}\n`,
    `## Postigo's own\n\n${table(own, 'what it does')}\n`,
    `## Without effect\n\nThese are taken and change nothing, for a reason.\n\n${table(rows['without-effect'], 'why')}\n`,
    `## Not supported yet\n\n\`postigo check\` warns of these.\n\n${table(rows['not-supported'], '')}\n`,
  ].join('\n')
}

if (process.argv[1] === import.meta.filename) writeFileSync(PAGE, parametersPage())
