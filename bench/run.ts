/**
 * `npm run bench` measures Postigo beside Debian's Postfix and Dovecot where they are installed, all in one run: `-- smtp`,
 * `-- imap`, `-- pop3`, or one of the parts by its name, choose; `--quick` is short. Machines are shared and noisy: judge by CPU, and
 * by ratios within one run.
 */
import { benchIdle } from './idle.ts'
import { benchLatency } from './imap/latency.ts'
import { benchLogins } from './imap/logins.ts'
import { benchMailbox } from './imap/mailbox.ts'
import { benchPop3 } from './imap/pop3.ts'
import { benchLookups } from './lookups.ts'
import { benchQueue } from './queue.ts'
import { benchRelay } from './relay.ts'
import { benchSmtp } from './smtp.ts'

interface Part {
  readonly name: string
  readonly group: 'smtp' | 'imap' | 'pop3'
  run(quick: boolean): Promise<void>
}

const PARTS: readonly Part[] = [
  { name: 'reception', group: 'smtp', run: benchSmtp },
  { name: 'relay', group: 'smtp', run: benchRelay },
  { name: 'queue', group: 'smtp', run: benchQueue },
  { name: 'lookups', group: 'smtp', run: benchLookups },
  { name: 'mailbox', group: 'imap', run: benchMailbox },
  { name: 'logins', group: 'imap', run: benchLogins },
  { name: 'latency', group: 'imap', run: benchLatency },
  { name: 'idle', group: 'imap', run: benchIdle },
  { name: 'retrieval', group: 'pop3', run: benchPop3 },
]

const words = process.argv.slice(2)
const wanted = words.filter((word) => !word.startsWith('--'))
const unknown = wanted.find((word) => !PARTS.some(({ name, group }) => word === name || word === group))
if (unknown === undefined) {
  for (const part of PARTS)
    if (wanted.length === 0 || wanted.includes(part.name) || wanted.includes(part.group))
      await part.run(words.includes('--quick'))
} else {
  console.error(`${unknown}: smtp, imap, pop3, or one of ${PARTS.map(({ name }) => name).join(', ')}`)
  process.exitCode = 1
}
