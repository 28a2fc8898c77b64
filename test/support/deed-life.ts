/**
 * One life of a server that is asked for all of fault-work.ts, in a process of its own that ends at a place between two writes.
 *
 *     deed-life.ts DIR KILL-AT     KILL-AT: a place's number; 0: none
 *
 * It says `done NAME` or `failed NAME` for each deed, and `places N` at its end.
 */
import { writeSync } from 'node:fs'
import { countWrites } from './write-points.ts'

const [dir = '', killAt = '0'] = process.argv.slice(2)
const say = (line: string): void => void writeSync(1, `${line}\n`)
const points = await countWrites({ dir, killAt: Number(killAt) })
const { Server } = await import('#src/main/server/server.ts')
const { DEEDS } = await import('./fault-work.ts')

const { server } = await Server.start({ directory: dir, portOffset: 0, freePorts: true, singleThread: true })
for (const { name, run } of DEEDS) say(`${(await run(server).catch(() => false)) ? 'done' : 'failed'} ${name}`)
await server.stop()
say(`places ${points.count}`)
