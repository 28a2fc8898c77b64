/** Many walkers on one mailbox, and the comparison at the end. */
import assert from 'node:assert/strict'
import { dialogue } from './imap.ts'
import { Model } from './imap-model.ts'
import { Picture } from './imap-picture.ts'
import { Random } from './random.ts'
import { AWAY, BOX, Walker } from './imap-walker.ts'
import type { After } from './process.ts'

export interface CrowdOptions {
  readonly sessions: number
  readonly seed: number
  readonly port: () => number
  /** Whether to go on. */
  readonly goesOn: (steps: number) => boolean
  /** Resolves when the server stays as it is, for the comparison. */
  readonly settled?: () => Promise<void>
  /** How long an answer may keep a session waiting. */
  readonly limitMs?: number
}

/** Account `ana` must be there. Answers what was done, how often, and what was wrong. */
export async function crowd(t: After, options: CrowdOptions): Promise<Model> {
  const model = new Model()
  const { port, limitMs = 20_000 } = options
  const first = await dialogue(t, port(), 'ana', 'plain', limitMs)
  for (const mailbox of [BOX, AWAY]) assert.match(await first.ask(`CREATE ${mailbox}`), /OK/)
  first.close()
  const walkers = Array.from(
    { length: options.sessions },
    (_, i) => new Walker(i, model, new Random(options.seed * 1000 + i), port, limitMs),
  )
  let steps = 0
  const walk = async (walker: Walker): Promise<void> => {
    while (options.goesOn(steps) && model.problems.length === 0) {
      await walker.step()
      steps++
    }
  }
  try {
    await Promise.all(walkers.map(walk))
    await options.settled?.()
    await compare(t, model, walkers, port(), limitMs)
  } finally {
    model.trace = walkers.find(({ name }) => model.problems[0]?.startsWith(`${name}:`))?.trace() ?? ''
    for (const walker of walkers) walker.close()
  }
  return model
}

/** Each session knows what a new one is told, and that is what the model says. */
async function compare(
  t: After,
  model: Model,
  walkers: readonly Walker[],
  port: number,
  limitMs: number,
): Promise<void> {
  if (model.problems.length > 0) return
  const whole = new Picture('the end', model, false)
  const last = await dialogue(t, port, 'ana', 'plain', limitMs)
  whole.apply(await last.ask(`SELECT ${BOX} (CONDSTORE)`))
  if (whole.rows.length > 0) whole.apply(await last.ask('UID FETCH 1:* (UID FLAGS MODSEQ INTERNALDATE)'))
  const text = whole.rows.length === 0 ? '' : await last.ask('UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])')
  const rows = whole.known()
  for (const [, uid, subject] of text.matchAll(/UID (\d+) [^\n]*\r\nSubject: (\d+)/g))
    if (rows.get(Number(uid))?.token !== Number(subject)) model.problem(`UID ${uid} has the content of ${subject}`)
  last.close()
  model.end(
    rows,
    walkers.map((walker) => walker.keyword),
  )
  for (const walker of walkers) {
    const told = (await walker.finish()).known()
    if (told.size !== rows.size) model.problem(`${walker.keyword} knows ${told.size} messages of ${rows.size}`)
    for (const [uid, row] of rows) {
      const its = told.get(uid)
      if (its?.flags !== row.flags || its.modSeq !== row.modSeq)
        model.problem(
          `${walker.keyword}: UID ${uid} has (${its?.flags}) ${its?.modSeq}, and is (${row.flags}) ${row.modSeq}`,
        )
    }
  }
}
