/**
 * The table of docs/imap.md from docs/standards.tsv: each extension of IMAP, its standard, whether it is held whole or what is
 * missing, and the test that shows it. `node tools/imap.ts` writes it; a test compares.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const DOCS = join(import.meta.dirname, '..', 'docs')
export const IMAP_PAGE = join(DOCS, 'imap.md')

/** A line of docs/standards.tsv that is about an extension. */
export interface Extension {
  readonly rfc: string
  readonly title: string
  readonly state: string
  readonly missing: string
  /** What CAPABILITY calls it. */
  readonly words: readonly string[]
  readonly test: string
}

export function imapExtensions(): Extension[] {
  const lines = readFileSync(join(DOCS, 'standards.tsv'), 'utf8').trimEnd().split('\n').slice(1)
  return lines.flatMap((line) => {
    const [rfc = '', title = '', state = '', , missing = '', words = '', test = ''] = line.split('\t')
    return words === '' ? [] : [{ rfc, title, state, missing, words: words.split(', '), test }]
  })
}

const BEGIN = '<!-- made by `node tools/imap.ts` from standards.tsv -->'
const END = '<!-- end of what is made -->'

/** A cell of a table: one line, no column ends. */
const cell = (text: string): string => text.replaceAll('|', '\\|')

function row({ rfc, title, state, missing, words, test }: Extension): string {
  const [, number = ''] = /(\d+)/.exec(rfc) ?? []
  const link = `[${rfc}](https://www.rfc-editor.org/rfc/rfc${number} "${title}")`
  const held = [state, missing].filter((text) => text !== '').join(': ')
  const proof = test === '' ? '' : `[${test.split('/').at(-1)}](../${test})`
  return `| ${words.map((word) => `\`${word}\``).join(', ')} | ${link} | ${cell(held)} | ${proof} |`
}

const order = ({ state, words }: Extension): string => `${state === 'not yet' ? 1 : 0} ${words[0]}`

function table(): string {
  const rows = imapExtensions()
    .toSorted((a, b) => (order(a) < order(b) ? -1 : 1))
    .map(row)
  return ['| extension | standard | held | shown by |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

/** The page as it should be. */
export function imapPage(): string {
  const page = readFileSync(IMAP_PAGE, 'utf8')
  const [before, rest = ''] = page.split(BEGIN)
  return `${before}${BEGIN}\n\n${table()}\n\n${END}${rest.split(END)[1] ?? ''}`
}

if (process.argv[1] === import.meta.filename) writeFileSync(IMAP_PAGE, imapPage())
